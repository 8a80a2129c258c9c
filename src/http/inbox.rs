//! The inbox, for operators: what the provider has told us, what became of it, and another try.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::HttpState;
use super::answers::{Answer, PAGE, found, id, words};
use super::auth::{Admin, Caller, SupportAct, SupportRead};
use super::docs::Tags;
use super::fields::Faults;
use super::json::Strict;
use super::problem::{Code, FieldError, Problem};
use crate::disclosures;
use crate::domain::id::{MessageId, WebhookId};
use crate::inbox::{OUTCOMES, Replay, Selection, WebhookFilter};

/// Ids of one selection at most.
const MOST_IDS: usize = 300;

/// Where a report came from.
#[derive(Enum)]
#[oai(rename_all = "snake_case", rename = "WebhookSource")]
enum Source {
    /// The provider posted it.
    Webhook,
    /// It was found in the provider's events API.
    EventsApi,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct WebhookReplay {
    /// These webhooks, at most 300.
    #[serde(default)]
    ids: Option<Vec<String>>,
    /// Those received at this instant or later.
    #[serde(default)]
    since: Option<DateTime<Utc>>,
    /// Those received before this instant; without it, before the count.
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    /// Only those with this outcome, such as `failed`.
    #[serde(default)]
    outcome: Option<String>,
    /// From the count of the same selection. Without it nothing is replayed.
    #[serde(default)]
    confirmation: Option<String>,
}

#[derive(Object, Serialize)]
#[oai(rename = "ReplayedWebhooks")]
struct Replayed {
    /// Webhooks that the selection holds.
    count: i64,
    /// Send the same selection with this to replay them.
    confirmation: Option<String>,
    /// Webhooks that are understood once more from now on.
    replayed: i64,
}

#[derive(ApiResponse)]
enum ReplayResponse {
    /// Counted; nothing is replayed yet.
    #[oai(status = 200)]
    Counted(Json<Replayed>),
    /// They are understood once more.
    #[oai(status = 202)]
    Replayed(Json<Replayed>),
}

#[derive(ApiResponse)]
enum Taken {
    /// It is understood once more.
    #[oai(status = 202)]
    Accepted(Json<Value>),
}

pub struct InboxApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/webhooks", tag = "Tags::Operators")]
impl InboxApi {
    /// The inbox
    ///
    /// Newest first: `{"data": […], "next_cursor": null | "…"}`.
    #[oai(path = "/", method = "get", operation_id = "list_webhooks")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn list(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// What became of it, such as `unmatched` or `failed`.
        outcome: Query<Option<String>>,
        /// The mail that it had an effect on.
        message_id: Query<Option<String>>,
        source: Query<Option<Source>>,
        /// Received at this instant or later.
        after: Query<Option<DateTime<Utc>>>,
        /// Received before this instant.
        before: Query<Option<DateTime<Utc>>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let mut faults = Faults::default();
        let [outcome, message_id, cursor] =
            words(&mut faults, [("outcome", outcome.0), ("message_id", message_id.0), ("cursor", cursor.0)]);
        faults.none()?;
        known_outcome(outcome.as_deref())?;
        let source = source.0.map(|source| match source {
            Source::Webhook => "webhook".to_owned(),
            Source::EventsApi => "events_api".to_owned(),
        });
        let filter = WebhookFilter { outcome, message_id, source, after: after.0, before: before.0 };
        let limit = limit.0.unwrap_or(PAGE) as usize;
        found(self.0.inbox.webhooks(&filter, limit, cursor.as_deref()).await?)
    }

    /// One webhook
    ///
    /// With its body, in which whatever names a person is masked, and each step of its verification.
    #[oai(path = "/:id", method = "get", operation_id = "get_webhook")]
    async fn get(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        #[oai(name = "id")] webhook: Path<String>,
    ) -> Result<Answer, Problem> {
        let webhook = self.0.inbox.webhook(id(&webhook)?).await?;
        found(webhook.ok_or_else(|| Problem::new(Code::NotFound))?)
    }

    /// Its body as it was posted
    ///
    /// Personal data. That you were shown it is recorded.
    #[oai(path = "/:id/reveal", method = "post", operation_id = "reveal_webhook")]
    async fn reveal(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        #[oai(name = "id")] webhook: Path<String>,
    ) -> Result<Answer, Problem> {
        let Self(state) = self;
        let id: WebhookId = id(&webhook)?;
        let body = state.inbox.reveal(id).await?.ok_or_else(|| Problem::new(Code::NotFound))?;
        let body = body.ok_or_else(|| Problem::new(Code::Conflict).detail("Its body was erased."))?;
        let who = caller.principal.to_string();
        state.disclosures.record(&who, disclosures::Kind::Webhook, &id.to_string()).await?;
        found(json!({ "id": id, "body": String::from_utf8_lossy(&body) }))
    }

