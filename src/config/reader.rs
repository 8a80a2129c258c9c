//! Typed reading of the merged settings. A value that cannot be used becomes a fault and its default takes
//! its place, so that one run finds every fault.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use super::sources::{PREFIX, Settings, VARIABLES};
use super::{Fault, Faults, Sources};

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;
/// A guess further from any known name than this explains nothing.
const LEAST_LIKENESS: f64 = 0.6;
/// Root keys and the operator's key have at least this many characters.
pub(super) const LEAST_KEY_LENGTH: usize = 32;

/// Settings of the contract that this version does not act on: silence would look like consent.
const UNAVAILABLE: [&str; 1] = ["BACKSTAMP_OTLP_ENDPOINT"];
pub(super) const NOT_AVAILABLE: &str = "is not available in this version";

pub(super) struct Reader {
    settings: Settings,
    /// What has been asked for; a test compares it with what is documented.
    pub(super) asked: BTreeSet<&'static str>,
}

impl Reader {
    pub(super) fn new(sources: &Sources) -> Self {
        Self { settings: Settings::merge(sources), asked: BTreeSet::new() }
    }

    /// The tree, if nothing was wrong with it.
    pub(super) fn finish<T>(self, read: T) -> Result<T, Faults> {
        if self.settings.faults.is_empty() { Ok(read) } else { Err(Faults(self.settings.faults)) }
    }

    pub(super) fn refuse_unknown(&mut self) {
        let unknown: Vec<String> =
            self.settings.values.keys().filter(|name| !VARIABLES.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            let likeness = |known: &str| strsim::normalized_levenshtein(bare(&name), bare(known));
            let guess = VARIABLES
                .into_iter()
                .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
                .filter(|guess| likeness(guess) >= LEAST_LIKENESS);
            match guess {
                Some(guess) => self.fault(&name, format!("is no setting: did you mean {guess}?")),
                None => self.fault(&name, "is no setting"),
            }
        }
    }

    pub(super) fn refuse_unavailable(&mut self) {
        for name in UNAVAILABLE {
            if self.text(name).is_some() {
                self.fault(name, NOT_AVAILABLE);
            }
        }
    }

    pub(super) fn fault(&mut self, name: &str, message: impl Into<String>) {
        let source = self.settings.values.get(name).map(|setting| setting.source);
        self.settings.faults.push(Fault { variable: name.to_owned(), source, message: message.into() });
    }

    /// A fault of a setting that should be there; one that is there, but faulty, has had its own.
    pub(super) fn missing(&mut self, name: &'static str, message: &str) {
        let is_known = self.settings.faults.iter().any(|fault| fault.variable == name);
        if !is_known {
            self.fault(name, message);
        }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<&str> {
        self.asked.insert(name);
        self.settings.values.get(name).map(|setting| setting.value.trim())
    }

    pub(super) fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// Several secrets, comma separated.
    pub(super) fn secrets(&mut self, name: &'static str) -> Vec<SecretString> {
        items(self.text(name).unwrap_or_default()).map(SecretString::from).collect()
    }

    /// The value in its own type; none if it is not set, or faulty.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(self.text(name)?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fault(name, message);
                None
            }
        }
    }

    /// Several values, comma separated.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.parsed(name, |text| items(text).map(parse).collect()).unwrap_or_default()
    }

    pub(super) fn number<T>(&mut self, name: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let parse = |text: &str| match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(format!("must be a whole number from {} to {}", range.start(), range.end())),
        };
        self.parsed(name, parse).unwrap_or(default)
    }

    pub(super) fn seconds(
        &mut self,
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_secs(self.number(name, default, range))
    }

    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let parse = |text: &str| text.parse().map_err(|_| "must be true or false".to_owned());
        self.parsed(name, parse).unwrap_or(default)
    }
}

/// A variable's name without what all of them start with.
fn bare(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// The parts of a comma separated list.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// An absolute `http` or `https` URL without credentials and fragment.
pub(super) fn web_url(text: &str) -> Result<Url, String> {
    let usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    };
    Url::parse(text)
        .ok()
        .filter(usable)
        .ok_or_else(|| "must be an absolute http or https URL without credentials and fragment".to_owned())
}

/// The same, and a base: relative paths can be joined to it.
pub(super) fn base_url(text: &str) -> Result<Url, String> {
    let mut url = web_url(text)?;
    if url.query().is_some() {
        return Err("must be a URL without a query".to_owned());
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// What is sent there can only be read on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What is sent there cannot be read on the way.
pub(super) fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}
