//! What could not be handled and was put aside, for operators: listed, and given another try.

use std::sync::Arc;

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use serde_json::{Value, json};

use super::HttpState;
use super::answers::{Answer, PAGE, found, words};
use super::auth::{Caller, SupportAct, SupportRead};
use super::docs::Tags;
use super::fields::Faults;
use super::json::Strict;
use super::problem::{Code, FieldError, Problem};
use crate::dead_letters::Which;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct DeadLetterReplay {
    /// `event` or `work`; without it both.
    #[serde(default)]
    kind: Option<String>,
    /// The consumer, or the kind of work.
    #[serde(default)]
    failed_at: Option<String>,
    /// How many there are, by a call without it. Without it nothing is tried.
    #[serde(default)]
    confirm_count: Option<i64>,
}

#[derive(ApiResponse)]
enum ReplayResponse {
    /// Counted; nothing is tried yet.
    #[oai(status = 200)]
    Counted(Json<Value>),
    /// They are tried once more.
    #[oai(status = 202)]
    Accepted(Json<Value>),
}

pub struct DeadLettersApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/dead-letters", tag = "Tags::Operators")]
impl DeadLettersApi {
    /// What was put aside
    ///
    /// Events that a consumer failed at, and work that was given up, newest first.
    #[oai(path = "/", method = "get", operation_id = "list_dead_letters")]
    async fn list(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// `event` or `work`.
        kind: Query<Option<String>>,
        /// The consumer, or the kind of work.
        failed_at: Query<Option<String>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let mut faults = Faults::default();
        let [cursor] = words(&mut faults, [("cursor", cursor.0)]);
        faults.none()?;
        let which = which(kind.0, failed_at.0)?;
        let limit = limit.0.unwrap_or(PAGE) as usize;
        found(self.0.dead_letters.list(&which, limit, cursor.as_deref()).await?)
    }

    /// Try one once more
    #[oai(path = "/:id/replay", method = "post", operation_id = "replay_dead_letter")]
    async fn replay(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        #[oai(name = "id")] letter: Path<String>,
    ) -> Result<ReplayResponse, Problem> {
        if !self.0.dead_letters.replay(&letter).await? {
            return Err(Problem::new(Code::NotFound));
        }
        tracing::info!(by = %caller.principal, "a dead letter is tried once more");
        Ok(ReplayResponse::Accepted(Json(json!({ "id": letter.0, "replayed": 1 }))))
    }

    /// Try all of a kind once more
    ///
    /// Without `confirm_count` they are only counted.
    #[oai(path = "/replay", method = "post", operation_id = "replay_dead_letters")]
    async fn replay_all(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        body: Strict<DeadLetterReplay>,
    ) -> Result<ReplayResponse, Problem> {
        let Self(state) = self;
        let DeadLetterReplay { kind, failed_at, confirm_count } = body.0;
        let which = which(kind, failed_at)?;
        let count = state.dead_letters.count(&which).await?;
        match confirm_count {
            None => Ok(ReplayResponse::Counted(Json(json!({ "count": count, "replayed": 0 })))),
            Some(confirmed) if confirmed != count => {
                Err(Problem::new(Code::Conflict).detail(format!("There are {count} now: count again.")))
            }
            Some(_) => {
                let replayed = state.dead_letters.replay_all(&which).await?;
                tracing::info!(replayed, by = %caller.principal, "dead letters are tried once more");
                Ok(ReplayResponse::Accepted(Json(json!({ "count": count, "replayed": replayed }))))
            }
        }
    }
}

fn which(kind: Option<String>, failed_at: Option<String>) -> Result<Which, Problem> {
    let mut faults = Faults::default();
    let [kind, failed_at] = words(&mut faults, [("kind", kind), ("failed_at", failed_at)]);
    faults.none()?;
    if kind.as_deref().is_some_and(|kind| !["event", "work"].contains(&kind)) {
        return Err(Problem::invalid(vec![FieldError::new("/kind", "invalid", "must be event or work")]));
    }
    Ok(Which { kind, failed_at })
}
