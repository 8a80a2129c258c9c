//! Where settings come from: three sources merged into one map from name to value and origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::Fault;
use crate::database::scratch;

/// What the name of every variable starts with. `backstamp.toml` leaves it out, in lower case.
pub(super) const PREFIX: &str = "BACKSTAMP_";
const DOTENV_FILE: &str = ".env";
const TOML_FILE: &str = "backstamp.toml";

/// Every variable there is. `.env.sample` explains each.
pub const VARIABLES: [&str; 47] = [
    "BACKSTAMP_ADMIN_KEY",
    "BACKSTAMP_ALLOWED_ORIGINS",
    "BACKSTAMP_ALLOWED_REDIRECTS",
    "BACKSTAMP_ANSWER_DEADLINE_MS",
    "BACKSTAMP_BOUNCE_RULES",
    "BACKSTAMP_BRAND_COLOR",
    "BACKSTAMP_BRAND_LOGO",
    "BACKSTAMP_BRAND_NAME",
    "BACKSTAMP_DATABASE_URL",
    "BACKSTAMP_DATA_DIR",
    "BACKSTAMP_LISTEN",
    "BACKSTAMP_LOG",
    "BACKSTAMP_LOG_FORMAT",
    "BACKSTAMP_MAILGUN_API_KEY",
    "BACKSTAMP_MAILGUN_BASE_URL",
    "BACKSTAMP_MAILGUN_DOMAIN",
    "BACKSTAMP_MAILGUN_SIGNING_KEY",
    "BACKSTAMP_MAIL_FROM",
    "BACKSTAMP_MAIL_PROVIDER",
    "BACKSTAMP_METRICS_LISTEN",
    "BACKSTAMP_OTLP_ENDPOINT",
    "BACKSTAMP_PASSWORD_MIN_LENGTH",
    "BACKSTAMP_PUBLIC_URL",
    "BACKSTAMP_RECONCILE_AFTER",
    "BACKSTAMP_REPEAT_REQUEST",
    "BACKSTAMP_REQUESTS_PER_IP_PER_HOUR",
    "BACKSTAMP_REQUIRE_TLS",
    "BACKSTAMP_RESETS_PER_HOUR",
    "BACKSTAMP_RESET_COOLDOWN",
    "BACKSTAMP_RESET_PAGE",
    "BACKSTAMP_RESET_TTL",
    "BACKSTAMP_SANDBOX_LISTEN",
    "BACKSTAMP_SANDBOX_WEBHOOK_URL",
    "BACKSTAMP_SECRET_KEY",
    "BACKSTAMP_SESSION_IDLE_TTL",
    "BACKSTAMP_SESSION_TTL",
    "BACKSTAMP_SILENT_AFTER",
    "BACKSTAMP_SMTP_CA_FILE",
    "BACKSTAMP_SMTP_CONNECTIONS",
    "BACKSTAMP_SMTP_URL",
    "BACKSTAMP_SUPPORT_ADDRESS",
    "BACKSTAMP_TEMPLATES",
    "BACKSTAMP_TRACK_OPENS",
    "BACKSTAMP_TRUSTED_PROXIES",
    "BACKSTAMP_VERIFICATION_TTL",
    "BACKSTAMP_VERIFY_WITH_PASSWORD",
    "BACKSTAMP_WEBHOOK_MAX_AGE",
];

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The process's environment.
    Environment,
    /// `.env` in the working folder.
    Dotenv,
    /// `backstamp.toml` in the working folder.
    Toml,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "the environment",
            Self::Dotenv => DOTENV_FILE,
            Self::Toml => TOML_FILE,
        })
    }
}

/// What settings are read from: injectable, so that tests need neither environment nor working folder.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Variables and their values.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder of `.env` and `backstamp.toml`.
    pub folder: PathBuf,
}

impl Sources {
    /// The environment and the working folder of this process.
    pub fn of_this_process() -> Self {
        Self { environment: std::env::vars_os().collect(), folder: PathBuf::from(".") }
    }
}

