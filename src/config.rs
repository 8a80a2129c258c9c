//! Every setting, read once into one tree.
//!
//! By precedence: environment, `.env`, `backstamp.toml`, default. Reading has no side effects; keys that the
//! sandbox needs are made in a step of their own. All faults are reported at once, each with the variable and
//! where its value came from, and never with the value itself: it could be a secret.

mod bounce;
mod brand;
mod fault;
mod http;
mod keys;
mod log;
mod mail;
mod presentation;
mod reader;
mod reset;
mod sandbox;
mod session;
mod smtp;
mod sources;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use secrecy::SecretString;

pub use bounce::BounceConfig;
pub use brand::{BrandConfig, Color, Logo};
pub use fault::{Fault, Faults};
pub use http::HttpConfig;
pub use keys::{KeyFileError, Keys, NewKeys};
pub use log::{LogConfig, LogFormat};
pub use mail::{MailConfig, MailProvider, Sender};
pub use presentation::PresentationConfig;
pub use reset::{ResetConfig, VerificationConfig};
pub use sandbox::SandboxConfig;
pub use session::SessionConfig;
pub use smtp::{SmtpConfig, SmtpEncryption};
pub use sources::{Source, Sources, VARIABLES};

use crate::domain::password::PasswordPolicy;
use reader::Reader;

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// The API and the pages.
    pub http: HttpConfig,
    /// `BACKSTAMP_DATABASE_URL`, default `sqlite://{DATA_DIR}/backstamp.db`. May hold a password.
    pub database_url: SecretString,
    /// `BACKSTAMP_DATA_DIR`, default `data`: holds `secret.key`, `admin.key` and `sandbox.db`.
    pub data_dir: PathBuf,
    /// Password resets.
    pub reset: ResetConfig,
    /// Email verifications.
    pub verification: VerificationConfig,
    /// How long somebody stays signed in.
    pub session: SessionConfig,
    /// `BACKSTAMP_PASSWORD_MIN_LENGTH`, characters, default 8.
    pub password_policy: PasswordPolicy,
    /// The mail provider.
    pub mail: MailConfig,
    /// Who pages and mails speak for.
    pub brand: BrandConfig,
    /// `BACKSTAMP_TEMPLATES`, default none: a folder whose files take the place of embedded templates and texts.
    pub templates: Option<PathBuf>,
    /// `BACKSTAMP_WEBHOOK_MAX_AGE`, seconds that a signed timestamp may be old, default 43200.
    pub webhook_max_age: std::time::Duration,
    /// The root keys and the operator's first key.
    pub keys: Keys,
    /// How bounces are understood.
    pub bounce: BounceConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// The sandbox that `serve` starts.
    pub sandbox: SandboxConfig,
}

impl Config {
    /// Reads everything, or tells every fault at once.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    fn read(reader: &mut Reader) -> Self {
        reader.refuse_unknown();
        reader.refuse_unavailable();
        let data_dir = data_dir(reader);
        let mail = MailConfig::read(reader);
        let in_sandbox = matches!(mail.provider, MailProvider::Sandbox);
        let http = HttpConfig::read(reader, in_sandbox);
        Self {
            database_url: database_url(reader, &data_dir),
            reset: ResetConfig::read(reader, &http.public_url),
            verification: VerificationConfig::read(reader, &http.public_url),
            session: SessionConfig::read(reader),
            password_policy: password_policy(reader),
            webhook_max_age: reader.seconds("BACKSTAMP_WEBHOOK_MAX_AGE", 43_200, 1..=reader::DAY * 30),
            keys: Keys::read(reader, in_sandbox),
            bounce: BounceConfig::read(reader),
            log: LogConfig::read(reader),
            sandbox: SandboxConfig::read(reader, &data_dir),
            brand: BrandConfig::read(reader),
            templates: templates(reader),
            http,
            data_dir,
            mail,
        }
    }

    /// Whether the program talks to a sandbox of its own instead of a mail provider.
    pub fn is_sandboxed(&self) -> bool {
        matches!(self.mail.provider, MailProvider::Sandbox)
    }
}

fn data_dir(reader: &mut Reader) -> PathBuf {
    reader.text("BACKSTAMP_DATA_DIR").unwrap_or("data").into()
}

/// A folder: its files are read, and checked, when the program starts.
fn templates(reader: &mut Reader) -> Option<PathBuf> {
    reader.parsed("BACKSTAMP_TEMPLATES", |text| {
        let folder = PathBuf::from(text);
        if folder.is_dir() { Ok(folder) } else { Err("is not a folder".to_owned()) }
    })
}

fn password_policy(reader: &mut Reader) -> PasswordPolicy {
    let default = PasswordPolicy::default();
    // Fewer than 8 is against NIST SP 800-63B-4; more than 64 would refuse what password managers make.
    let min_length = reader.number("BACKSTAMP_PASSWORD_MIN_LENGTH", default.min_length, 8..=64);
    PasswordPolicy { min_length, ..default }
}

fn database_url(reader: &mut Reader, data_dir: &std::path::Path) -> SecretString {
    let parse = |text: &str| {
        let in_memory = text.contains(":memory:") || text.contains("mode=memory");
        let is_file = text.strip_prefix("sqlite://").is_some_and(|path| !path.is_empty() && !in_memory);
        let is_server = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
            && url::Url::parse(text).is_ok_and(|url| url.has_host());
        if is_file || is_server {
            Ok(SecretString::from(text))
        } else {
            Err("must be sqlite://PATH (a file) or postgres://USER:PASSWORD@HOST/NAME".to_owned())
        }
    };
    reader.parsed("BACKSTAMP_DATABASE_URL", parse).unwrap_or_else(|| {
        // The path stands in a URL: what has a meaning there is percent-encoded.
        let path =
            data_dir.join("backstamp.db").display().to_string().replace('%', "%25").replace('?', "%3F");
        format!("sqlite://{path}").into()
    })
}