    /// Understand it once more
    ///
    /// Its effect happens once, however often it is understood.
    #[oai(path = "/:id/replay", method = "post", operation_id = "replay_webhook")]
    async fn replay(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        #[oai(name = "id")] webhook: Path<String>,
    ) -> Result<Taken, Problem> {
        let id: WebhookId = id(&webhook)?;
        self.0.inbox.replay(id).await?;
        tracing::info!(webhook = %id, by = %caller.principal, "a webhook is replayed");
        Ok(Taken::Accepted(Json(json!({ "id": id, "outcome": "pending" }))))
    }

    /// Understand many once more
    ///
    /// A selection, by ids or by time. Without `confirmation` they are only counted; the answer holds the one to
    /// send with the same selection.
    #[oai(path = "/replay", method = "post", operation_id = "replay_webhooks")]
    async fn replay_many(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        body: Strict<WebhookReplay>,
    ) -> Result<ReplayResponse, Problem> {
        let (selection, confirmation) = understand(body.0)?;
        let Replay { count, confirmation, replayed } =
            self.0.inbox.replay_many(&selection, confirmation.as_deref()).await?;
        let is_count = confirmation.is_some();
        let answer = Json(Replayed { count, confirmation, replayed });
        if is_count {
            return Ok(ReplayResponse::Counted(answer));
        }
        tracing::info!(replayed, by = %caller.principal, "webhooks are replayed");
        Ok(ReplayResponse::Replayed(answer))
    }
}

fn understand(body: WebhookReplay) -> Result<(Selection, Option<String>), Problem> {
    let WebhookReplay { ids, since, until, outcome, confirmation } = body;
    let mut faults = Faults::default();
    let [outcome, confirmation] = words(&mut faults, [("outcome", outcome), ("confirmation", confirmation)]);
    faults.none()?;
    known_outcome(outcome.as_deref())?;
    let fault = |pointer: &str, code, message: String| {
        Err(Problem::invalid(vec![FieldError::new(pointer, code, message)]))
    };
    match &ids {
        None if since.is_none() => return fault("", "required", "needs `ids` or `since`".into()),
        Some(ids) if ids.len() > MOST_IDS => {
            return fault("/ids", "too_long", format!("has more than {MOST_IDS} ids"));
        }
        Some(ids) => {
            if let Some(place) = ids.iter().position(|id| id.parse::<WebhookId>().is_err()) {
                return fault(&format!("/ids/{place}"), "invalid", "is no id of a webhook".into());
            }
        }
        None => {}
    }
    Ok((Selection { ids, since, until, outcome }, confirmation))
}

fn known_outcome(outcome: Option<&str>) -> Result<(), Problem> {
    match outcome {
        Some(outcome) if !OUTCOMES.contains(&outcome) => Err(Problem::unknown_word("outcome")),
        _ => Ok(()),
    }
}

pub struct DisclosuresApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1", tag = "Tags::Operators")]
impl DisclosuresApi {
    /// Who was shown what
    ///
    /// Every address and every body that was shown unmasked, newest first.
    #[oai(path = "/disclosures", method = "get", operation_id = "list_disclosures")]
    async fn list(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let mut faults = Faults::default();
        let [cursor] = words(&mut faults, [("cursor", cursor.0)]);
        faults.none()?;
        let limit = limit.0.unwrap_or(PAGE) as usize;
        found(self.0.disclosures.list(limit, cursor.as_deref()).await?)
    }

    /// The recipient of a mail
    ///
    /// Personal data. That you were shown it is recorded.
    #[oai(path = "/messages/:id/reveal", method = "post", operation_id = "reveal_message")]
    async fn reveal(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        #[oai(name = "id")] message: Path<String>,
    ) -> Result<Answer, Problem> {
        let Self(state) = self;
        let id: MessageId = id(&message)?;
        let recipient = state.commands.recipient_of(id).await?.ok_or_else(|| Problem::new(Code::NotFound))?;
        let recipient =
            recipient.ok_or_else(|| Problem::new(Code::Conflict).detail("The recipient was erased."))?;
        let who = caller.principal.to_string();
        state.disclosures.record(&who, disclosures::Kind::Message, &id.to_string()).await?;
        found(json!({ "id": id, "recipient": recipient.as_str() }))
    }
}
