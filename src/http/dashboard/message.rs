//! `/dashboard/messages/{id}`: what happened to one mail, and what can be done about it.

mod actions;
mod preview;
mod reading;
mod request;
mod story;
mod timeline;

use chrono::{DateTime, Utc};
use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::answers;
use super::super::problem::Problem;
use super::desk::Desk;
use super::notice;
use super::number::{Moment, span};
use super::words::{self, State, named};
use crate::domain::id::MessageId;
use crate::domain::message::Requested;
use crate::domain::suppression::Suppression;
use crate::queries::{MessageSummary, SUPPRESSION_ID, TimelineEntry};

use reading::Reading;
use story::Failure;
use timeline::Event;

pub use actions::{resend, reveal, suppress};
pub use preview::show as preview;
pub use request::show as request;
pub use timeline::{Step, steps};

/// Reports that are shown in full; a mail that a scanner opens has them without end.
const MOST_REPORTS: usize = 60;

#[derive(Serialize)]
struct Page {
    id: String,
    state: State,
    sentence: String,
    recipient: String,
    /// The address itself, once somebody has asked for it.
    revealed: Option<String>,
    facts: Vec<Fact>,
    failure: Option<Failure>,
    events: Vec<Event>,
    more_events: usize,
    readings: Vec<Reading>,
    held: Option<Held>,
    has_preview: bool,
    here: String,
    others: String,
    webhooks: String,
    /// What was just done, and where it led.
    done: Option<&'static str>,
    done_at: Option<String>,
}

#[derive(Serialize)]
struct Fact {
    label: &'static str,
    value: String,
    at: Option<Moment>,
    href: Option<String>,
}

/// What holds mail back from the recipient now.
#[derive(Serialize)]
struct Held {
    reasons: Vec<&'static str>,
    lift: String,
}

/// The page.
pub async fn show(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    page(&desk, id, None).await
}

fn id(request: &Request) -> Result<MessageId, Problem> {
    answers::id(request.raw_path_param("id").unwrap_or_default())
}

/// The page as things stand, with the address in full if it was asked for.
async fn page(desk: &Desk, id: MessageId, revealed: Option<String>) -> Result<Response, Problem> {
    let state = desk.state();
    let Some(message) = state.queries.message(id).await? else { return missing(desk) };
    let entries = state.queries.message_timeline(id).await?;
    let reports = state.inbox.reports_of(id, MOST_REPORTS).await?;
    let loaded = state.commands.load_message(id).await.map_err(unavailable)?.aggregate;
    let requested = loaded.request();
    let held = match requested {
        Some(requested) => {
            let held =
                state.commands.load_suppression(&requested.recipient_key).await.map_err(unavailable)?;
            Held::of(desk, &held, &requested.recipient_key)
        }
        None => None,
    };
    let here = format!("messages/{id}");
    let (events, more_events) = timeline::events(desk, &entries, reports);
    let done_at = desk.visit.parameter("at").and_then(|at| at.parse::<MessageId>().ok());
    let recipient = message.recipient.clone().unwrap_or_else(|| "erased".to_owned());
    let others = format!("to:{}", revealed.as_deref().unwrap_or_default());
    let page = Page {
        id: message.id.clone(),
        state: State::of(message.outcome),
        sentence: story::sentence(&message),
        failure: Failure::of(desk, &message, &entries),
        readings: reading::all(&entries),
        facts: facts(desk, &message, requested, &entries),
        recipient,
        events,
        more_events,
        held,
        has_preview: requested.is_some_and(|requested| requested.data.known().is_some()),
        others: if revealed.is_some() {
            desk.link("messages", [("q", others.as_str())])
        } else {
            String::new()
        },
        revealed,
        webhooks: desk.link("webhooks", [("message_id", message.id.as_str())]),
        done: desk.visit.parameter("done").and_then(actions::told),
        done_at: done_at.map(|at| desk.link(&format!("messages/{at}"), [])),
        here: desk.link(&here, []),
    };
    desk.render("message", page)
}

fn missing(desk: &Desk) -> Result<Response, Problem> {
    let words = "There is no mail with this id. One that was asked for just now appears within a second.";
    let steps = [("All messages", desk.link("messages", []))];
    notice::page(desk, StatusCode::NOT_FOUND, "No such mail", words, &steps)
}

fn unavailable(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "a mail or its suppression cannot be loaded");
    Problem::unavailable()
}

impl Held {
    fn of(desk: &Desk, suppression: &Suppression, recipient_key: &str) -> Option<Self> {
        let reasons: Vec<_> =
            suppression.grounds().map(|(reason, _)| words::reason(reason.as_str())).collect();
        let id = format!("{SUPPRESSION_ID}{recipient_key}");
        let lift = desk.link("suppressions/lift", [("id", id.as_str())]);
        (!reasons.is_empty()).then_some(Self { reasons, lift })
    }
}

fn facts(
    desk: &Desk,
    message: &MessageSummary,
    requested: Option<&Requested>,
    entries: &[TimelineEntry],
) -> Vec<Fact> {
    let plain = |label, value: String| Fact { label, value, at: None, href: None };
    let listed = |label, word: &str, value: &str| {
        let query = format!("{word}:{value}");
        Fact { href: Some(desk.link("messages", [("q", query.as_str())])), ..plain(label, value.to_owned()) }
    };
    let moment = |label, at: Option<DateTime<Utc>>, since: Option<DateTime<Utc>>| {
        let at = at?;
        let after = since.map(|since| format!("{} later", span((at - since).as_seconds_f64().max(0.0))));
        Some(Fact { at: Some(Moment::of(at, desk.now)), ..plain(label, after.unwrap_or_default()) })
    };
    let mut facts = vec![listed("Template", "template", &message.template)];
    facts.push(listed("Mailbox provider", "mailbox", &message.mailbox_provider));
    facts.push(listed("Domain", "domain", &message.recipient_domain));
    facts.push(listed("Provider", "provider", &message.provider));
    let tried = entries.iter().filter(|entry| entry.kind == "calling").count();
    if tried > 1 {
        facts.push(plain("Handed over", format!("after {tried} attempts")));
    }
    facts.extend(
        [
            moment("Requested", message.requested_at, None),
            moment("Sent", message.sent_at, message.requested_at),
            moment("Delivered", message.delivered_at, message.sent_at),
            moment("Bounced", message.bounced_at, message.sent_at),
            moment("Complained", message.complained_at, message.delivered_at),
            moment("Completed", message.completed_at, message.requested_at),
        ]
        .into_iter()
        .flatten(),
    );
    if message.deferrals > 0 {
        facts.push(plain("Deferred", format!("{} times", message.deferrals)));
    }
    if let Some(locale) = requested.and_then(|requested| requested.locale.clone()) {
        facts.push(plain("Language", locale));
    }
    if let Some(request) = message.password_reset_id.as_ref().or(message.email_verification_id.as_ref()) {
        let label = if message.password_reset_id.is_some() { "Password reset" } else { "Verification" };
        let href = desk.link(&format!("messages/requests/{request}"), []);
        facts.push(Fact { href: Some(href), ..plain(label, "its whole timeline".to_owned()) });
    }
    if let Some(lost) = message.loss.filter(|_| message.outcome.as_str() == "delivered") {
        facts.push(plain("Went no further", named(lost)));
    }
    facts
}
