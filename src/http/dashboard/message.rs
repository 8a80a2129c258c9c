//! `/dashboard/messages/{id}`: what happened to one mail, and what can be done about it.

mod actions;
mod facts;
mod preview;
mod reading;
mod reason;
mod request;
mod story;
mod timeline;

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::answers;
use super::super::problem::Problem;
use super::desk::Desk;
use super::notice;
use super::words::{self, State};
use crate::commands::SupportError;
use crate::domain::id::MessageId;
use crate::domain::suppression::{Blocks, Suppression};
use crate::queries::SUPPRESSION_ID;

use facts::Fact;
use reading::Reading;
use reason::Reason;
use story::Failure;
use timeline::Event;

pub use actions::{confirm_resend, resend, reveal, suppress};
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
    reason: Option<Reason>,
    events: Vec<Event>,
    more_events: usize,
    readings: Vec<Reading>,
    held: Option<Held>,
    has_preview: bool,
    /// Why it cannot be sent again, if it cannot.
    no_resend: Option<&'static str>,
    here: String,
    /// The list that it was found in.
    list: String,
    is_found: bool,
    others: String,
    webhooks: String,
    /// What was just done, and where it led.
    done: Option<&'static str>,
    done_at: Option<String>,
}

/// What holds mail back from the recipient now.
#[derive(Serialize)]
struct Held {
    /// What is held back, and why.
    words: String,
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
    let (held, evidence) = match requested {
        Some(requested) => {
            let held =
                state.commands.load_suppression(&requested.recipient_key).await.map_err(unavailable)?;
            let evidence = reason::evidence(desk, &message, &requested.recipient_key).await?;
            (Held::of(desk, &held, &requested.recipient_key), evidence)
        }
        None => (None, None),
    };
    let no_resend = match state.commands.check_resend(id).await {
        Ok(()) => None,
        Err(SupportError::Impossible(why)) => Some(why),
        Err(SupportError::NotFound) => Some("Its request is not in the log yet."),
        Err(SupportError::Command(error)) => return Err(error.into()),
    };
    let here = format!("messages/{id}");
    let (events, more_events) = timeline::events(desk, &entries, reports);
    let done_at = desk.visit.parameter("at").and_then(|at| at.parse::<MessageId>().ok());
    let recipient = message.recipient.clone().unwrap_or_else(|| "erased".to_owned());
    let others = format!("to:{}", revealed.as_deref().unwrap_or_default());
    let failure = Failure::of(desk, &message, &entries);
    let page = Page {
        id: message.id.clone(),
        state: State::of(message.outcome),
        sentence: story::sentence(&message),
        reason: if failure.is_none() { Reason::of(desk, &message, evidence.as_deref()) } else { None },
        failure,
        readings: reading::all(&entries),
        facts: facts::all(desk, &message, requested, &entries, evidence.as_deref()),
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
        no_resend,
        here: desk.link(&here, []),
        list: list(desk),
        is_found: desk.visit.parameter("q").is_some(),
    };
    desk.render("message", page)
}

/// The list that the mail was found in, at the same place.
fn list(desk: &Desk) -> String {
    let pairs = desk.cut.pairs();
    let found = ["q", "cursor"].into_iter().filter_map(|name| Some((name, desk.visit.parameter(name)?)));
    desk.link("messages", found.chain(pairs.iter().map(|(name, value)| (*name, value.as_str()))))
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
        let because = |blocks: Blocks| {
            let grounds = suppression.grounds().filter(|(_, ground)| ground.blocks == blocks);
            grounds.map(|(reason, _)| words::reason(reason.as_str())).collect::<Vec<_>>().join("; ")
        };
        let (every, bulk) = (because(Blocks::Everything), because(Blocks::Bulk));
        let words = match (every.is_empty(), bulk.is_empty()) {
            (true, true) => return None,
            (false, true) => format!("Every mail to this address is held back: {every}."),
            (false, false) => format!("Every mail to this address is held back: {every}; besides: {bulk}."),
            (true, false) => format!(
                "Mail that services send to lists is held back from this address: {bulk}. Resets, verifications and \
                 notices about the account still go."
            ),
        };
        let id = format!("{SUPPRESSION_ID}{recipient_key}");
        Some(Self { words, lift: desk.link("suppressions/lift", [("id", id.as_str())]) })
    }
}
