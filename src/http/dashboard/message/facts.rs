//! What is known of a mail, one line each: what it is, then what happened, in the order of time.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Moment, span};
use super::super::words::{mailbox, named};
use crate::domain::message::Requested;
use crate::queries::{MessageSummary, TimelineEntry};

/// One line.
#[derive(Debug, Serialize)]
pub struct Fact {
    label: &'static str,
    value: String,
    at: Option<Moment>,
    href: Option<String>,
}

/// Every line.
pub fn all(
    desk: &Desk,
    message: &MessageSummary,
    requested: Option<&Requested>,
    entries: &[TimelineEntry],
    evidence: Option<&str>,
) -> Vec<Fact> {
    let plain = |label, value: String| Fact { label, value, at: None, href: None };
    let linked = |label, value: String, href: String| Fact { href: Some(href), ..plain(label, value) };
    let listed = |label, word: &str, value: &str, shown: &str| {
        let query = format!("{word}:{value}");
        linked(label, shown.to_owned(), desk.link("messages", [("q", query.as_str())]))
    };
    let (provider, domain) = (message.mailbox_provider.as_str(), message.recipient_domain.as_str());
    let mut facts = vec![
        listed("Template", "template", &message.template, &message.template),
        listed("Mailbox provider", "mailbox", provider, mailbox(provider)),
        listed("Domain", "domain", domain, domain),
        listed("Provider", "provider", &message.provider, &message.provider),
    ];
    if let Some(locale) = requested.and_then(|requested| requested.locale.clone()) {
        facts.push(plain("Language", locale));
    }
    if let Some(request) = message.password_reset_id.as_ref().or(message.email_verification_id.as_ref()) {
        let label = if message.password_reset_id.is_some() { "Password reset" } else { "Verification" };
        let href = desk.link(&format!("messages/requests/{request}"), []);
        facts.push(linked(label, "its whole timeline".to_owned(), href));
    }
    facts.extend(moments(desk, message));
    let tried = entries.iter().filter(|entry| entry.kind == "calling").count();
    if tried > 1 {
        facts.push(plain("Attempts to hand it over", tried.to_string()));
    }
    if message.deferrals > 1 {
        facts.push(plain("Deferred in all", format!("{} times", message.deferrals)));
    }
    if let Some(evidence) = evidence {
        let href = desk.link(&format!("messages/{evidence}"), []);
        facts.push(linked("Held back since", "the mail that is the evidence".to_owned(), href));
    }
    if let Some(lost) = message.loss.filter(|_| message.outcome.as_str() == "delivered") {
        facts.push(plain("Went no further", named(lost)));
    }
    facts
}

/// What something happened after.
type Before = (&'static str, Option<DateTime<Utc>>);

/// What happened when, and how long after what.
fn moments(desk: &Desk, message: &MessageSummary) -> Vec<Fact> {
    let request = ("the request", message.requested_at);
    let sending = if message.sent_at.is_some() { ("it was sent", message.sent_at) } else { request };
    let delivery =
        if message.delivered_at.is_some() { ("the delivery", message.delivered_at) } else { sending };
    let mut happened: Vec<(&'static str, DateTime<Utc>, Before)> = [
        ("Requested", message.requested_at, ("", None)),
        ("Canceled", message.canceled_at, request),
        ("Suppressed", message.suppressed_at, request),
        ("Rejected", message.rejected_at, request),
        ("Sent", message.sent_at, request),
        ("First deferred", message.first_deferred_at, sending),
        ("Delivered", message.delivered_at, sending),
        ("Bounced", message.bounced_at, sending),
        ("Opened", message.first_human_open_at, delivery),
        ("Link followed", message.first_human_click_at, delivery),
        ("Complained", message.complained_at, delivery),
        ("Unsubscribed", message.unsubscribed_at, delivery),
        ("Completed", message.completed_at, request),
    ]
    .into_iter()
    .filter_map(|(label, at, since)| Some((label, at?, since)))
    .collect();
    happened.sort_by_key(|(_, at, _)| *at);
    let fact = |(label, at, (what, since)): (&'static str, DateTime<Utc>, Before)| {
        let after = since.map(|since| (at - since).as_seconds_f64());
        let value = match after {
            Some(after) if after < 0.0 => format!("{} before {what}, by the clocks of others", span(-after)),
            Some(after) => format!("{} after {what}", span(after)),
            None => String::new(),
        };
        Fact { label, value, at: Some(Moment::of(at, desk.now)), href: None }
    };
    happened.into_iter().map(fact).collect()
}
