//! The API and the pages.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::reader::{Reader, base_url, is_loopback, is_private, web_url};

/// How the program is reached, and by whom.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// `BACKSTAMP_LISTEN`, default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `BACKSTAMP_PUBLIC_URL`, default `http://127.0.0.1:8080`: base of every link in a mail. Its path ends
    /// with a slash, so relative paths can be joined.
    pub public_url: Url,
    /// `BACKSTAMP_TRUSTED_PROXIES`, networks whose forwarding headers count, default none.
    pub trusted_proxies: Vec<IpNet>,
    /// `BACKSTAMP_ALLOWED_REDIRECTS`, origins in their ASCII form that `redirect_to` may have, default none.
    pub allowed_redirects: Vec<String>,
    /// `BACKSTAMP_ALLOWED_ORIGINS`, origins in their ASCII form whose scripts may call, default none.
    pub allowed_origins: Vec<String>,
    /// `BACKSTAMP_REQUESTS_PER_IP_PER_HOUR`, default 30.
    pub requests_per_ip_per_hour: u32,
    /// `BACKSTAMP_ANSWER_DEADLINE_MS`, default 0, which is none: how long after its arrival a public request
    /// that could betray an account is answered.
    pub answer_deadline: Option<Duration>,
    /// `BACKSTAMP_METRICS_LISTEN`, where `/metrics` is served without a key, default none.
    pub metrics_listen: Option<SocketAddr>,
}

impl HttpConfig {
    pub(super) fn read(reader: &mut Reader, in_sandbox: bool) -> Self {
        let listen = reader
            .parsed("BACKSTAMP_LISTEN", socket)
            .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080));
        if in_sandbox && !listen.ip().is_loopback() {
            reader.fault(
                "BACKSTAMP_LISTEN",
                "must be a loopback address in the sandbox: its mailbox opens every account",
            );
        }
        let metrics_listen = reader.parsed("BACKSTAMP_METRICS_LISTEN", socket);
        if metrics_listen == Some(listen) {
            reader.fault("BACKSTAMP_METRICS_LISTEN", "must not be the address of BACKSTAMP_LISTEN");
        }
        let deadline = reader.number("BACKSTAMP_ANSWER_DEADLINE_MS", 0, 0..=60_000);
        Self {
            listen,
            public_url: public_url(reader, in_sandbox),
            trusted_proxies: reader.list("BACKSTAMP_TRUSTED_PROXIES", network),
            allowed_redirects: reader.list("BACKSTAMP_ALLOWED_REDIRECTS", origin),
            allowed_origins: reader.list("BACKSTAMP_ALLOWED_ORIGINS", origin),
            requests_per_ip_per_hour: reader.number("BACKSTAMP_REQUESTS_PER_IP_PER_HOUR", 30, 1..=u32::MAX),
            metrics_listen,
            answer_deadline: (deadline > 0).then(|| Duration::from_millis(deadline)),
        }
    }
}

pub(super) fn public_url(reader: &mut Reader, in_sandbox: bool) -> Url {
    const NAME: &str = "BACKSTAMP_PUBLIC_URL";
    let default = || Url::parse("http://127.0.0.1:8080/").expect("the default is a URL");
    let url = reader.parsed(NAME, base_url).unwrap_or_else(default);
    if in_sandbox && !is_loopback(&url) {
        reader.fault(NAME, "must be a loopback URL in the sandbox: its mailbox opens every account");
    } else if !is_private(&url) {
        reader.fault(NAME, "must be https unless it is a loopback URL: links carry tokens");
    }
    url
}

/// An address and a port; names are refused, as they can mean several addresses.
pub(super) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8080".to_owned())
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "must be a list of networks or addresses, such as 10.0.0.0/8,192.0.2.7".to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    web_url(text)
        .ok()
        .filter(|url| is_private(url) && url.path() == "/" && url.query().is_none())
        .map(|url| url.origin().ascii_serialization())
        .ok_or_else(|| {
            "must be a list of origins, such as https://app.example.com (http on loopback only)".to_owned()
        })
}
