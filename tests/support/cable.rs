//! A cable between the program and its database server that can be pulled out and put back.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes every connection on while it is plugged in.
pub struct Cable {
    pub address: SocketAddr,
    plugged: watch::Sender<bool>,
}

impl Cable {
    /// Plugged in, and leading to this server.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let plugged = watch::Sender::new(true);
        let state = plugged.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() {
                    tokio::spawn(pass_on(client, server.clone(), state.clone()));
                }
            }
        });
        Self { address, plugged }
    }

    /// Cuts every connection and lets no new one through.
    pub fn pull(&self) {
        self.plugged.send_replace(false);
    }

    pub fn put_back(&self) {
        self.plugged.send_replace(true);
    }
}

async fn pass_on(mut client: TcpStream, server: String, mut state: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = state.wait_for(|is_plugged| !is_plugged) => {}
    }
}
