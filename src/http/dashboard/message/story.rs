//! What became of a mail in one sentence, and why it failed.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::span;
use super::super::words::named;
use crate::domain::delivery::Status;
use crate::queries::{MessageSummary, TimelineEntry};

/// Why it failed, and what to do about it.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub category: String,
    pub class: String,
    pub is_critical: bool,
    pub is_final: bool,
    /// A delivery that was reported belies it.
    pub is_contradicted: bool,
    pub meaning: String,
    pub advice: String,
    /// What the receiving server said, masked.
    pub said: Option<String>,
    pub code: Option<String>,
    pub rule: Option<String>,
    /// Others that failed in this way.
    pub others: String,
}

impl Failure {
    /// The last failure of the mail, if it still matters.
    pub fn of(desk: &Desk, message: &MessageSummary, entries: &[TimelineEntry]) -> Option<Self> {
        let entry = message.failure(entries)?;
        let text = |name: &str| Some(entry.meta.get(name)?.as_str()?.to_owned());
        let number = |name: &str| Some(entry.meta.get(name)?.as_i64()?.to_string());
        let category = text("category")?;
        let code = [number("code"), text("enhanced")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        Some(Self {
            class: text("class").unwrap_or_default(),
            is_critical: entry.meta.get("critical").and_then(serde_json::Value::as_bool).unwrap_or_default(),
            is_final: entry.kind != "deferred",
            is_contradicted: message.flags.contains(&"bounce_contradicted"),
            meaning: text("explanation").unwrap_or_default(),
            advice: text("advice").unwrap_or_default(),
            said: text("diagnostic"),
            code: Some(code).filter(|code| !code.is_empty()),
            rule: text("rule"),
            others: desk.link("messages", [("q", format!("failed:{category}").as_str())]),
            category: named(&category),
        })
    }
}

/// What became of it.
pub fn sentence(message: &MessageSummary) -> String {
    let is = |flag: &str| message.flags.contains(&flag);
    match (message.outcome, message.bounce.as_ref(), message.delivered_at) {
        (Status::Bounced, Some(bounce), _) => {
            let first = if is("bounced_async") {
                "The receiving server took it, and then it bounced"
            } else {
                "It bounced for good"
            };
            format!("{first}: {}.", named(bounce.category.as_str()))
        }
        (Status::Delivered, _, Some(delivered_at)) => {
            let since = message.sent_at.map(|sent| (delivered_at - sent).as_seconds_f64().max(0.0));
            let took = since.map(|since| format!(" {} after it was sent", span(since))).unwrap_or_default();
            let end = match () {
                () if is("completed") && message.email_verification_id.is_some() => {
                    ", and the address was verified"
                }
                () if is("completed") => ", and the password was changed",
                () if is("clicked") => ", and a person followed its link",
                () if is("opened") => ", and a person opened it",
                () => "; nobody is known to have opened it",
            };
            let spam = if is("complained") { " The recipient called it spam." } else { "" };
            format!("The receiving server took it{took}{end}.{spam}")
        }
        _ => message.explanation.to_owned(),
    }
}