/// A value and its origin.
pub(super) struct Setting {
    pub(super) value: String,
    pub(super) source: Source,
}

/// The sources merged.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) values: BTreeMap<String, Setting>,
    pub(super) faults: Vec<Fault>,
}

impl Settings {
    pub(super) fn merge(sources: &Sources) -> Self {
        let mut settings = Self::default();
        settings.read_toml(sources);
        settings.read_dotenv(sources);
        settings.read_environment(sources);
        settings
    }

    fn read_environment(&mut self, sources: &Sources) {
        for (name, value) in &sources.environment {
            let Some(name) = name.to_str() else { continue };
            // The tests' own variable may be set where a test starts the program.
            if !name.starts_with(PREFIX) || name == scratch::VARIABLE {
                continue;
            }
            match value.to_str() {
                Some(value) => self.set(name.to_owned(), value.to_owned(), Source::Environment),
                None => self.fault(name, Source::Environment, "is not valid UTF-8"),
            }
        }
    }

    fn read_dotenv(&mut self, sources: &Sources) {
        let Some(text) = self.read_file(sources, DOTENV_FILE) else { return };
        for item in dotenvy::from_read_iter(text.as_bytes()) {
            match item {
                Ok((name, value)) if name.starts_with(PREFIX) => self.set(name, value, Source::Dotenv),
                Ok(_) => {}
                // The error itself would show the line, and with it perhaps a secret.
                Err(dotenvy::Error::LineParse(line, _)) => {
                    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    let name = &line[..end.unwrap_or(0)];
                    self.fault(
                        if name.starts_with(PREFIX) { name } else { "a line" },
                        Source::Dotenv,
                        "cannot be read: put values with blanks in quotes",
                    );
                }
                Err(_) => self.fault("a line", Source::Dotenv, "cannot be read"),
            }
        }
    }

    fn read_toml(&mut self, sources: &Sources) {
        let Some(text) = self.read_file(sources, TOML_FILE) else { return };
        match text.parse::<toml::Table>() {
            Ok(table) => self.flatten(PREFIX, table),
            Err(error) => {
                // Only the line number: the parser's own message quotes the line.
                let line = error
                    .span()
                    .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
                self.fault("the file", Source::Toml, &format!("is not valid TOML at line {line}"));
            }
        }
    }

    /// `[mailgun] domain = …` and `mailgun_domain = …` both mean `BACKSTAMP_MAILGUN_DOMAIN`.
    fn flatten(&mut self, prefix: &str, table: toml::Table) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.to_ascii_uppercase());
            let text = match value {
                toml::Value::Table(table) => {
                    self.flatten(&format!("{name}_"), table);
                    continue;
                }
                toml::Value::Array(items) => items.into_iter().map(scalar).collect::<Option<Vec<_>>>(),
                single => scalar(single).map(|text| vec![text]),
            };
            match text {
                Some(_) if self.values.contains_key(&name) => self.fault(&name, Source::Toml, "is set twice"),
                Some(text) => self.set(name, text.join(","), Source::Toml),
                None => {
                    self.fault(&name, Source::Toml, "must be a text, a number, a flag or a list of texts")
                }
            }
        }
    }

    fn read_file(&mut self, sources: &Sources, name: &str) -> Option<String> {
        match std::fs::read_to_string(sources.folder.join(name)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let (variable, message) = (name.to_owned(), format!("cannot be read: {error}"));
                self.faults.push(Fault { variable, source: None, message });
                None
            }
        }
    }

    /// An empty value hides nothing: it counts as unset, also where a weaker source sets it.
    fn set(&mut self, name: String, value: String, source: Source) {
        if !value.trim().is_empty() {
            self.values.insert(name, Setting { value, source });
        }
    }

    fn fault(&mut self, name: &str, source: Source, message: &str) {
        let (variable, message) = (name.to_owned(), message.to_owned());
        self.faults.push(Fault { variable, source: Some(source), message });
    }
}

fn scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
