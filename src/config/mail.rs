//! The mail provider, and how mails are sent through it.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::reader::{DAY, Reader, base_url, is_private};
use super::smtp::{self, SmtpConfig};
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
    /// `BACKSTAMP_TRACK_OPENS`, default true. Nobody can do it with SMTP.
    pub track_opens: bool,
    /// `BACKSTAMP_RECONCILE_AFTER`, seconds after which a call with unknown outcome is looked up at the
    /// provider, default 300, in the sandbox 2. With SMTP, where nobody can be asked: after which it is made
    /// again, default 60.
    pub reconcile_after: Duration,
    /// `BACKSTAMP_MAILGUN_SIGNING_KEY`, comma separated while they rotate. At least one with Mailgun; with
    /// SMTP for the late reports of a former Mailgun.
    pub signing_keys: Vec<SecretString>,
    /// `BACKSTAMP_SILENT_AFTER`, seconds without a report on a mail after which the provider is asked about it,
    /// default 900, in the sandbox 60.
    pub silent_after: Duration,
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
        /// `BACKSTAMP_MAILGUN_BASE_URL`, default the US host. Its path ends with a slash.
        base_url: Url,
        /// `BACKSTAMP_REQUIRE_TLS`, default true: no delivery without encryption.
        require_tls: bool,
    },
    /// Any mail server.
    Smtp(SmtpConfig),
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
        let signing_keys = reader.secrets("BACKSTAMP_MAILGUN_SIGNING_KEY");
        let provider = provider(reader, signing_keys.is_empty());
        let (patience, silence) = match provider {
            MailProvider::Sandbox => (2, 60),
            MailProvider::Mailgun { .. } => (300, 900),
            MailProvider::Smtp(_) => (60, 900),
        };
        let from = reader.parsed("BACKSTAMP_MAIL_FROM", Sender::parse);
        if let MailProvider::Smtp(server) = &provider
            && from.is_none()
            && !server.is_loopback()
        {
            reader.missing("BACKSTAMP_MAIL_FROM", "is required with BACKSTAMP_MAIL_PROVIDER=smtp");
        }
        Self {
            provider,
            from: from.unwrap_or_default(),
            track_opens: reader.flag("BACKSTAMP_TRACK_OPENS", true),
            reconcile_after: reader.seconds("BACKSTAMP_RECONCILE_AFTER", patience, 1..=DAY),
            signing_keys,
            silent_after: reader.seconds("BACKSTAMP_SILENT_AFTER", silence, 1..=DAY),
        }
    }
}

impl MailProvider {
    /// The word for it in settings, events and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Mailgun { .. } => "mailgun",
            Self::Smtp(_) => "smtp",
        }
    }
}

/// What is set for another provider is checked too: a mistake in it would wait for the day of the change.
fn provider(reader: &mut Reader, signs_nothing: bool) -> MailProvider {
    let base_url = reader.parsed("BACKSTAMP_MAILGUN_BASE_URL", api_url);
    let domain = reader.parsed("BACKSTAMP_MAILGUN_DOMAIN", domain);
    let api_key = reader.secret("BACKSTAMP_MAILGUN_API_KEY");
    let require_tls = reader.flag("BACKSTAMP_REQUIRE_TLS", true);
    let server = SmtpConfig::read(reader);
    let asked = reader.parsed(PROVIDER, |text| match text {
        "sandbox" | "mailgun" | "smtp" => Ok(text.to_owned()),
        _ => Err("must be sandbox, mailgun or smtp".to_owned()),
    });
    let required = format!("is required with {PROVIDER}={}", asked.as_deref().unwrap_or_default());
    match (asked.as_deref(), server) {
        (Some("smtp"), Some(server)) => return MailProvider::Smtp(server),
        // Without its server, which is a fault, it stands for any provider that is no sandbox.
        (Some("smtp"), None) => reader.missing(smtp::URL, &required),
        (Some("mailgun"), _) => {
            for (name, is_missing) in [
                ("BACKSTAMP_MAILGUN_DOMAIN", domain.is_none()),
                ("BACKSTAMP_MAILGUN_API_KEY", api_key.is_none()),
                ("BACKSTAMP_MAILGUN_SIGNING_KEY", signs_nothing),
            ] {
                if is_missing {
                    reader.missing(name, &required);
                }
            }
        }
        (Some(_), _) => return MailProvider::Sandbox,
        (None, _) if reader.text(PROVIDER).is_none() => return MailProvider::Sandbox,
        // Whoever names something else is not after a sandbox, and should not be told of its rules.
        (None, _) => {}
    }
    MailProvider::Mailgun {
        domain: domain.unwrap_or_default(),
        api_key: api_key.unwrap_or_default(),
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
