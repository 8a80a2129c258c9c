//! Connections that do not waste our time: one on which nothing comes of a request for a while is closed, be it
//! idle, sending its request a byte at a time, or not reading its answer. There are only so many, and no network
//! may hold more of them than it leaves to others.

mod patience;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::patience::Connection;
use super::client_address::peer_key;
use super::shares::{Share, Shares};
use crate::telemetry::Metrics;

/// Connections at once. Below the 1,024 files that a process may usually open.
const CONNECTIONS: usize = 800;

/// An acceptor whose connections end when nothing comes of them, and leave room for others.
pub struct Patient {
    inner: TcpAcceptor,
    places: Places,
    metrics: Metrics,
}

impl Patient {
    /// Guards this acceptor. Through trusted proxies many clients come, so they have no share.
    pub fn new(inner: TcpAcceptor, trusted_proxies: Vec<IpNet>, metrics: Metrics) -> Self {
        Self { inner, places: Places::new(CONNECTIONS, trusted_proxies), metrics }
    }
}

impl Acceptor for Patient {
    type Io = Connection<TcpStream>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.inner.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        loop {
            let free = self.places.free().await?;
            let (io, local, remote, scheme) = self.inner.accept().await?;
            let Some(place) = self.places.give(free, remote.as_socket_addr().map(|peer| peer.ip())) else {
                self.metrics.connection_refused();
                continue;
            };
            // A small event must not wait in Nagle's buffer for company. Without it, it comes late; no more.
            let _ = io.set_nodelay(true);
            return Ok((Connection::new(io, place), local, remote, scheme));
        }
    }
}

/// Places for connections, and which networks hold them.
struct Places {
    free: Arc<Semaphore>,
    shares: Shares<String>,
    trusted_proxies: Vec<IpNet>,
}

/// The place of a connection.
struct Place {
    _place: OwnedSemaphorePermit,
    _share: Option<Share<String>>,
}

impl Places {
    fn new(count: usize, trusted_proxies: Vec<IpNet>) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), shares: Shares::default(), trusted_proxies }
    }

    /// Waits for a place.
    async fn free(&self) -> io::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)
    }

    /// Gives the place to this peer, unless its network would hold more than are left. So one alone may have half
    /// of them, two a third each, and whoever holds none finds one for as long as there is any.
    fn give(&self, place: OwnedSemaphorePermit, peer: Option<IpAddr>) -> Option<Place> {
        let left = self.free.available_permits() + 1;
        let share = match peer.and_then(|peer| peer_key(peer, &self.trusted_proxies)) {
            Some(network) => Some(self.shares.take(network, left)?),
            None => None,
        };
        Some(Place { _place: place, _share: share })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(count: usize) -> Places {
        Places::new(count, vec!["10.0.0.0/8".parse().unwrap()])
    }

    impl Places {
        fn ask(&self, peer: &str) -> Option<Place> {
            let free = Arc::clone(&self.free).try_acquire_owned().ok()?;
            self.give(free, Some(peer.parse().unwrap()))
        }

        /// As many as this peer gets.
        fn take_all(&self, peer: &str) -> Vec<Place> {
            std::iter::from_fn(|| self.ask(peer)).collect()
        }
    }

    #[test]
    fn one_network_holds_half_of_all_places_and_the_next_ones_a_part_of_the_rest() {
        let places = places(800);

        let first = places.take_all("203.0.113.1");
        let second = places.take_all("203.0.113.2");
        let third = places.take_all("2001:db8::1");
        let neighbour = places.ask("2001:db8::2");

        assert_eq!([first.len(), second.len(), third.len()], [400, 200, 100]);
        assert!(neighbour.is_none(), "one /64 is one network");
        drop(first);
        assert!(places.ask("203.0.113.1").is_some());
    }

    #[test]
    fn a_trusted_proxy_may_hold_them_all() {
        assert_eq!(places(800).take_all("10.0.0.1").len(), 800);
    }

    proptest! {
        #[test]
        fn whoever_holds_none_gets_the_place_that_is_left(
            peers in prop::collection::vec((1_u8..30, 1_usize..30), 0..40),
        ) {
            let places = places(100);
            let mut held = Vec::new();
            for (peer, count) in peers {
                let asked = (0..count).filter_map(|_| places.ask(&format!("203.0.113.{peer}")));
                held.extend(asked);
            }

            let left = places.free.available_permits();

            prop_assert_eq!(places.ask("203.0.113.200").is_some(), left > 0);
        }
    }
}
