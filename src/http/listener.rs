//! Connections that do not waste our time: one on which nothing has been written for a while is closed, be it
//! idle, sending its request a byte at a time, or not reading its answer. And there are only so many.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Longer than the longest request; every answer, and every part of a long one, begins it anew.
const PATIENCE: Duration = Duration::from_secs(40);
/// Connections at once. Below the 1,024 files that a process may usually open.
const CONNECTIONS: usize = 800;

/// An acceptor whose connections end when nothing comes of them.
pub struct Patient {
    inner: TcpAcceptor,
    places: Arc<Semaphore>,
}

impl Patient {
    /// Guards this acceptor.
    pub fn new(inner: TcpAcceptor) -> Self {
        Self { inner, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Acceptor for Patient {
    type Io = Connection<TcpStream>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.inner.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (io, local, remote, scheme) = self.inner.accept().await?;
        // A small event must not wait in Nagle's buffer for company. Without it, it comes late; no more.
        let _ = io.set_nodelay(true);
        let deadline = Box::pin(tokio::time::sleep(PATIENCE));
        Ok((Connection { io, deadline, _place: place }, local, remote, scheme))
    }
}

/// A connection with a deadline.
pub struct Connection<I> {
    io: I,
    deadline: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<I> Connection<I> {
    /// What a wait comes to: it goes on, or the time is over.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Connection<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_read(cx, buffer) {
            Poll::Pending => self.wait(cx),
            ready => ready,
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Connection<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.io).poll_write(cx, bytes) {
            Poll::Pending => self.wait(cx),
            ready => {
                self.deadline.as_mut().reset(Instant::now() + PATIENCE);
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn connection() -> (Connection<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(64);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Connection { io: near, deadline: Box::pin(tokio::time::sleep(PATIENCE)), _place: place }, far)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_a_byte_at_a_time_is_cut_off() {
        let (mut near, mut far) = connection();
        let dripping = tokio::spawn(async move {
            loop {
                far.write_all(b"x").await.unwrap_or_default();
                tokio::time::advance(Duration::from_secs(5)).await;
            }
        });
        let start = Instant::now();

        let mut buffer = [0; 8];
        let error = loop {
            if let Err(error) = near.read(&mut buffer).await {
                break error;
            }
        };

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= PATIENCE + Duration::from_secs(10));
        dripping.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_begins_the_patience_anew() {
        let (mut near, mut far) = connection();

        tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
        near.write_all(b"answer").await.unwrap();
        tokio::time::advance(PATIENCE - Duration::from_secs(1)).await;
        far.write_all(b"next").await.unwrap();

        let mut buffer = [0; 4];
        assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
    }
}
