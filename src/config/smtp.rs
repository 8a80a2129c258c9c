//! The mail server of `BACKSTAMP_MAIL_PROVIDER=smtp`.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, Url};

use super::reader::Reader;

pub(super) const URL: &str = "BACKSTAMP_SMTP_URL";
const CA_FILE: &str = "BACKSTAMP_SMTP_CA_FILE";
const CONNECTIONS: &str = "BACKSTAMP_SMTP_CONNECTIONS";

/// The ports of submission (RFC 8314 §3).
const PORT_WRAPPED: u16 = 465;
const PORT_STARTTLS: u16 = 587;

const FORM: &str = "must be smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587?tls=required, \
                    with every / ? # @ : % of user and password percent-encoded";

/// Who takes our mails, and how to speak to it.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub encryption: SmtpEncryption,
    /// User and password.
    pub credentials: Option<(String, SecretString)>,
    /// `BACKSTAMP_SMTP_CA_FILE`: certificates, as PEM, that are trusted beside the system's.
    pub ca: Option<String>,
    /// `BACKSTAMP_SMTP_CONNECTIONS`, at the same time, default 4.
    pub connections: usize,
}

/// When a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpEncryption {
    /// `smtps://`: from the first byte.
    Wrapped,
    /// `tls=required`: by STARTTLS, or no mail.
    Required,
    /// `tls=opportunistic`: by STARTTLS if the server offers it, or somebody in between lets it through.
    Opportunistic,
    /// `tls=none`: never.
    None,
}

impl SmtpConfig {
    /// What is set is checked, used or not. None without a usable URL.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let server = reader.parsed(URL, Self::parse);
        let ca = reader.parsed(CA_FILE, certificates);
        let connections = reader.number(CONNECTIONS, 4, 1..=100);
        server.map(|server| Self { ca, connections, ..server })
    }

    /// Whether what is said to it stays on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| FORM)?;
        let is_bare = matches!(url.path(), "" | "/") && url.fragment().is_none();
        let (port, wrapped) = match url.scheme() {
            "smtps" if is_bare => (PORT_WRAPPED, true),
            "smtp" if is_bare => (PORT_STARTTLS, false),
            _ => return Err(FORM.into()),
        };
        let server = Self {
            host: host(&url)?,
            port: url.port().unwrap_or(port),
            encryption: SmtpEncryption::Wrapped,
            credentials: credentials(&url)?,
            ca: None,
            connections: 0,
        };
        let encryption = encryption(&url, wrapped, server.is_loopback())?;
        Ok(Self { encryption, ..server })
    }
}

/// The parser knows hosts of web URLs only, and takes those of others as they are.
fn host(url: &Url) -> Result<String, &'static str> {
    let host = match url.host().ok_or(FORM)? {
        Host::Domain(name) => Host::parse(name).map_err(|_| FORM)?,
        address => address.to_owned(),
    };
    Ok(match host {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}

fn credentials(url: &Url) -> Result<Option<(String, SecretString)>, &'static str> {
    let (user, password) = match (url.username(), url.password()) {
        ("", None) => return Ok(None),
        (user, Some(password)) if !user.is_empty() && !password.is_empty() => (user, password),
        _ => return Err("must have both a user and a password, or neither"),
    };
    // NUL separates them on the wire (RFC 4616).
    let decoded = |text| {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        (!text.contains(char::is_control)).then(|| text.into_owned())
    };
    match (decoded(user), decoded(password)) {
        (Some(user), Some(password)) => Ok(Some((user, password.into()))),
        _ => Err("must have a user and a password of UTF-8 without control characters"),
    }
}

fn encryption(url: &Url, wrapped: bool, is_loopback: bool) -> Result<SmtpEncryption, &'static str> {
    let asked: Vec<_> = url.query_pairs().collect();
    let mode = match asked.as_slice() {
        [] => None,
        [(name, mode)] if name == "tls" => Some(mode.as_ref()),
        _ => return Err(FORM),
    };
    match mode {
        _ if wrapped => match mode {
            None => Ok(SmtpEncryption::Wrapped),
            Some(_) => Err("needs no tls with smtps: it is encrypted from the first byte"),
        },
        // On this machine there is no wire.
        None if is_loopback => Ok(SmtpEncryption::None),
        None | Some("required") => Ok(SmtpEncryption::Required),
        Some("opportunistic") => Ok(SmtpEncryption::Opportunistic),
        Some("none") if is_loopback => Ok(SmtpEncryption::None),
        Some("none") => Err("must not have tls=none unless the host is a loopback address"),
        Some(_) => Err("must have tls=required, tls=opportunistic or, on a loopback address, tls=none"),
    }
}

fn certificates(path: &str) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => Ok(pem),
        Ok(_) => Err("must name a file with certificates as PEM".to_owned()),
        Err(error) => Err(format!("must name a file that can be read: {}", error.kind())),
    }
}
