//! Words of events and outcomes as operators read them, each with the colour that goes with it.

use serde::Serialize;

use crate::domain::delivery::Status;

/// A word in its colour: `good`, `warn`, `bad` or `quiet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    pub level: &'static str,
    pub word: String,
}

impl State {
    /// How far a mail has come.
    pub fn of(status: Status) -> Self {
        let level = match status {
            Status::Delivered => "good",
            Status::Bounced | Status::Rejected => "bad",
            Status::Deferred | Status::Suppressed => "warn",
            Status::Queued | Status::Sent | Status::Canceled => "quiet",
        };
        Self { level, word: status.as_str().to_owned() }
    }

    /// What became of a webhook.
    pub fn of_webhook(outcome: &str) -> Self {
        let level = match outcome {
            "processed" => "good",
            "failed" | "contested" => "bad",
            "unmatched" | "malformed" => "warn",
            _ => "quiet",
        };
        Self { level, word: named(outcome) }
    }
}

/// A name such as `mailbox_full`, with spaces.
pub fn named(name: &str) -> String {
    name.replace('_', " ")
}

/// A mailbox provider as people write it.
pub fn mailbox(name: &str) -> &str {
    match name {
        "gmail" => "Gmail",
        "microsoft" => "Microsoft",
        "yahoo" => "Yahoo",
        "apple" => "Apple",
        "proton" => "Proton",
        "gmx" => "GMX",
        "zoho" => "Zoho",
        "qq" => "QQ",
        "mail_ru" => "Mail.ru",
        "corporate" => "Corporate gateways",
        "other" => "Others",
        "none" => "None known",
        name => name,
    }
}

/// How well an event of a timeline bodes.
pub fn level(kind: &str) -> &'static str {
    match kind {
        "delivered" | "completed" => "good",
        "bounced" | "rejected" | "send_failed" | "completion_failed" => "bad",
        "deferred" | "suppressed" | "complained" | "unsubscribed" | "canceled" | "declined" => "warn",
        _ => "quiet",
    }
}

/// Who made an event known.
pub fn source(source: &str) -> &'static str {
    match source {
        "client" => "a visitor or a frontend",
        "provider" => "the provider’s webhook",
        "events_api" => "the provider, when asked: its webhook never came",
        "operator" => "an operator",
        _ => "backstamp",
    }
}

/// Why an open or a click is taken for a machine’s.
pub fn rule(rule: &str) -> &'static str {
    match rule {
        "provider_named_bot" => "the provider names the machine",
        "provider_said_robot" => "the provider says that it is a robot",
        "bare_user_agent" => "its user agent is the bare “Mozilla/5.0” of prefetchers",
        "image_proxy" => "it is a mailbox provider’s image proxy",
        "declared_robot" => "it calls itself a robot",
        "prefetch" => "it only looked ahead (HEAD, or a prefetch header)",
        "soon_after_delivery" => "it came within two seconds of the delivery",
        "many_links" => "three different links within two seconds",
        _ => "a rule says so",
    }
}

/// Why an address gets less mail.
pub fn reason(reason: &str) -> &'static str {
    match reason {
        "hard_bounce" => "mail to it bounced for good",
        "complaint" => "its owner called mail spam",
        "unsubscribe" => "its owner wants no more mail",
        "manual" => "an operator decided so",
        _ => "its reason is not known here",
    }
}

/// What is held back.
pub fn blocks(blocks: &str) -> &'static str {
    match blocks {
        "everything" => "every mail",
        "bulk" => "mail that services send to lists",
        _ => "some mail",
    }
}
