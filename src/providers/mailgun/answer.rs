//! What an answer to a send means: taken, refused, an operator's business, too much for now, or unknown.
//!
//! A body is searched for known sentences and never repeated: it can name an address or the account.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::Value;

use super::event::without_brackets;
use crate::providers::{Accepted, SendError};

/// Before the next try when the provider does not say.
const DEFAULT_DELAY: Duration = Duration::from_secs(60);
/// However far away the provider's own instant is: a wrong clock must not park the mail for ever.
const MAX_DELAY: Duration = Duration::from_secs(24 * 3600);

/// Sentences of the messages API, and how we say them.
const KNOWN: [(&str, &str); 14] = [
    ("to parameter is not a valid address", "the recipient is no valid address"),
    ("from parameter is not a valid address", "the sender is no valid address"),
    ("parameter is missing", "a parameter is missing"),
    ("need at least one of", "no body"),
    (
        "sandbox subdomains are for test purposes only",
        "the sandbox domain sends to authorised recipients only",
    ),
    ("limit exceeded", "a sending limit is exceeded"),
    ("is not allowed to send", "the domain is not allowed to send"),
    ("domain not found", "the domain is unknown to this account or region"),
    ("forbidden", "the key is wrong for this domain or region"),
    ("can't be used", "this host's address may not use the key"),
    ("limited to 16 kb", "options and variables are too large"),
    ("pure ascii", "a header name is not ASCII"),
    ("content type", "the content type is not accepted"),
    ("internal server error", "internal error"),
];

/// One HTTP answer, its body cut to a bound.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The `Retry-After` header.
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Sorts the answer to a send (statuses and texts as Mailgun documents and as recorded).
    pub(super) fn sort(&self, now: DateTime<Utc>) -> Result<Accepted, SendError> {
        let text = self.text();
        let reason = self.reason(&text);
        if self.status.is_success() {
            return self.accepted();
        }
        // Whatever the status: 400, 403, 420 and 429 were all seen with these sentences.
        if self.status.is_client_error() && text.contains("try again after") {
            return Err(SendError::Throttled { reason, retry_after: self.delay(&text, now) });
        }
        Err(match self.status.as_u16() {
            420 | 429 => SendError::Throttled { reason, retry_after: self.delay(&text, now) },
            400 if text.contains("is not allowed to send") => SendError::Configuration { reason },
            // 407 comes from a proxy, redirects and 405 from a wrong base URL.
            401..=405 | 407 | 300..400 => SendError::Configuration { reason },
            // The server gave up waiting; whether it had read enough is its secret.
            408 => SendError::Ambiguous { reason },
            400..500 => SendError::Refused { reason },
            _ => SendError::Ambiguous { reason },
        })
    }

    /// A 200 counts only with an id: a malformed path answers 200 in prose.
    fn accepted(&self) -> Result<Accepted, SendError> {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .as_ref()
            .and_then(|body| body.get("id")?.as_str())
            .map(without_brackets)
            .filter(|id| !id.is_empty())
            .map(|id| Accepted::as_message(id.chars().take(500).collect()))
            .ok_or_else(|| SendError::Ambiguous {
                reason: format!("status {} without an id", self.status.as_u16()),
            })
    }

    fn reason(&self, text: &str) -> String {
        let status = self.status.as_u16();
        match KNOWN.iter().find(|(said, _)| text.contains(said)) {
            Some((_, meaning)) => format!("status {status}: {meaning}"),
            None => format!("status {status}"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).to_lowercase()
    }

    fn delay(&self, text: &str, now: DateTime<Utc>) -> Duration {
        let header = self.retry_after.as_deref().and_then(|value| delay_in(value, now));
        let named = || text.split_once("try again after").and_then(|(_, rest)| delay_in(rest, now));
        header.or_else(named).unwrap_or(DEFAULT_DELAY).clamp(Duration::from_secs(1), MAX_DELAY)
    }
}

