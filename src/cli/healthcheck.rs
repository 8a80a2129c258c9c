//! `backstamp healthcheck`: asks the server on this machine whether it is ready, for images that hold nothing
//! else that could ask.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, redirect};

const PATIENCE: Duration = Duration::from_secs(4);

/// Fails unless the server that listens here answers that it is ready.
pub async fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(PATIENCE).build()?;
    let address = reachable(listen);
    let answer = client.get(format!("http://{address}/readyz")).send().await;
    let status = answer.with_context(|| format!("no answer from {address}"))?.status();
    if !status.is_success() {
        bail!("not ready: status {}", status.as_u16());
    }
    Ok(())
}

/// Who listens everywhere listens on loopback too.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(if listen.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_stands_for_all_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
