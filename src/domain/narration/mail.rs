//! Events of a mail, in sentences.

use serde_json::json;

use super::{Told, actor, meta};
use crate::domain::bounce::{classify, mask};
use crate::domain::message::{Cause, MessageEvent, SuppressedBy};
use crate::domain::message_engagement::MessageEngagementEvent;
use crate::domain::provider_event::{Client, Diagnostic};

pub fn entry(message_id: &str, event: &MessageEvent) -> Option<Told> {
    let told = |at, text: String, meta| Told {
        message_id: Some(message_id.to_owned()),
        request_id: None,
        at,
        text,
        meta,
        diagnostic: None,
    };
    Some(match event {
        MessageEvent::Requested(requested) => told(
            requested.at,
            format!("A mail from the template “{}” was asked for.", requested.template),
            meta([
                ("template", json!(requested.template)),
                ("provider", json!(requested.provider)),
                ("mailbox_provider", json!(requested.mailbox_provider)),
                ("asked_by", json!(asked_by(&requested.cause))),
            ]),
        ),
        MessageEvent::Suppressed { by, reason, diagnostic, at } => {
            let who = match by {
                SuppressedBy::Us => "It was not sent: we suppress this address.",
                SuppressedBy::Provider => "The mail provider did not try: it suppresses this address.",
            };
            let mut entry = told(*at, who.into(), meta([("by", json!(by)), ("reason", json!(reason))]));
            if let Some(diagnostic) = diagnostic {
                explain(&mut entry, diagnostic, true);
            }
            entry
        }
        MessageEvent::Calling { attempt, at } => told(
            *at,
            format!("The mail provider is called, attempt {attempt}."),
            meta([("attempt", json!(attempt))]),
        ),
        MessageEvent::Sent { attempt, reply, at, .. } => {
            let mut entry =
                told(*at, "The mail provider took it.".into(), meta([("attempt", json!(attempt))]));
            entry.diagnostic = reply.as_ref().and_then(|reply| reply.known()).map(|reply| mask(reply));
            entry
        }
        MessageEvent::SendFailed { attempt, error, ambiguous, retry_at, at } => {
            let text = match ambiguous {
                true => "The call broke off: nobody knows yet whether the provider took it.",
                false => "The call failed; it will be tried again.",
            };
            told(
                *at,
                text.into(),
                meta([
                    ("attempt", json!(attempt)),
                    ("error", json!(mask(error))),
                    ("retry_at", json!(retry_at)),
                ]),
            )
        }
        MessageEvent::Rejected { reason, at } => told(
            *at,
            "It was refused and will never be sent.".into(),
            meta([("reason", json!(mask(reason)))]),
        ),
        MessageEvent::Deferred { diagnostic, at_hand_over, at } => {
            let text = match at_hand_over {
                None => "The receiving server asked to come back later.",
                Some(_) => "The mail server did not take it yet and asked to come back later.",
            };
            let mut entry = told(*at, text.into(), meta([]));
            explain(&mut entry, diagnostic, false);
            entry
        }
        MessageEvent::Delivered { delivery, at } => told(
            *at,
            "The receiving server took it; inbox or spam folder is unknown.".into(),
            meta([
                ("mx_host", json!(delivery.mx_host)),
                ("tls", json!(delivery.tls)),
                ("attempt", json!(delivery.attempt)),
            ]),
        ),
        MessageEvent::Bounced { diagnostic, delayed, at_hand_over, at } => {
            let text = match (at_hand_over, delayed) {
                (Some(_), _) => "The mail server refused it for good.",
                (None, true) => "It failed for good, after the receiving server had taken it.",
                (None, false) => "It failed for good.",
            };
            let mut entry = told(*at, text.into(), meta([]));
            explain(&mut entry, diagnostic, true);
            entry
        }
        MessageEvent::Complained { at } => told(*at, "The recipient called it spam.".into(), meta([])),
        MessageEvent::Unsubscribed { at } => {
            told(*at, "The recipient asked for no more mail.".into(), meta([]))
        }
        MessageEvent::Canceled { reason, at } => told(
            *at,
            "It was not sent: what it is about had ended before.".into(),
            meta([("reason", json!(mask(reason)))]),
        ),
        MessageEvent::Unknown => return None,
    })
}

/// Which service asked for it; none for mails of our own flows.
fn asked_by(cause: &Cause) -> Option<String> {
    match cause {
        Cause::Api { by, .. } => Some(actor(by)),
        _ => None,
    }
}

pub fn reading(message_id: &str, event: &MessageEngagementEvent) -> Option<Told> {
    let (at, text, client) = match event {
        MessageEngagementEvent::Opened { client, at } => (*at, "The mail was opened.", client),
        MessageEngagementEvent::Clicked { client, at, .. } => (*at, "A link was followed.", client),
        MessageEngagementEvent::Unknown => return None,
    };
    let Client { client_type, bot, country, .. } = client;
    Some(Told {
        message_id: Some(message_id.to_owned()),
        request_id: None,
        at,
        text: text.into(),
        meta: meta([
            ("client_type", json!(client_type)),
            ("bot", json!(bot.as_deref().filter(|bot| !bot.is_empty()))),
            ("country", json!(country)),
        ]),
        diagnostic: None,
    })
}

/// Adds why it failed.
fn explain(entry: &mut Told, diagnostic: &Diagnostic, permanent: bool) {
    let verdict = classify(diagnostic, permanent);
    entry.meta.extend(meta([
        ("code", json!(diagnostic.code)),
        ("enhanced", json!(diagnostic.enhanced)),
        ("provider_reason", json!(diagnostic.reason)),
        ("attempt", json!(diagnostic.attempt)),
        ("retry_seconds", json!(diagnostic.retry_seconds)),
        ("category", json!(verdict.category)),
        ("class", json!(verdict.class)),
        ("critical", json!(verdict.critical)),
        ("rule", json!(verdict.rule)),
        ("confidence", json!(verdict.confidence)),
        ("list", json!(verdict.list)),
        ("explanation", json!(verdict.category.meaning())),
        ("advice", json!(verdict.category.advice())),
    ]));
    let text = diagnostic.text.known();
    entry.diagnostic = text
        .map(|text| [&text.message, &text.description, &text.last_message])
        .and_then(|texts| texts.into_iter().find(|text| !text.is_empty()))
        .map(|text| mask(text));
}
