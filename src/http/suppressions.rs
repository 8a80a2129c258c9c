//! Addresses that get less mail: listed with recipients masked, added and lifted by operators.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::HttpState;
use super::answers::{Answer, PAGE, found, recipient_key, words};
use super::auth::{Caller, SupportAct, SupportRead};
use super::docs::Tags;
use super::fields::{self, Fault, Faults};
use super::json::Strict;
use super::problem::{Code, Problem};
use crate::domain::suppression::{Blocks, Reason};
use crate::queries::{SUPPRESSION_ID, SuppressionFilter, suppressed_key};

/// Which mail is held back.
#[derive(Debug, Clone, Copy, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case", rename = "Blocks")]
#[serde(rename_all = "snake_case")]
enum BlocksName {
    /// What services send to lists.
    Bulk,
    /// That, and the mail of people's own accounts.
    Everything,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct SuppressionRequest {
    /// One bare e-mail address.
    #[oai(validator(max_length = 254))]
    address: String,
    /// `everything` unless said otherwise. It also holds back the mail that lets its owner in.
    blocks: Option<BlocksName>,
}

#[derive(Object)]
struct Suppressed {
    /// Names the address in the list.
    id: String,
    /// As it was given.
    address: String,
    reason: String,
    blocks: String,
}

#[derive(ApiResponse)]
enum AddResponse {
    /// It holds from now on.
    #[oai(status = 201)]
    Added(Json<Suppressed>),
    /// It held before.
    #[oai(status = 200)]
    Held(Json<Suppressed>),
}

#[derive(Object)]
struct Lifted {
    /// The reasons that held until now.
    lifted: Vec<String>,
    /// What else may hold mail back.
    note: String,
}

#[derive(ApiResponse)]
enum LiftResponse {
    /// It gets mail again, as far as we are concerned.
    #[oai(status = 200)]
    Lifted(Json<Lifted>),
}

/// Ours is not the only list.
const PROVIDERS_LIST: &str = "The mail provider keeps a list of its own and may still refuse this address. At \
                              Mailgun, delete it there too: bounces, complaints and unsubscribes of the domain.";

pub struct SuppressionsApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/suppressions", tag = "Tags::Operators")]
impl SuppressionsApi {
    /// The list
    ///
    /// One entry per address and reason, the newest first: `{"data": […], "next_cursor": null | "…"}`.
    #[oai(path = "/", method = "get", operation_id = "list_suppressions")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn list(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// The address.
        recipient: Query<Option<String>>,
        /// `hard_bounce`, `complaint`, `unsubscribe` or `manual`.
        reason: Query<Option<String>>,
        /// `everything` or `bulk`.
        blocks: Query<Option<String>>,
        /// `active`, or `lifted`; without it, `active`.
        status: Query<Option<String>>,
        /// Since this instant or later.
        after: Query<Option<DateTime<Utc>>>,
        /// Since before this instant.
        before: Query<Option<DateTime<Utc>>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let Self(state) = self;
        let mut faults = Faults::default();
        let recipient_key = recipient_key(state, &mut faults, recipient.0);
        let unknown = || Fault("invalid", "is none of the words for it".into());
        if reason.0.as_ref().is_some_and(|word| word.parse::<Reason>().is_err()) {
            faults.note("/reason", unknown());
        }
        if blocks.0.as_ref().is_some_and(|word| word.parse::<Blocks>().is_err()) {
            faults.note("/blocks", unknown());
        }
        let status = status.0.as_deref().unwrap_or("active");
        if !["active", "lifted"].contains(&status) {
            faults.note("/status", unknown());
        }
        let [cursor] = words(&mut faults, [("cursor", cursor.0)]);
        faults.none()?;
        let filter = SuppressionFilter {
            recipient_key,
            reason: reason.0,
            blocks: blocks.0,
            is_lifted: status == "lifted",
            after: after.0,
            before: before.0,
        };
        let limit = limit.0.unwrap_or(PAGE) as usize;
        found(state.queries.suppressions(&filter, limit, cursor.as_deref()).await?)
    }

    /// Add an address
    ///
    /// By hand, with the reason `manual`. Adding it again changes at most what it blocks.
    #[oai(path = "/", method = "post", operation_id = "add_suppression")]
    async fn add(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        body: Strict<SuppressionRequest>,
    ) -> Result<AddResponse, Problem> {
        let Self(state) = self;
        let SuppressionRequest { address: given, blocks } = body.0;
        let mut faults = Faults::default();
        let Some(address) = faults.take("/address", fields::email(&given)) else { return Err(faults.into()) };
        let blocks = match blocks {
            Some(BlocksName::Bulk) => Blocks::Bulk,
            Some(BlocksName::Everything) | None => Blocks::Everything,
        };
        let id = format!("{SUPPRESSION_ID}{}", state.commands.index_key().stream_key(&address));
        let is_new = state.commands.suppress(address, blocks, &caller.principal.to_string()).await?;
        let suppressed = Json(Suppressed {
            id,
            address: given,
            reason: Reason::Manual.as_str().to_owned(),
            blocks: blocks.as_str().to_owned(),
        });
        Ok(if is_new { AddResponse::Added(suppressed) } else { AddResponse::Held(suppressed) })
    }

    /// Lift it
    ///
    /// All reasons at once, by the address (percent-encoded) or by the `id` of its entry in the list. What the
    /// mail provider holds against the address is a list of its own, which stays.
    #[oai(path = "/:address", method = "delete", operation_id = "lift_suppression")]
    async fn lift(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        address: Path<String>,
    ) -> Result<LiftResponse, Problem> {
        let Self(state) = self;
        let stream = self.stream(&address)?;
        let lifted = state.commands.lift(&stream, &caller.principal.to_string()).await?;
        if lifted.is_empty() {
            return Err(Problem::new(Code::NotFound));
        }
        let lifted = lifted.into_iter().map(|reason| reason.as_str().to_owned()).collect();
        Ok(LiftResponse::Lifted(Json(Lifted { lifted, note: PROVIDERS_LIST.to_owned() })))
    }

    /// The stream of an address, or of an id in the list; anything else is not there.
    fn stream(&self, text: &str) -> Result<String, Problem> {
        if let Some(stream) = suppressed_key(text) {
            return Ok(stream.to_owned());
        }
        let address = fields::email(text).map_err(|_| Problem::new(Code::NotFound))?;
        Ok(self.0.commands.index_key().stream_key(&address).to_string())
    }
}
