//! Mailgun's words for what happened, turned into ours.
//!
//! Total and tolerant: members are absent, null, of another type or newer than this code, and none of that
//! may lose an event. What has no meaning here becomes `Unknown`; only an event without a name or an instant
//! is no event. Never trusts a length, never keeps the query of a link: it could hold a token.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use url::Url;

use crate::domain::id::MessageId;
use crate::domain::provider_event::{
    Client, Delivery, Diagnostic, DiagnosticText, ProviderEvent, ProviderEventKind, SuppressionReason,
};
use crate::domain::sealed::Sealed;

/// Words: names, reasons, classes.
const MAX_WORD: usize = 100;
/// User agents, hosts, ids and addresses.
const MAX_LINE: usize = 500;
/// What a server said, often a page of it.
const MAX_TEXT: usize = 4000;
/// The path of a followed link.
const MAX_PATH: usize = 200;

/// An `event-data` object that tells of no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Untranslatable {
    /// What is missing.
    pub reason: &'static str,
}

/// Translates one `event-data` object, or one item of the events API: they have the same shape.
pub fn translate(event_data: &Map<String, Value>) -> Result<ProviderEvent, Untranslatable> {
    let event = Fields(event_data);
    let name = event.word("event").ok_or(Untranslatable { reason: "no event name" })?;
    let at = event.instant().ok_or(Untranslatable { reason: "no usable timestamp" })?;
    Ok(ProviderEvent {
        event_id: event.text("id", MAX_LINE).unwrap_or_default(),
        at,
        delivery_id: delivery_id(event_data),
        provider_message_id: event
            .text("message/headers/message-id", MAX_LINE)
            .map(|id| without_brackets(&id).to_owned())
            .filter(|id| !id.is_empty()),
        // One that is there and cannot be read is nobody's address, which is not the same as none.
        recipient: event
            .at("recipient")
            .filter(|value| !value.is_null())
            .map(|_| event.text("recipient", MAX_LINE).unwrap_or_default()),
        is_test_mode: event.flag("is-test-mode"),
        kind: event.kind(name),
    })
}

/// Our id of the message, wherever the user variables put it: an object, `[]` when empty, JSON in a string
/// (logs API), or a sentence that they were lost.
pub(super) fn delivery_id(event_data: &Map<String, Value>) -> Option<MessageId> {
    match event_data.get("user-variables")? {
        Value::String(json) => {
            let variables: Value = serde_json::from_str(json).ok()?;
            variables.get("delivery_id")?.as_str()?.parse().ok()
        }
        variables => variables.get("delivery_id")?.as_str()?.parse().ok(),
    }
}

