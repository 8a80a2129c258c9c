//! Many connections from one place: others find room, and whoever holds too much is let go.

use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::support::{ADMIN_KEY, Answer, Api, Installation, within};

/// Half of all places and some more.
const CROWD: usize = 500;
/// For the rest of a request's head, and a little.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);

/// A connection from another loopback address than everybody else's, with half a head on it.
async fn half_open(port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.2:0".parse().expect("an address")).expect("all of 127.0.0.0/8 is this machine");
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.expect("the server listens");
    // It may have been closed already.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost:").await;
    stream
}

fn is_closed(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

async fn refused(api: &Api) -> f64 {
    let request = api.request(Method::GET, "/metrics").bearer_auth(ADMIN_KEY);
    let text = Answer::of(request).await.expect("the server answers").text;
    let sample = text.lines().find_map(|line| line.strip_prefix("backstamp_connections_refused_total "));
    sample.expect("it is counted").parse().expect("a number")
}

#[tokio::test]
async fn a_crowd_from_one_network_leaves_room_for_others_and_is_let_go_soon() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(half_open(installation.port).await);
    }

    let closed = within(Duration::from_secs(5), "those too many are closed at once", async || {
        let closed = crowd.iter().filter(|stream| is_closed(stream)).count();
        (closed >= CROWD - 400).then_some(closed)
    })
    .await;
    let asked = Instant::now();
    let answer = Api::new(program.api.base.clone()).get("/healthz").await;

    assert_eq!(answer.status, 200);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    // Those of others are places that the crowd leaves free too.
    assert!((CROWD - 400..CROWD - 390).contains(&closed), "{closed}");
    assert!(refused(&program.api).await >= closed as f64);
    within(HEAD_PATIENCE, "the rest of a head is not waited for", async || {
        crowd.iter().all(is_closed).then_some(())
    })
    .await;
    assert!(!is_closed(&half_open(installation.port).await));
}
