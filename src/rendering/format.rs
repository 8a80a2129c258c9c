//! Times and spans as values of texts, and URLs for HTML.

use chrono::{DateTime, Utc};
use fluent_bundle::FluentArgs;
use minijinja::{Error, ErrorKind, Value};

use super::language::Language;
use super::texts::{TextError, Texts};

/// `2026-11-20T12:27:03Z` as “20 November 2026, 12:27 UTC”, or how the language says it.
pub(super) fn moment(texts: &Texts, language: &Language, text: &str) -> Result<String, Error> {
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "not a time"))?
        .with_timezone(&Utc);
    let mut values = FluentArgs::new();
    for (name, format) in [("day", "%-d"), ("year", "%Y"), ("hour", "%H"), ("minute", "%M")] {
        values.set(name, at.format(format).to_string());
    }
    values.set("month", chrono::Datelike::month(&at));
    texts.say(language, "moment", &values).map_err(|error| unsaid(&error))
}

/// Minutes in the largest unit that fits evenly.
pub(super) fn duration(texts: &Texts, language: &Language, minutes: u64) -> Result<String, Error> {
    let (id, count) = match minutes {
        m if m > 0 && m % 1440 == 0 => ("duration-days", m / 1440),
        m if m > 0 && m % 60 == 0 => ("duration-hours", m / 60),
        m => ("duration-minutes", m),
    };
    let mut values = FluentArgs::new();
    values.set("count", count);
    texts.say(language, id, &values).map_err(|error| unsaid(&error))
}

/// “Firefox on Windows”, as `domain/browser` words it, or how the language says it.
pub(super) fn browser(texts: &Texts, language: &Language, words: &str) -> Result<String, Error> {
    let Some((browser, system)) = words.split_once(" on ") else { return Ok(words.to_owned()) };
    let mut values = FluentArgs::new();
    values.set("browser", browser);
    values.set("system", system);
    texts.say(language, "browser-on", &values).map_err(|error| unsaid(&error))
}

/// Escaped for HTML without touching the slashes, so that a URL still reads as one in the source.
pub(super) fn href(url: &str) -> Value {
    Value::from_safe_string(escaped(url))
}

/// Plain text as HTML, in an element or in a quoted attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn unsaid(error: &TextError) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::files::Files;
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_even_unit() {
        let texts = Texts::read(Files::read(None).unwrap().texts()).unwrap();
        let told = |language: &str| {
            let language = Language::new(language);
            [0, 1, 45, 60, 90, 120, 1440, 2880].map(|minutes| duration(&texts, &language, minutes).unwrap())
        };

        let english =
            ["0 minutes", "1 minute", "45 minutes", "1 hour", "90 minutes", "2 hours", "1 day", "2 days"];
        let german =
            ["0 Minuten", "1 Minute", "45 Minuten", "1 Stunde", "90 Minuten", "2 Stunden", "1 Tag", "2 Tage"];
        assert_eq!(told("en"), english);
        assert_eq!(told("de"), german);
    }

    #[test]
    fn browsers_are_told_with_their_system() {
        let texts = Texts::read(Files::read(None).unwrap().texts()).unwrap();
        let told = |language: &str, words: &str| browser(&texts, &Language::new(language), words).unwrap();

        assert_eq!(told("en", "Firefox on Windows"), "Firefox on Windows");
        assert_eq!(told("de", "Samsung Internet on Android"), "Samsung Internet unter Android");
        assert_eq!(told("de", "Safari"), "Safari");
    }

    #[test]
    fn moments_are_told_in_utc() {
        let texts = Texts::read(Files::read(None).unwrap().texts()).unwrap();
        let told = |language: &str, text: &str| moment(&texts, &Language::new(language), text);

        assert_eq!(told("en", "2026-11-20T13:27:03+01:00").unwrap(), "20 November 2026, 12:27 UTC");
        assert_eq!(told("de", "2026-11-20T12:27:03Z").unwrap(), "20. November 2026, 12:27 Uhr UTC");
        assert_eq!(told("de", "2026-03-01T00:05:00Z").unwrap(), "1. März 2026, 00:05 Uhr UTC");
        assert!(told("en", "yesterday").is_err());
    }
}
