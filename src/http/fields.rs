//! Rules for single values, shared by the API and the pages. Each says what is wrong; none looks anything up.

use url::{Host, Origin, Url};

use super::problem::{FieldError, Problem};
use crate::domain::address::EmailAddress;
use crate::domain::name;

/// Bytes of a password at most: as many characters as the policy takes fit, however they are composed.
const MAX_PASSWORD: usize = 8192;
const MAX_URL: usize = 2048;
const MAX_WORD: usize = 256;
const MAX_LINE: usize = 1_000;
/// The longest registered form of BCP 47 §4.4.1.
const MAX_LOCALE: usize = 35;

/// What is wrong with one value: for programs, and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub &'static str, pub String);

/// Collects the faults of a body, so that all of them are told at once.
#[derive(Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Keeps the value, or notes what is wrong with it.
    pub fn take<T>(&mut self, pointer: &str, checked: Result<T, Fault>) -> Option<T> {
        checked.map_err(|Fault(code, message)| self.0.push(FieldError::new(pointer, code, message))).ok()
    }

    /// Notes what is wrong there.
    pub fn note(&mut self, pointer: &str, Fault(code, message): Fault) {
        self.0.push(FieldError::new(pointer, code, message));
    }

    /// Goes on only if there are none.
    pub fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        Self::invalid(faults.0)
    }
}

/// One bare address.
pub fn email(text: &str) -> Result<EmailAddress, Fault> {
    EmailAddress::parse(text).map_err(|error| Fault("invalid_email", error.to_string()))
}

/// A password. Nothing is trimmed, and every character is allowed; what a new one must be, the policy says later.
pub fn password(text: &str) -> Result<&str, Fault> {
    if text.len() > MAX_PASSWORD { Err(too_long(MAX_PASSWORD)) } else { Ok(text) }
}

/// What somebody is called; empty is none.
pub fn name(text: &str) -> Result<Option<String>, Fault> {
    name::parse(text).map_err(|error| Fault("invalid_name", error.to_string()))
}

/// A language tag (BCP 47), by its form.
pub fn locale(text: &str) -> Result<String, Fault> {
    if text.len() > MAX_LOCALE {
        return Err(too_long(MAX_LOCALE));
    }
    let mut subtags = text.split('-');
    let is_language =
        |tag: &str| (2..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphabetic());
    let is_subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    if subtags.next().is_some_and(is_language) && subtags.all(is_subtag) {
        Ok(text.to_owned())
    } else {
        Err(Fault("invalid_locale", "must be a language tag such as en or pt-BR".into()))
    }
}

/// A URL whose origin is exactly one of those allowed: https, or a loopback host.
pub fn redirect(text: &str, allowed: &[Origin]) -> Result<String, Fault> {
    if text.len() > MAX_URL {
        return Err(too_long(MAX_URL));
    }
    // The URL parser drops tabs and line ends and turns backslashes; what it was shown must be what it means.
    let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    Url::parse(text)
        .ok()
        .filter(|url| is_plain && is_safe(url) && allowed.contains(&url.origin()))
        .map(String::from)
        .ok_or_else(|| {
            Fault("redirect_not_allowed", "its origin is not on the list of allowed redirects".into())
        })
}

fn is_safe(url: &Url) -> bool {
    let bare = url.username().is_empty() && url.password().is_none();
    bare && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// One word or cursor to filter by: short, and nothing that a database would choke on.
pub fn word(text: &str) -> Result<String, Fault> {
    short(text, MAX_WORD)
}

/// The same for what a server said.
pub fn line(text: &str) -> Result<String, Fault> {
    short(text, MAX_LINE)
}

fn short(text: &str, most: usize) -> Result<String, Fault> {
    if text.len() > most {
        return Err(too_long(most));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault("control_character", "has a control character".into()));
    }
    Ok(text.to_owned())
}

fn too_long(limit: usize) -> Fault {
    Fault("too_long", format!("has more than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> bool {
        let origins: Vec<_> = ["https://app.test", "http://127.0.0.1:3000", "http://intranet.test"]
            .iter()
            .map(|origin| Url::parse(origin).unwrap().origin())
            .collect();
        redirect(text, &origins).is_ok()
    }

    #[test]
    fn a_redirect_passes_with_exactly_an_allowed_origin() {
        for text in ["https://app.test", "https://app.test:443/done?x=1#y", "http://127.0.0.1:3000/"] {
            assert!(allowed(text), "{text}");
        }
    }

    #[test]
    fn every_other_redirect_is_refused() {
        for text in [
            "",
            "/done",
            "//app.test",
            "http://app.test",
            "http://intranet.test/",
            "https://app.test:8443",
            "https://app.test.evil.test",
            "https://evil.test/https://app.test",
            "https://app.test@evil.test",
            "https://user@app.test",
            "https:\\\\app.test",
            "https://app.test\\@evil.test",
            "https://app\t.test",
            "\nhttps://app.test",
            "javascript:alert(1)//https://app.test",
            "data:text/html,x",
            "http://127.0.0.1:3001",
            "http://localhost:3000",
        ] {
            assert!(!allowed(text), "{text:?}");
        }
    }

    #[test]
    fn a_locale_has_the_form_of_a_language_tag() {
        for text in ["en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske-1994"] {
            assert!(locale(text).is_ok(), "{text}");
        }
        for text in ["", "e", "en_US", "en-", "-en", "en\r\nX", "../en", "de-ABCDEFGHI", &"en-a".repeat(10)] {
            assert!(locale(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_password_of_128_characters_of_four_bytes_is_taken() {
        assert!(password(&"🦀".repeat(128)).is_ok());
        assert!(password(&"\u{1112}\u{1161}\u{11ab}".repeat(256)).is_ok());
        assert!(password(&"a".repeat(8193)).is_err());
    }
}
