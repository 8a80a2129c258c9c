//! Events of a reset or a verification, in sentences.

use serde_json::{Value as Json, json};

use super::{Told, actor, meta};
use crate::domain::email_verification::{Verifies, Verifying};
use crate::domain::id::MessageId;
use crate::domain::one_time_link::{DeclineReason, LinkEvent as Event, LinkPurpose, VisitKind};
use crate::domain::password_reset::{ResetDetails, Resetting};

/// What is told differently about links of different purposes.
pub trait Tellable: LinkPurpose {
    /// After the page that a link leads to.
    const PAGE: &'static str;
    /// Once a completion has started.
    const STARTED: &'static str;
    /// Once the link has done its work.
    const COMPLETED: &'static str;

    /// What was asked for.
    fn requested(details: &Self::Details) -> &'static str;
}

impl Tellable for Resetting {
    const PAGE: &'static str = "The page for a new password was shown.";
    const STARTED: &'static str = "A new password was accepted; the account is being changed.";
    const COMPLETED: &'static str = "The password was changed.";

    fn requested(_: &ResetDetails) -> &'static str {
        "A password reset was asked for."
    }
}

impl Tellable for Verifying {
    const PAGE: &'static str = "The page for verifying the address was shown.";
    const STARTED: &'static str = "Somebody follows the link to its end; their password is looked at.";
    const COMPLETED: &'static str = "The address was verified.";

    fn requested(details: &Verifies) -> &'static str {
        match details {
            Verifies::Registration => "The address was registered.",
            Verifies::Account => "A link to verify the address of an account was asked for.",
            Verifies::AddressChange { .. } => "An account wants to move to this address.",
        }
    }
}

pub fn entry<P: Tellable>(event: &Event<P>) -> Option<Told> {
    let request_id = event.request_id()?.to_string();
    let mut message = None;
    let (at, text, meta) = match event {
        Event::Requested(requested) => (
            requested.at,
            P::requested(&requested.details).to_owned(),
            meta([
                ("expires_at", json!(requested.expires_at)),
                ("locale", json!(requested.locale)),
                ("browser", json!(requested.browser)),
            ]),
        ),
        Event::Repeated(repeated) => (
            repeated.at,
            "It was asked for again while an earlier link worked.".to_owned(),
            meta([
                ("of", json!(repeated.of)),
                ("locale", json!(repeated.locale)),
                ("browser", json!(repeated.browser)),
            ]),
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
        Event::LinkResent { by, message_id, at, .. } => (
            *at,
            "The same link is mailed once more.".to_owned(),
            meta([("by", json!(by)), ("message_id", json!(message_id))]),
        ),
        Event::LinkSuperseded { by, at, .. } => {
            (*at, "A newer link took over.".to_owned(), meta([("by", json!(by))]))
        }
        Event::LinkRestored { at, .. } => {
            (*at, "The newer link's mail failed, so this link works again.".to_owned(), meta([]))
        }
        Event::LinkVisited { message_id, kind, at, .. } => {
            message = Some(*message_id);
            (*at, visit::<P>(*kind).to_owned(), meta([("visit", json!(kind))]))
        }
        Event::CompletionStarted(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, P::STARTED.to_owned(), meta)
        }
        Event::CompletionFailed(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, "The account was not changed; the link is free again.".to_owned(), meta)
        }
        Event::CompletionRefused(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, "It was not the password; the link is free again.".to_owned(), meta)
        }
        Event::Completed(completion) => {
            message = Some(completion.message_id);
            let meta = attempt(completion.attempt, completion.message_id);
            (completion.at, P::COMPLETED.to_owned(), meta)
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
    Some(Told { message_id, request_id: Some(request_id), at, text, meta, diagnostic: None })
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
        DeclineReason::AlreadyRegistered => {
            "No link was made: the address has an account; its owner is told."
        }
        DeclineReason::AlreadyVerified => "No mail was made: the address is verified.",
        DeclineReason::AddressTaken => {
            "No link was made: the address is another account's; its owner is told."
        }
        DeclineReason::AccountChanged => "No mail was made: the account has changed since.",
    }
}

fn visit<P: Tellable>(kind: VisitKind) -> &'static str {
    match kind {
        VisitKind::Prefetch => "The link was prefetched; nobody looked.",
        VisitKind::Link => "The link was followed.",
        VisitKind::Page => P::PAGE,
        VisitKind::Inspect => "A frontend asked whether the link works.",
    }
}
