//! Times and spans in words, and URLs for HTML.

use chrono::{DateTime, Utc};
use minijinja::{Error, ErrorKind, Value};

/// `2026-11-20T12:27:03Z` as `20 November 2026, 12:27 UTC`.
pub fn moment(text: &str) -> Result<String, Error> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc).format("%-d %B %Y, %H:%M UTC").to_string())
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "not a time"))
}

/// Minutes in the largest unit that fits evenly.
pub fn duration(minutes: u64) -> String {
    let (count, unit) = match minutes {
        m if m > 0 && m % 1440 == 0 => (m / 1440, "day"),
        m if m > 0 && m % 60 == 0 => (m / 60, "hour"),
        m => (m, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Escaped for HTML without touching the slashes, so that a URL still reads as one in the source.
pub fn href(url: &str) -> Value {
    let escaped = url.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Value::from_safe_string(escaped.replace('"', "&quot;").replace('\'', "&#39;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_even_unit() {
        let told: Vec<_> = [0, 1, 45, 60, 90, 120, 1440].map(duration).into();

        assert_eq!(told, ["0 minutes", "1 minute", "45 minutes", "1 hour", "90 minutes", "2 hours", "1 day"]);
    }

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(moment("2026-11-20T13:27:03+01:00").unwrap(), "20 November 2026, 12:27 UTC");
        assert!(moment("yesterday").is_err());
    }
}
