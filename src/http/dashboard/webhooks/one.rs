//! `/dashboard/webhooks/{id}`: one webhook as it came, each check that it went through, and what it led to.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::super::answers;
use super::super::super::problem::{Code, Problem};
use super::super::desk::Desk;
use super::super::message::{Step, steps};
use super::super::notice::{self, Sent};
use super::super::number::Moment;
use super::super::words::{State, named};
use super::told;
use crate::disclosures::Kind;
use crate::domain::id::WebhookId;
use crate::inbox::ReplayError;

#[derive(Serialize)]
struct Page {
    id: String,
    event: String,
    state: State,
    reason: Option<String>,
    message: Option<String>,
    provider: String,
    is_found: bool,
    attempts: i64,
    received: Option<Moment>,
    signed: Option<Moment>,
    happened: Option<Moment>,
    steps: Vec<Step>,
    /// Masked, or whole if somebody has asked for it; none once it was erased.
    body: Option<String>,
    is_revealed: bool,
    can_replay: bool,
    here: String,
    list: String,
    done: Option<&'static str>,
}

/// The page.
pub async fn show(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    page(&desk, id, None).await
}

fn id(request: &Request) -> Result<WebhookId, Problem> {
    answers::id(request.raw_path_param("id").unwrap_or_default())
}

async fn page(desk: &Desk, id: WebhookId, revealed: Option<String>) -> Result<Response, Problem> {
    let Some(webhook) = desk.state().inbox.webhook(id).await? else {
        let steps = [("All webhooks", desk.link("webhooks", []))];
        let words = "There is no webhook with this id.";
        return notice::page(desk, StatusCode::NOT_FOUND, "No such webhook", words, &steps);
    };
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| Moment::of(at, desk.now));
    let masked = webhook.body.as_ref().and_then(|body| serde_json::to_string_pretty(body).ok());
    let steps = steps(&webhook);
    let summary = webhook.summary;
    let page = Page {
        event: summary.event.as_deref().map_or_else(|| "no event".to_owned(), named),
        state: State::of_webhook(&summary.outcome),
        message: summary.message_id.as_ref().map(|id| desk.link(&format!("messages/{id}"), [])),
        is_found: summary.source == "events_api",
        received: moment(summary.received_at),
        signed: moment(summary.signed_at).filter(|_| summary.source == "webhook"),
        happened: moment(summary.event_at),
        can_replay: !["pending", "contested"].contains(&summary.outcome.as_str()) && masked.is_some(),
        reason: summary.reason,
        provider: summary.provider,
        attempts: summary.attempts,
        steps,
        is_revealed: revealed.is_some(),
        body: revealed.or(masked),
        here: desk.link(&format!("webhooks/{id}"), []),
        list: desk.link("webhooks", []),
        done: desk.visit.parameter("done").and_then(told),
        id: summary.id,
    };
    desk.render("webhook", page)
}

/// Shows the body as it came, once it is written down that it was shown.
pub async fn reveal(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    let here = format!("webhooks/{id}");
    if let Sent::Stale(answer) = notice::receive(&desk, request, &here).await? {
        return Ok(answer);
    }
    let body = desk.state().inbox.reveal(id).await?.ok_or_else(|| Problem::new(Code::NotFound))?;
    let Some(body) = body else {
        let steps = [("Back to the webhook", desk.link(&here, []))];
        let words = "Everything that it said was erased on request.";
        return notice::page(&desk, StatusCode::CONFLICT, "Its body was erased", words, &steps);
    };
    desk.state().disclosures.record(&desk.operator.by, Kind::Webhook, &id.to_string()).await?;
    let pretty = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let pretty = pretty.and_then(|body| serde_json::to_string_pretty(&body).ok());
    page(&desk, id, Some(pretty.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()))).await
}

/// Lets it be understood once more.
pub async fn replay(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    let here = format!("webhooks/{id}");
    if let Sent::Stale(answer) = notice::receive(&desk, request, &here).await? {
        return Ok(answer);
    }
    match desk.state().inbox.replay(id).await {
        Ok(()) => {
            tracing::info!(webhook = %id, by = %desk.operator.by, "a webhook is replayed");
            Ok(desk.visit.redirect(&desk.link(&here, [("done", "replayed")])))
        }
        Err(ReplayError::Impossible(why)) => {
            let steps = [("Back to the webhook", desk.link(&here, []))];
            notice::page(&desk, StatusCode::CONFLICT, "It cannot be understood once more", why, &steps)
        }
        Err(error) => Err(error.into()),
    }
}
