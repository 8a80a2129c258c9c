//! The mail provider, and how mails are sent through it.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::reader::{DAY, NOT_AVAILABLE, Reader, base_url, is_private};
use crate::domain::address::EmailAddress;

const PROVIDER: &str = "BACKSTAMP_MAIL_PROVIDER";
/// Mailgun's host for accounts in the United States; Europe has one of its own.
const MAILGUN_US: &str = "https://api.mailgun.net/";

/// How mails leave.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `BACKSTAMP_MAIL_PROVIDER`, default `sandbox`.
    pub provider: MailProvider,
    /// `BACKSTAMP_MAIL_FROM`, default `Backstamp <no-reply@localhost>`.
    pub from: Sender,
    /// `BACKSTAMP_TRACK_OPENS`, default true.
    pub track_opens: bool,
    /// `BACKSTAMP_RECONCILE_AFTER`, seconds after which a call with unknown outcome is looked up at the
    /// provider, default 300, in the sandbox 2.
    pub reconcile_after: Duration,
}

/// Who takes mails from us.
#[derive(Debug, Clone)]
pub enum MailProvider {
    /// A server of our own that speaks Mailgun's API on this machine.
    Sandbox,
    /// Mailgun.
    Mailgun {
        /// `BACKSTAMP_MAILGUN_DOMAIN`.
        domain: String,
        /// `BACKSTAMP_MAILGUN_API_KEY`.
        api_key: SecretString,
        /// `BACKSTAMP_MAILGUN_SIGNING_KEY`, comma separated while they rotate; at least one.
        signing_keys: Vec<SecretString>,
        /// `BACKSTAMP_MAILGUN_BASE_URL`, default the US host. Its path ends with a slash.
        base_url: Url,
        /// `BACKSTAMP_REQUIRE_TLS`, default true: no delivery without encryption.
        require_tls: bool,
    },
}

/// Who mails are from.
#[derive(Debug, Clone)]
pub struct Sender {
    /// What people see.
    pub name: Option<String>,
    /// Where answers go.
    pub address: EmailAddress,
}

impl MailConfig {
    pub(super) fn read(reader: &mut Reader) -> Self {
        refuse_malformed_smtp(reader);
        let provider = provider(reader);
        let patience = if matches!(provider, MailProvider::Sandbox) { 2 } else { 300 };
        Self {
            provider,
            from: reader.parsed("BACKSTAMP_MAIL_FROM", Sender::parse).unwrap_or_default(),
            track_opens: reader.flag("BACKSTAMP_TRACK_OPENS", true),
            reconcile_after: reader.seconds("BACKSTAMP_RECONCILE_AFTER", patience, 1..=DAY),
        }
    }
}

fn provider(reader: &mut Reader) -> MailProvider {
    let base_url = reader.parsed("BACKSTAMP_MAILGUN_BASE_URL", api_url);
    let domain = reader.parsed("BACKSTAMP_MAILGUN_DOMAIN", domain);
    let require_tls = reader.flag("BACKSTAMP_REQUIRE_TLS", true);
    let is_sandbox = reader.parsed(PROVIDER, |text| match text {
        "sandbox" => Ok(true),
        "mailgun" => Ok(false),
        "smtp" => Err(format!("smtp {NOT_AVAILABLE}: use mailgun or sandbox")),
        _ => Err("must be sandbox or mailgun".to_owned()),
    });
    // Whoever names something else is not after a sandbox, and should not be told of its rules.
    if is_sandbox.unwrap_or(reader.text(PROVIDER).is_none()) {
        return MailProvider::Sandbox;
    }

    let signing_keys = reader.secrets("BACKSTAMP_MAILGUN_SIGNING_KEY");
    let api_key = reader.secret("BACKSTAMP_MAILGUN_API_KEY");
    if is_sandbox == Some(false) {
        for (name, is_missing) in [
            ("BACKSTAMP_MAILGUN_DOMAIN", reader.text("BACKSTAMP_MAILGUN_DOMAIN").is_none()),
            ("BACKSTAMP_MAILGUN_API_KEY", api_key.is_none()),
            ("BACKSTAMP_MAILGUN_SIGNING_KEY", signing_keys.is_empty()),
        ] {
            if is_missing {
                reader.fault(name, "is required with BACKSTAMP_MAIL_PROVIDER=mailgun");
            }
        }
    }
    MailProvider::Mailgun {
        domain: domain.unwrap_or_default(),
        api_key: api_key.unwrap_or_default(),
        signing_keys,
        base_url: base_url.unwrap_or_else(|| Url::parse(MAILGUN_US).expect("the default is a URL")),
        require_tls,
    }
}

/// The API key travels there with every call.
fn api_url(text: &str) -> Result<Url, String> {
    let url = base_url(text)?;
    if is_private(&url) { Ok(url) } else { Err("must be https unless it is a loopback URL".to_owned()) }
}

/// It becomes a part of paths.
fn domain(text: &str) -> Result<String, String> {
    EmailAddress::parse(&format!("postmaster@{text}"))
        .map(|address| address.domain().to_owned())
        .map_err(|_| "must be a domain name, such as mg.example.com".to_owned())
}

/// Not used yet, but a mistake in it would wait for the version that does.
fn refuse_malformed_smtp(reader: &mut Reader) {
    reader.parsed("BACKSTAMP_SMTP_URL", |text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "smtp" | "smtps") && url.has_host() => Ok(()),
        _ => Err("must be smtps://USER:PASSWORD@HOST:PORT or smtp://HOST:PORT?tls=required".to_owned()),
    });
}

impl Sender {
    /// Parses `address` or `Name <address>`.
    fn parse(text: &str) -> Result<Self, String> {
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (Some(name.trim().trim_matches('"').trim()), address),
            None => (None, text),
        };
        let name = name.filter(|name| !name.is_empty());
        // Whatever could end the name or the header early stays out, rather than being escaped.
        let breaks_out = |c: char| c.is_control() || "\"\\<>".contains(c);
        match EmailAddress::parse(address.trim()) {
            Ok(address) if !name.is_some_and(|name| name.contains(breaks_out)) => {
                Ok(Self { name: name.map(str::to_owned), address })
            }
            _ => Err("must be an address, or a name and an address such as Example <no-reply@example.com>"
                .to_owned()),
        }
    }
}

impl Default for Sender {
    fn default() -> Self {
        Self::parse("Backstamp <no-reply@localhost>").expect("the default is an address")
    }
}

/// As in a `From` header (RFC 5322 §3.4), with the name quoted where it must be.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_str();
        let is_plain = |c: char| c.is_alphanumeric() || c == ' ' || c == '-';
        match &self.name {
            None => f.write_str(address),
            Some(name) if name.chars().all(is_plain) => write!(f, "{name} <{address}>"),
            Some(name) => write!(f, "\"{name}\" <{address}>"),
        }
    }
}
