//! `/dashboard/webhooks`: what the provider has told us, what became of each, and another try.

mod dead_letters;
mod one;
mod replay;

use std::collections::HashMap;

use poem::{Request, Response};
use serde::Serialize;

use super::super::problem::Problem;
use super::address::SOURCES;
use super::desk::Desk;
use super::listing::{ROWS, Turn};
use super::number::{Moment, counted};
use super::words::{State, named};
use crate::domain::id::MessageId;
use crate::inbox::{OUTCOMES, WebhookFilter, WebhookSummary};
use crate::queries::MessageSummary;

pub use dead_letters::{
    all as all_dead_letters, replay as replay_dead_letter, replay_all as replay_dead_letters,
    show as dead_letters,
};
pub use one::{replay, reveal, show as one};
pub use replay::{confirm, submit};

#[derive(Serialize)]
struct Page {
    outcomes: Vec<Choice>,
    sources: Vec<Choice>,
    /// The mail that it is about, where only its webhooks are listed.
    message: Option<String>,
    message_href: Option<String>,
    count_text: String,
    count: i64,
    rows: Vec<Row>,
    turn: Turn,
    replay_at: String,
    dead_letters: String,
    dead_letters_count: i64,
    here: String,
    done: Option<&'static str>,
    is_filtered: bool,
}

#[derive(Serialize)]
struct Choice {
    label: String,
    href: String,
    is_current: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    href: String,
    event: String,
    state: State,
    reason: Option<String>,
    message: Option<String>,
    /// Which mail that is: its template, and to whom it went.
    about: String,
    is_found: bool,
    received: Option<Moment>,
}

/// What was just done, by the word in the address.
fn told(done: &str) -> Option<&'static str> {
    match done {
        "replayed" => Some("It is understood once more; what came of it shows in a moment."),
        "replayed-many" => Some("They are understood once more; what came of each shows in a moment."),
        _ => None,
    }
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let parameter = |name: &str| desk.visit.parameter(name).filter(|value| !value.is_empty());
    let outcome = parameter("outcome").filter(|outcome| OUTCOMES.contains(outcome));
    let source = parameter("source").filter(|source| SOURCES.contains(source));
    let message = parameter("message_id").filter(|id| id.parse::<MessageId>().is_ok());
    let filter = WebhookFilter {
        outcome: outcome.map(str::to_owned),
        message_id: message.map(str::to_owned),
        source: source.map(str::to_owned),
        ..WebhookFilter::default()
    };
    let link = |outcome: Option<&str>, source: Option<&str>, cursor: Option<&str>| {
        let pairs = [("outcome", outcome), ("source", source), ("message_id", message), ("cursor", cursor)];
        desk.link("webhooks", pairs.into_iter().filter_map(|(name, value)| Some((name, value?))))
    };
    let outcomes = std::iter::once(None).chain(OUTCOMES.into_iter().map(Some)).map(|one| Choice {
        label: one.map_or_else(|| "All".to_owned(), named),
        href: link(one, source, None),
        is_current: one == outcome,
    });
    let sources = [(None, "Posted or found"), (Some("webhook"), "Posted"), (Some("events_api"), "Found")];
    let sources = sources.into_iter().map(|(one, label)| Choice {
        label: label.to_owned(),
        href: link(outcome, one, None),
        is_current: one == source,
    });
    let (inbox, letters) = (&desk.state().inbox, &desk.state().dead_letters);
    let found = inbox.webhooks(&filter, ROWS, parameter("cursor")).await?;
    let count = inbox.count(&filter).await?;
    let ids: Vec<_> = found.data.iter().filter_map(|webhook| webhook.message_id.clone()).collect();
    let mails = desk.state().queries.messages_of(&ids).await?;
    let page = Page {
        outcomes: outcomes.collect(),
        sources: sources.collect(),
        message: message.map(str::to_owned),
        message_href: message.map(|id| desk.link(&format!("messages/{id}"), [])),
        count: count.rows,
        count_text: counted(count),
        rows: found.data.iter().map(|webhook| row(&desk, webhook, &mails)).collect(),
        turn: Turn::of(&found, |cursor| link(outcome, source, Some(cursor))),
        replay_at: desk.link("webhooks/replay", []),
        dead_letters: desk.link("webhooks/dead-letters", []),
        dead_letters_count: letters.count(&crate::dead_letters::Which::default()).await?,
        here: desk.link("webhooks", []),
        done: parameter("done").and_then(told),
        is_filtered: outcome.is_some() || source.is_some() || message.is_some(),
    };
    desk.render("webhooks", page)
}

fn row(desk: &Desk, webhook: &WebhookSummary, mails: &HashMap<String, MessageSummary>) -> Row {
    let id = webhook.message_id.as_deref().unwrap_or_default();
    let about = mails.get(id).map(|mail| {
        format!("{} to {}", mail.template, mail.recipient.as_deref().unwrap_or("somebody who was erased"))
    });
    Row {
        id: webhook.id.clone(),
        href: desk.link(&format!("webhooks/{}", webhook.id), []),
        event: webhook.event.as_deref().map_or_else(|| "no event".to_owned(), named),
        state: State::of_webhook(&webhook.outcome),
        reason: webhook.reason.clone(),
        message: webhook.message_id.as_ref().map(|id| desk.link(&format!("messages/{id}"), [])),
        about: about.unwrap_or_else(|| id.to_owned()),
        is_found: webhook.source == "events_api",
        received: webhook.received_at.map(|at| Moment::of(at, desk.now)),
    }
}
