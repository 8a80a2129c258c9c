//! A connection with a deadline: a short one while the head of a request comes in, a longer one while we answer
//! and between requests. Nothing that is read puts it off, only what comes of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::Place;

/// Longer than the longest request; every answer, and every part of a long one, begins it anew.
const PATIENCE: Duration = Duration::from_secs(40);
/// For the whole head of a request. A browser sends it at once, a slow network in a few round trips.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// A connection that ends when nothing comes of it.
pub struct Connection<I> {
    io: I,
    stage: Stage,
    deadline: Pin<Box<Sleep>>,
    _place: Place,
}

/// What a connection is waiting for.
enum Stage {
    /// The head of a request, up to the empty line.
    Head(HeadEnd),
    /// Our answer; a body may still be on its way in.
    Answer,
    /// The next request.
    Next,
    /// HTTP/2 weaves requests and answers: whatever comes.
    Frames,
}

/// Looks for the end of a head. Empty lines before its first do not count (RFC 9112 §2.2).
#[derive(Default)]
struct HeadEnd {
    has_begun: bool,
    /// Nothing stands in this line yet.
    in_empty_line: bool,
}

impl HeadEnd {
    fn is_in(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| match byte {
            b'\n' if self.has_begun && self.in_empty_line => true,
            b'\n' => {
                self.in_empty_line = true;
                false
            }
            b'\r' => false,
            _ => {
                self.has_begun = true;
                self.in_empty_line = false;
                false
            }
        })
    }
}

impl<I> Connection<I> {
    pub(super) fn new(io: I, place: Place) -> Self {
        let deadline = Box::pin(tokio::time::sleep(HEAD_PATIENCE));
        Self { io, stage: Stage::Head(HeadEnd::default()), deadline, _place: place }
    }

    /// What a wait comes to: it goes on, or the time is over.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn give(&mut self, patience: Duration) {
        self.deadline.as_mut().reset(Instant::now() + patience);
    }

    fn has_read(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if matches!(self.stage, Stage::Next) {
            self.stage = Stage::Head(HeadEnd::default());
            self.give(HEAD_PATIENCE);
        }
        if let Stage::Head(end) = &mut self.stage
            && end.is_in(bytes)
        {
            self.stage = Stage::Answer;
            self.give(PATIENCE);
        }
    }

    fn has_written(&mut self, bytes: &[u8]) {
        self.give(PATIENCE);
        match self.stage {
            // “100 Continue” asks for the body: the answer is still to come.
            Stage::Answer if bytes.starts_with(b"HTTP/1.1 1") => {}
            Stage::Answer if !bytes.starts_with(b"HTTP/") => self.stage = Stage::Frames,
            Stage::Frames => {}
            _ => self.stage = Stage::Next,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Connection<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buffer) {
            Poll::Pending => self.wait(cx),
            ready => {
                self.has_read(buffer.filled().get(before..).unwrap_or_default());
                ready
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Connection<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.io).poll_write(cx, bytes) {
            Poll::Pending => self.wait(cx),
            ready => {
                self.has_written(bytes);
                ready
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Pending => self.wait(cx),
            ready => ready,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_shutdown(cx) {
            Poll::Pending => self.wait(cx),
            ready => ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::Places;
    use super::*;

    const HEAD: &[u8] = b"POST /v1/accounts HTTP/1.1\r\nhost: a.test\r\n\r\n";
    const SECOND: Duration = Duration::from_secs(1);

    async fn connection() -> (Connection<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(1024);
        let places = Places::new(1, Vec::new());
        let place = places.give(places.free().await.unwrap(), None).unwrap();
        (Connection::new(near, place), far)
    }

    /// Reads what was sent, all of it.
    async fn read(near: &mut Connection<DuplexStream>, far: &mut DuplexStream, bytes: &[u8]) {
        far.write_all(bytes).await.unwrap();
        near.read_exact(&mut vec![0; bytes.len()]).await.unwrap();
    }

    /// How long nothing may come until the connection ends.
    async fn patience(near: &mut Connection<DuplexStream>) -> Duration {
        let start = Instant::now();
        let error = near.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // Timers have a resolution of a millisecond.
        Duration::from_secs(start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_in_byte_by_byte_is_cut_off() {
        let (mut near, mut far) = connection().await;
        let dripping = tokio::spawn(async move {
            loop {
                far.write_all(b"x").await.unwrap_or_default();
                tokio::time::sleep(SECOND).await;
            }
        });
        let start = Instant::now();

        let mut buffer = [0; 8];
        while near.read(&mut buffer).await.is_ok() {}

        assert!(start.elapsed() <= HEAD_PATIENCE + SECOND, "{:?}", start.elapsed());
        dripping.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_or_half_a_head_is_not_waited_for_long() {
        let (mut silent, _far) = connection().await;
        let (mut half, mut far) = connection().await;
        read(&mut half, &mut far, b"\r\n\r\n\nGET / HTTP/1.1\r\nhost:").await;

        assert_eq!(patience(&mut silent).await, HEAD_PATIENCE);
        // Both began at the same time.
        assert_eq!(patience(&mut half).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_an_answer_and_a_pause_before_the_next_request_have_longer() {
        let (mut near, mut far) = connection().await;
        read(&mut near, &mut far, HEAD).await;
        tokio::time::advance(PATIENCE - SECOND).await;
        near.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        read(&mut near, &mut far, b"{\"email\":").await;
        tokio::time::advance(PATIENCE - SECOND).await;
        near.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        tokio::time::advance(PATIENCE - SECOND).await;
        read(&mut near, &mut far, b"GET / HTTP/1.1\r\n").await;

        assert_eq!(patience(&mut near).await, HEAD_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_without_end_lives_for_as_long_as_it_is_written() {
        let (mut near, mut far) = connection().await;
        read(&mut near, &mut far, HEAD).await;
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        for _ in 0..5 {
            tokio::time::advance(PATIENCE - SECOND).await;
            near.write_all(b": still here\n\n").await.unwrap();
        }

        assert_eq!(patience(&mut near).await, PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn frames_of_http_2_have_no_heads_to_wait_for() {
        let (mut near, mut far) = connection().await;
        read(&mut near, &mut far, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        near.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        read(&mut near, &mut far, &[0, 0, 0, 4, 1, 0, 0, 0, 0]).await;

        assert_eq!(patience(&mut near).await, PATIENCE);
    }

    proptest! {
        #[test]
        fn a_head_ends_where_it_ends_however_it_is_cut(cuts in prop::collection::vec(0..HEAD.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut end = HeadEnd::default();
            let mut start = 0;
            for cut in cuts {
                prop_assert!(!end.is_in(&HEAD[start..cut]));
                start = cut;
            }
            prop_assert!(end.is_in(&HEAD[start..]));
        }
    }
}