/// A Message-ID as the events carry it; the messages API wraps the same one in angle brackets.
pub(super) fn without_brackets(message_id: &str) -> &str {
    let id = message_id.trim();
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

/// Without control characters but for those that lay out a text: U+0000 cannot be stored everywhere, and the
/// others could forge what people read.
fn defused(c: char) -> char {
    if c.is_control() && !matches!(c, '\n' | '\r' | '\t') { char::REPLACEMENT_CHARACTER } else { c }
}

/// The event object, read by paths such as `delivery-status/code`; a wrong type reads as absent.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn at(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('/');
        let first = self.0.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// A non-empty text of at most so many characters; numbers read as their digits.
    fn text(&self, path: &str, max: usize) -> Option<String> {
        let text = match self.at(path)? {
            Value::String(text) => text.chars().map(defused).take(max).collect(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// One word of Mailgun's vocabulary, which is compared without case.
    fn word(&self, path: &str) -> Option<String> {
        self.text(path, MAX_WORD).map(|word| word.trim().to_lowercase())
    }

    fn number(&self, path: &str) -> Option<f64> {
        let number = match self.at(path)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite())
    }

    fn count(&self, path: &str) -> Option<u32> {
        let number = self.number(path)?.round();
        // In range, so the cast is exact.
        (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
    }

    fn code(&self, path: &str) -> Option<u16> {
        self.count(path).and_then(|code| u16::try_from(code).ok()).filter(|code| *code > 0)
    }

    fn flag(&self, name: &str) -> bool {
        match self.at(&format!("flags/{name}")) {
            Some(Value::Bool(set)) => *set,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// Seconds since the epoch with a fraction, as number or text; the logs API writes RFC 3339 instead.
    fn instant(&self) -> Option<DateTime<Utc>> {
        if let Some(text) = self.at("@timestamp").and_then(Value::as_str)
            && let Ok(at) = DateTime::parse_from_rfc3339(text)
        {
            return Some(at.to_utc());
        }
        // From 1970 to 9999; microseconds of these fit an f64 and an i64.
        let seconds =
            self.number("timestamp").filter(|seconds| (1.0..253_402_300_800.0).contains(seconds))?;
        DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
    }

    fn kind(&self, name: String) -> ProviderEventKind {
        // Mailgun reports its own failed webhook calls as failed mail; they say nothing about any.
        if self.flag("is-callback") {
            return ProviderEventKind::Unknown("webhook_failure".into());
        }
        match name.as_str() {
            "accepted" => ProviderEventKind::Accepted,
            "delivered" => ProviderEventKind::Delivered(self.delivery()),
            "failed" => self.failure(),
            "rejected" => ProviderEventKind::Rejected {
                reason: ["reject/reason", "reject/description", "reason"]
                    .iter()
                    .find_map(|path| self.text(path, MAX_LINE))
                    .unwrap_or_default(),
            },
            "opened" => ProviderEventKind::Opened(self.client()),
            "clicked" => ProviderEventKind::Clicked { client: self.client(), link: self.link() },
            "unsubscribed" => ProviderEventKind::Unsubscribed,
            "complained" => ProviderEventKind::Complained,
            _ => ProviderEventKind::Unknown(name),
        }
    }

    fn delivery(&self) -> Delivery {
        Delivery {
            mx_host: self.mx_host(),
            tls: self.at("delivery-status/tls").and_then(Value::as_bool),
            attempt: self.count("delivery-status/attempt-no"),
        }
    }

    /// Only severity `permanent` ends a delivery, whatever the code; `internal`, absent or new severities are
    /// temporary, as in Mailgun's own metrics. Reports that come after the delivery may lack the severity.
    fn failure(&self) -> ProviderEventKind {
        let diagnostic = self.diagnostic();
        let delayed = self.flag("is-delayed-bounce");
        let severity = self.word("severity");
        if let Some(reason) = suppression(&diagnostic) {
            ProviderEventKind::Suppressed { reason, diagnostic }
        } else if severity.as_deref() == Some("permanent") || (severity.is_none() && delayed) {
            ProviderEventKind::Bounced { diagnostic, delayed }
        } else {
            ProviderEventKind::Deferred(diagnostic)
        }
    }

    fn diagnostic(&self) -> Diagnostic {
        let text = |name: &str| self.text(&format!("delivery-status/{name}"), MAX_TEXT).unwrap_or_default();
        let enhanced = ["enhanced-code", "bounce-code", "code"]
            .iter()
            .filter_map(|name| self.text(&format!("delivery-status/{name}"), MAX_WORD))
            .map(|code| code.trim().to_owned())
            .find(|code| is_enhanced(code));
        Diagnostic {
            code: self.code("delivery-status/code"),
            enhanced,
            reason: self.word("reason"),
            bounce_type: self.word("delivery-status/bounce-type"),
            last_code: self.code("delivery-status/last-code"),
            attempt: self.count("delivery-status/attempt-no"),
            retry_seconds: self.count("delivery-status/retry-seconds"),
            text: Sealed::Known(DiagnosticText {
                message: text("message"),
                description: text("description"),
                last_message: text("last-message"),
                mx_host: self.mx_host(),
            }),
        }
    }

    /// Real payloads say `mx-host`, the published description `mxhost`.
    fn mx_host(&self) -> Option<String> {
        let host = |name: &str| self.text(&format!("delivery-status/{name}"), MAX_LINE);
        host("mx-host").or_else(|| host("mxhost"))
    }

    fn client(&self) -> Client {
        Client {
            user_agent: self.text("client-info/user-agent", MAX_LINE),
            client_type: self.word("client-info/client-type"),
            bot: self.word("client-info/bot"),
            country: self
                .text("geolocation/country", MAX_WORD)
                .filter(|country| country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic()))
                .map(|country| country.to_ascii_uppercase()),
            ip: Sealed::Known(self.text("ip", MAX_WORD)),
        }
    }

    /// Scheme, host and path of the target.
    fn link(&self) -> Option<String> {
        let mut url = Url::parse(self.at("url")?.as_str()?).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let path: String = url.path().chars().take(MAX_PATH).collect();
        url.set_path(&path);
        Some(url.into())
    }
}

/// Not tried at all, by the code also where the reason is missing.
fn suppression(diagnostic: &Diagnostic) -> Option<SuppressionReason> {
    let named = diagnostic.reason.as_deref().and_then(|reason| reason.strip_prefix("suppress"));
    match (named, diagnostic.code) {
        (Some("-bounce"), _) | (None, Some(605)) => Some(SuppressionReason::Bounce),
        (Some("-unsubscribe"), _) | (None, Some(606)) => Some(SuppressionReason::Unsubscribe),
        (Some("-complaint"), _) | (None, Some(607)) => Some(SuppressionReason::Complaint),
        (Some(_), _) => Some(SuppressionReason::Other),
        (None, _) => None,
    }
}

/// RFC 3463 §2: class 2, 4 or 5, subject and detail of up to three digits.
fn is_enhanced(code: &str) -> bool {
    let parts: Vec<_> = code.split('.').collect();
    let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && matches!(parts[0], "2" | "4" | "5") && parts.iter().all(digits)
}

#[cfg(test)]
mod tests;