/// `120`, `120 seconds …`, or an RFC 1123 date, whose zone Mailgun writes as an offset, `GMT` or `UTC`.
fn delay_in(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if let Ok(seconds) = digits.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let end = text.find(['"', '}', '<']).unwrap_or(text.len());
    let date = text[..end].trim().trim_end_matches('.').to_lowercase();
    let date = date.strip_suffix("utc").map_or_else(|| date.clone(), |date| format!("{date}+0000"));
    let at = DateTime::parse_from_rfc2822(&date).ok()?;
    Some(at.signed_duration_since(now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn sorted(status: u16, retry_after: Option<&str>, body: &str) -> Result<Accepted, SendError> {
        let now = Utc.with_ymd_and_hms(2025, 8, 25, 6, 58, 31).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, retry_after: retry_after.map(Into::into), body: body.into() }.sort(now)
    }

    fn delay(status: u16, retry_after: Option<&str>, body: &str) -> u64 {
        match sorted(status, retry_after, body) {
            Err(SendError::Throttled { retry_after, .. }) => retry_after.as_secs(),
            other => panic!("not throttled: {other:?}"),
        }
    }

    #[test]
    fn the_id_is_kept_without_brackets() {
        let body = r#"{"id":"<1.2@mg.example.test>","message":"Queued. Thank you."}"#;

        assert_eq!(sorted(200, None, body).unwrap().provider_message_id, "1.2@mg.example.test");
    }

    #[test]
    fn a_success_without_an_id_is_an_unknown_outcome() {
        for body in ["Mailgun Magnificent API", "{}", r#"{"id":""}"#, r#"{"id":"<>"}"#, r#"{"id":1}"#, ""] {
            assert!(matches!(sorted(200, None, body), Err(SendError::Ambiguous { .. })), "{body}");
        }
    }

    #[test]
    fn statuses_are_sorted_by_what_may_be_done_next() {
        use SendError::{Ambiguous, Configuration, Refused, Throttled};
        let not_allowed = "Domain D is not allowed to send: Sandbox subdomains are for test purposes only.";
        for (status, body) in [(400, "to parameter is missing"), (413, ""), (415, ""), (422, "")] {
            assert!(matches!(sorted(status, None, body), Err(Refused { .. })), "{status}");
        }
        for (status, body) in
            [(400, not_allowed), (403, not_allowed), (401, "Forbidden"), (402, ""), (404, ""), (302, "")]
        {
            assert!(matches!(sorted(status, None, body), Err(Configuration { .. })), "{status}");
        }
        for status in [408, 500, 502, 503, 504, 599] {
            assert!(matches!(sorted(status, None, ""), Err(Ambiguous { .. })), "{status}");
        }
        for status in [420, 429] {
            assert!(matches!(sorted(status, None, ""), Err(Throttled { .. })), "{status}");
        }
    }

    #[test]
    fn the_delay_is_the_headers_or_the_sentences() {
        let until = "Domain D is not allowed to send: recipient limit exceeded, try again after Mon, 25 Aug 2025 07:00:31 ";

        assert_eq!(delay(429, Some("17"), "try again after 120 seconds"), 17);
        assert_eq!(delay(429, Some("Mon, 25 Aug 2025 07:00:31 GMT"), ""), 120);
        assert_eq!(delay(429, None, r#"{"message":"limit exceeded, try again after 90 seconds"}"#), 90);
        for zone in ["UTC", "GMT", "+0000"] {
            assert_eq!(delay(420, None, &format!(r#"{{"message":"{until}{zone}"}}"#)), 120, "{zone}");
        }
    }

    #[test]
    fn a_delay_is_bounded_and_never_missing() {
        assert_eq!(delay(429, None, "try again after a while"), 60);
        assert_eq!(delay(429, Some("0"), ""), 1);
        assert_eq!(delay(429, Some("Mon, 25 Aug 2025 06:00:00 GMT"), ""), 1);
        assert_eq!(delay(429, Some("99999999"), ""), 24 * 3600);
    }

    #[test]
    fn a_reason_never_repeats_the_body() {
        let body = r#"{"message":"to parameter is not a valid address: ada@example.test"}"#;

        let error = sorted(400, None, body).unwrap_err();

        assert_eq!(error.to_string(), "refused: status 400: the recipient is no valid address");
    }
}
