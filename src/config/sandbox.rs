//! The sandbox: what it listens on, whom it tells, and the keys of both sides.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use super::http::socket;
use super::reader::{Reader, is_loopback, web_url};
use super::{Faults, Sources, data_dir};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const WEBHOOK_URL: &str = "http://127.0.0.1:8080/webhooks/mailgun";

/// The sending domain of a sandbox that is told none.
pub const DOMAIN: &str = "sandbox.localhost";

/// Mailgun's API for one machine.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// `BACKSTAMP_SANDBOX_LISTEN`; the default depends on who starts it.
    listen: Option<SocketAddr>,
    /// `BACKSTAMP_SANDBOX_WEBHOOK_URL`, default `http://127.0.0.1:8080/webhooks/mailgun`.
    pub webhook_url: Url,
    /// `BACKSTAMP_MAILGUN_DOMAIN`, the sending domain that it takes mail for, default `sandbox.localhost`.
    pub domain: String,
    /// `BACKSTAMP_MAILGUN_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `BACKSTAMP_MAILGUN_SIGNING_KEY`, the first signs; none: make a random one at each start.
    pub signing_keys: Vec<SecretString>,
    /// `{DATA_DIR}/sandbox.db`, its mailbox.
    pub mailbox: PathBuf,
}

impl SandboxConfig {
    /// What `backstamp sandbox` needs, and nothing else: settings of the program that it serves may be
    /// faulty, or absent.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        reader.refuse_unknown();
        let data_dir = data_dir(&mut reader);
        let config = Self::read(&mut reader, &data_dir);
        reader.finish(config)
    }

    pub(super) fn read(reader: &mut Reader, data_dir: &Path) -> Self {
        let loopback_socket = |text: &str| {
            let listen = socket(text)?;
            if listen.ip().is_loopback() { Ok(listen) } else { Err("must be a loopback address".to_owned()) }
        };
        let loopback_url = |text: &str| {
            let url = web_url(text)?;
            if is_loopback(&url) { Ok(url) } else { Err("must be a loopback URL".to_owned()) }
        };
        Self {
            listen: reader.parsed("BACKSTAMP_SANDBOX_LISTEN", loopback_socket),
            webhook_url: reader
                .parsed("BACKSTAMP_SANDBOX_WEBHOOK_URL", loopback_url)
                .unwrap_or_else(|| Url::parse(WEBHOOK_URL).expect("the default is a URL")),
            domain: reader.text("BACKSTAMP_MAILGUN_DOMAIN").unwrap_or(DOMAIN).to_owned(),
            api_key: reader.secret("BACKSTAMP_MAILGUN_API_KEY"),
            signing_keys: reader.secrets("BACKSTAMP_MAILGUN_SIGNING_KEY"),
            mailbox: data_dir.join("sandbox.db"),
        }
    }

    /// Where it listens inside `serve`: any free port, as only `serve` itself calls it.
    pub fn listen_inside_serve(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::new(LOOPBACK, 0))
    }

    /// Where `backstamp sandbox` listens.
    pub fn listen_alone(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::new(LOOPBACK, 8090))
    }
}
