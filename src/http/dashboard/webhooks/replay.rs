//! Many webhooks understood once more: counted and shown first, and only then asked for.

use chrono::DateTime;
use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::cut::moment;
use super::super::desk::Desk;
use super::super::notice::{self, Sent};
use super::super::number::grouped;
use super::super::words::named;
use crate::domain::id::WebhookId;
use crate::inbox::{OUTCOMES, Replay, ReplayError, Selection};

/// Ids of one selection at most.
const MOST_IDS: usize = 300;

#[derive(Serialize)]
struct Page {
    count: i64,
    count_text: String,
    what: String,
    confirmation: String,
    ids: String,
    since: String,
    outcome: String,
    here: String,
    list: String,
}

/// Asks whether these shall be understood once more.
pub async fn confirm(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let ids = desk.visit.query().iter().filter(|(name, _)| name == "id").map(|(_, id)| id.as_str());
    let ids = ids.collect::<Vec<_>>().join(",");
    let parameter = |name: &str| desk.visit.parameter(name).unwrap_or_default().to_owned();
    let (since, outcome) = (parameter("since"), parameter("outcome"));
    ask(&desk, StatusCode::OK, ids, since, outcome).await
}

async fn ask(
    desk: &Desk,
    status: StatusCode,
    ids: String,
    since: String,
    outcome: String,
) -> Result<Response, Problem> {
    let Some(selection) = selection(&ids, &since, &outcome) else {
        let words =
            "Choose webhooks in the list, or a time since when all of them shall be understood once more.";
        let steps = [("Back to the list", desk.link("webhooks", []))];
        return notice::page(desk, StatusCode::UNPROCESSABLE_ENTITY, "Nothing was chosen", words, &steps);
    };
    let Replay { count, confirmation, .. } = desk.state().inbox.replay_many(&selection, None).await?;
    let of = if outcome.is_empty() { String::new() } else { format!(", {}", named(&outcome)) };
    let what = match (&selection.ids, selection.since) {
        (Some(_), _) => "that you chose".to_owned(),
        (None, since) => format!(
            "received since {} UTC{of}",
            since.unwrap_or(DateTime::UNIX_EPOCH).format("%-d %b %Y %H:%M")
        ),
    };
    let page = Page {
        count,
        count_text: grouped(count),
        what,
        confirmation: confirmation.unwrap_or_default(),
        ids,
        since,
        outcome,
        here: desk.link("webhooks/replay", []),
        list: desk.link("webhooks", []),
    };
    desk.render_as(status, "webhooks-replay", page)
}

/// Lets them be understood once more.
pub async fn submit(desk: Desk, request: Request) -> Result<Response, Problem> {
    let mut form = match notice::receive(&desk, request, "webhooks").await? {
        Sent::Form(form) => form,
        Sent::Stale(answer) => return Ok(answer),
    };
    let (ids, since, outcome) = (form.take("ids"), form.take("since"), form.take("outcome"));
    let confirmation = form.take("confirmation");
    let Some(selection) = selection(&ids, &since, &outcome) else {
        return ask(&desk, StatusCode::UNPROCESSABLE_ENTITY, ids, since, outcome).await;
    };
    match desk.state().inbox.replay_many(&selection, Some(&confirmation)).await {
        Ok(Replay { replayed, .. }) => {
            tracing::info!(replayed, by = %desk.operator.by, "webhooks are replayed");
            Ok(desk.visit.redirect(&desk.link("webhooks", [("done", "replayed-many")])))
        }
        // More have come, or others were faster: the count that was confirmed is none any more.
        Err(ReplayError::Changed(_) | ReplayError::NotConfirmed) => {
            ask(&desk, StatusCode::CONFLICT, ids, since, outcome).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What is chosen; none if nothing is, or in no way that is known.
fn selection(ids: &str, since: &str, outcome: &str) -> Option<Selection> {
    let ids: Vec<String> = ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    let are_known = ids.len() <= MOST_IDS && ids.iter().all(|id| id.parse::<WebhookId>().is_ok());
    let outcome = Some(outcome.to_owned()).filter(|outcome| !outcome.is_empty());
    let is_known = outcome.as_deref().is_none_or(|outcome| OUTCOMES.contains(&outcome));
    let since = if ids.is_empty() { Some(moment(since)?) } else { None };
    let selection = Selection { ids: Some(ids).filter(|ids| !ids.is_empty()), since, until: None, outcome };
    (are_known && is_known).then_some(selection)
}
