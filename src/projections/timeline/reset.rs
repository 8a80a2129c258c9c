//! Events of a reset, in sentences.

use serde_json::{Value as Json, json};

use super::{Entry, meta};
use crate::domain::id::MessageId;
use crate::domain::password_reset::{DeclineReason, PasswordResetEvent as Event, VisitKind};
use crate::projections::actor;

pub(super) fn entry(event: &Event) -> Option<Entry> {
    let request_id = event.request_id()?.to_string();
    let mut message = None;
    let (at, text, meta) = match event {
        Event::Requested(requested) => (
            requested.at,
            "A password reset was asked for.".to_owned(),
            meta([("expires_at", json!(requested.expires_at)), ("locale", json!(requested.locale))]),
        ),
        Event::Declined { reason, at, .. } => {
            (*at, decline(*reason).to_owned(), meta([("reason", json!(reason.as_str()))]))
        }
        Event::LinkIssued(issued) => (
            issued.at,
            "The account was found; its link was made.".to_owned(),
            meta([
                ("message_id", json!(issued.message_id)),
                ("account_id", json!(issued.account_id)),
                ("expires_at", json!(issued.expires_at)),
            ]),
        ),
        Event::LinkSuperseded { by, at, .. } => {
            (*at, "A newer link took over.".to_owned(), meta([("by", json!(by))]))
        }
        Event::LinkRestored { at, .. } => {
            (*at, "The newer link's mail failed, so this link works again.".to_owned(), meta([]))
        }
        Event::LinkVisited { message_id, kind, at, .. } => {
            message = Some(*message_id);
            (*at, visit(*kind).to_owned(), meta([("visit", json!(kind))]))
        }
        Event::CompletionStarted(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, "A new password was accepted; the account is being changed.".to_owned(), meta)
        }
        Event::CompletionFailed(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, "The account was not changed; the link is free again.".to_owned(), meta)
        }
        Event::Completed(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, "The password was changed.".to_owned(), meta)
        }
        Event::Expired { at, .. } => (*at, "The link's time ran out unused.".to_owned(), meta([])),
        Event::Revoked { by, at, .. } => {
            (*at, "The link was ended on purpose.".to_owned(), meta([("by", json!(actor(by)))]))
        }
        Event::Reported { at, .. } => {
            (*at, "The owner said that it was not they who asked.".to_owned(), meta([]))
        }
        Event::Erased { .. } | Event::Unknown => return None,
    };
    let message_id = message.map(|id| id.to_string());
    Some(Entry { message_id, request_id: Some(request_id), at, text, meta, diagnostic: None })
}

fn attempt(attempt: u32, message_id: MessageId) -> serde_json::Map<String, Json> {
    meta([("attempt", json!(attempt)), ("message_id", json!(message_id))])
}

fn decline(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::Cooldown => "No mail was made: too soon after the request before.",
        DeclineReason::HourlyLimit => "No mail was made: too many requests within an hour.",
        DeclineReason::UnknownAddress => "No mail was made: no account has this address.",
        DeclineReason::AccountDisabled => "No mail was made: the account is disabled.",
        DeclineReason::Expired => "No mail was made: the directory could not be asked in time.",
    }
}

fn visit(kind: VisitKind) -> &'static str {
    match kind {
        VisitKind::Prefetch => "The link was prefetched; nobody looked.",
        VisitKind::Link => "The link was followed.",
        VisitKind::Page => "The page for a new password was shown.",
        VisitKind::Inspect => "A frontend asked whether the link works.",
    }
}
