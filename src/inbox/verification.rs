//! Each check that a webhook went through, told for an operator. The checks that can be made again are made again,
//! with the keys of today: what was signed by a key that is gone shows as such.

use std::time::Duration;

use serde::Serialize;

use super::reading::Opened;
use super::worker::NOT_OURS;
use crate::domain::id::MessageId;
use crate::providers::mailgun::{self, SigningKeys};

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// `signature`, `age`, `content`, `event`, `message`, `effect`, or `source` where nobody signed it.
    pub step: &'static str,
    /// Whether it held; null where it was not or can no longer be made.
    pub ok: Option<bool>,
    /// What was found.
    pub detail: String,
}

fn step(step: &'static str, ok: impl Into<Option<bool>>, detail: impl Into<String>) -> Step {
    Step { step, ok: ok.into(), detail: detail.into() }
}

pub(super) fn steps(webhook: &Opened, keys: Option<&SigningKeys>, max_age: Duration) -> Vec<Step> {
    let Some(body) = &webhook.body else {
        return vec![
            step("content", None, "The body was erased; nothing can be checked again."),
            effect(webhook),
        ];
    };
    let mut steps = if webhook.summary.source == "webhook" {
        signed(webhook, body, keys, max_age)
    } else {
        vec![step(
            "source",
            true,
            "Found in the provider's events API, which we asked over our own connection.",
        )]
    };
    match mailgun::event_data(body).map(|event| mailgun::translate(&event)) {
        Some(Ok(event)) => {
            steps.push(step("event", true, format!("It tells of “{}”, at {}.", event.kind.name(), event.at)));
            steps.push(message(webhook, event.delivery_id, event.provider_message_id.is_some()));
        }
        Some(Err(error)) => steps.push(step("event", false, format!("It tells of no event: {error}."))),
        None => steps.push(step("event", false, "There is no object “event-data”.")),
    }
    steps.push(effect(webhook));
    steps
}

fn signed(webhook: &Opened, body: &[u8], keys: Option<&SigningKeys>, max_age: Duration) -> Vec<Step> {
    let signature = match mailgun::signed_by(body, keys) {
        Err(refusal) => return vec![step("signature", false, format!("The signature is none: {refusal}."))],
        Ok(None) => {
            step("signature", false, "None of the keys that are configured now has made the signature.")
        }
        Ok(Some(0)) => step("signature", true, "Signed by the current key."),
        Ok(Some(place)) => step("signature", true, format!("Signed by the previous key number {place}.")),
    };
    let age = webhook
        .summary
        .received_at
        .zip(webhook.summary.signed_at)
        .map(|(received, signed)| received - signed);
    let age = age.map_or_else(
        || step("age", None, "When it was signed was not kept."),
        |age| {
            let fresh = age.to_std().map_or(true, |age| age <= max_age);
            step(
                "age",
                fresh,
                format!(
                    "It came {} s after it was signed; {} s are allowed.",
                    age.num_seconds(),
                    max_age.as_secs()
                ),
            )
        },
    );
    let contested = webhook.summary.outcome == "contested";
    let content = match content_digest(body) {
        _ if contested => step(
            "content",
            false,
            "The same signature came before with other content: whoever posted this has altered it.",
        ),
        Some(digest) if digest == webhook.content_digest => {
            step("content", true, "The content is the one that first came under this signature.")
        }
        _ => step("content", false, "The content is not the one that was stored."),
    };
    vec![signature, age, content]
}

/// What the event says which message it is about, and whether that is one of ours, as far as it was looked up.
fn message(webhook: &Opened, delivery_id: Option<MessageId>, has_message_id: bool) -> Step {
    let summary = &webhook.summary;
    let reason = summary.reason.as_deref();
    let found = match summary.outcome.as_str() {
        "processed" => Some(true),
        "unmatched" if reason == Some(NOT_OURS) => Some(false),
        // It was looked up, and then did not agree with the message in something else.
        "unmatched" if delivery_id.is_some() => Some(true),
        _ => None,
    };
    match (delivery_id, found) {
        (Some(id), Some(true)) => step(
            "message",
            true,
            format!("It carries the id {id} in its variables, and that is a message of ours."),
        ),
        (Some(id), Some(false)) => step(
            "message",
            false,
            format!(
                "It carries the id {id} in its variables, as our mails do, but there is no such message here."
            ),
        ),
        (Some(id), None) => {
            let detail = format!(
                "It carries the id {id} in its variables; whether that is a message of ours was not asked."
            );
            step("message", None, detail)
        }
        (None, Some(true)) => step("message", true, "It names the Message-ID of a message of ours."),
        (None, _) if has_message_id && summary.outcome == "pending" => {
            step("message", None, "It names a Message-ID; whether a mail of ours has it was not asked yet.")
        }
        (None, _) if has_message_id => {
            step("message", false, "It names a Message-ID, but none that a mail of ours is known by.")
        }
        (None, _) => step("message", false, "It names no message."),
    }
}

fn content_digest(body: &[u8]) -> Option<String> {
    mailgun::content_digest(body).map(hex::encode)
}

fn effect(webhook: &Opened) -> Step {
    let summary = &webhook.summary;
    match (summary.outcome.as_str(), &summary.reason) {
        ("processed", _) => {
            let message = summary.message_id.as_deref().unwrap_or("a message");
            step("effect", true, format!("It has had its effect on {message}, once, however often it comes."))
        }
        ("pending", _) => step("effect", None, "It waits to be understood."),
        (outcome, reason) => {
            let reason = reason.as_deref().unwrap_or("no reason was kept");
            step("effect", false, format!("It had no effect ({outcome}): {reason}."))
        }
    }
}
