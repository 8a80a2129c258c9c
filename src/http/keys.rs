//! Keys of the API, for administrators: made, listed, ended. A key's text is in one answer only.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::HttpState;
use super::answers::{Answer, PAGE, found, id};
use super::auth::{Admin, Caller};
use super::docs::Tags;
use super::fields::{Fault, Faults};
use super::json::Strict;
use super::problem::{Code, Problem};
use crate::api_keys::{ApiKey, InvalidApiKey, NewApiKey, Scope};
use crate::domain::id::ApiKeyId;

/// What a key allows.
#[derive(Debug, Clone, Copy, Enum, Serialize, Deserialize)]
#[oai(rename = "Scope")]
enum ScopeName {
    #[oai(rename = "reset:create")]
    #[serde(rename = "reset:create")]
    ResetCreate,
    #[oai(rename = "message:send")]
    #[serde(rename = "message:send")]
    MessageSend,
    #[oai(rename = "support:read")]
    #[serde(rename = "support:read")]
    SupportRead,
    #[oai(rename = "support:act")]
    #[serde(rename = "support:act")]
    SupportAct,
    #[oai(rename = "admin")]
    #[serde(rename = "admin")]
    Admin,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct KeyRequest {
    /// For people, to tell keys apart.
    #[oai(validator(min_length = 1, max_length = 100))]
    name: String,
    /// What it allows; `admin` includes every other scope.
    #[oai(validator(min_items = "1"))]
    scopes: Vec<ScopeName>,
    /// Seconds until it dies. Without it the key lives until it is revoked.
    #[oai(validator(minimum(value = "1"), maximum(value = "315360000")))]
    expires_in: Option<u32>,
}

#[derive(Object, Serialize)]
struct KeyView {
    id: String,
    name: String,
    scopes: Vec<String>,
    /// `active`, `expired` or `revoked`.
    status: String,
    /// `cli`, `operator` for the admin key, else the id of a key or an account.
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// Some minutes exact.
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(Object)]
struct NewKeyView {
    /// The key itself: shown this once.
    key: String,
    #[oai(flatten)]
    about: KeyView,
}

#[derive(ApiResponse)]
enum CreateResponse {
    /// Made. Keep `key`: nobody can show it again.
    #[oai(status = 201)]
    Created(Json<NewKeyView>),
}

#[derive(ApiResponse)]
enum RevokeResponse {
    /// It opens nothing any more.
    #[oai(status = 204)]
    Revoked,
}

#[derive(Serialize)]
struct KeyPage {
    data: Vec<KeyView>,
    next_cursor: Option<String>,
}

pub struct KeysApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/keys", tag = "Tags::Operators")]
impl KeysApi {
    /// Make a key
    ///
    /// `key` is in this answer and never again.
    #[oai(path = "/", method = "post", operation_id = "create_key")]
    async fn create(
        &self,
        #[oai(scope = "Admin")] caller: Caller<Admin>,
        body: Strict<KeyRequest>,
    ) -> Result<CreateResponse, Problem> {
        let KeyRequest { name, scopes, expires_in } = body.0;
        let scopes = scopes.into_iter().map(Scope::from).collect();
        let lifetime = expires_in.map(|seconds| TimeDelta::seconds(seconds.into()));
        let new = NewApiKey::new(&name, scopes, lifetime, caller.principal).map_err(refuse)?;
        let (key, text) = self.0.api_keys.create(new).await.map_err(unavailable)?;
        Ok(CreateResponse::Created(Json(NewKeyView {
            key: text.expose_secret().to_owned(),
            about: self.view(key),
        })))
    }

    /// Every key
    ///
    /// Newest first, without their secrets: `{"data": […], "next_cursor": null | "…"}`.
    #[oai(path = "/", method = "get", operation_id = "list_keys")]
    async fn list(
        &self,
        #[oai(scope = "Admin")] _caller: Caller<Admin>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let mut faults = Faults::default();
        let bad_cursor = |_| Fault("invalid", "is not one that a page gave".into());
        let before = cursor.0.map(|cursor| cursor.parse::<ApiKeyId>().map_err(bad_cursor)).transpose();
        let before = faults.take("/cursor", before).flatten();
        faults.none()?;
        let limit = limit.0.unwrap_or(PAGE) as usize;
        let mut keys = self.0.api_keys.list(before, limit + 1).await.map_err(unavailable)?;
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        let next_cursor = keys.last().filter(|_| has_more).map(|key| key.id.to_string());
        let data = keys.into_iter().map(|key| self.view(key)).collect();
        found(KeyPage { data, next_cursor })
    }

    /// End a key
    ///
    /// It opens nothing within a second, in every process. Ending it again changes nothing.
    #[oai(path = "/:id", method = "delete", operation_id = "revoke_key")]
    async fn revoke(
        &self,
        #[oai(scope = "Admin")] caller: Caller<Admin>,
        #[oai(name = "id")] key: Path<String>,
    ) -> Result<RevokeResponse, Problem> {
        let key: ApiKeyId = id(&key)?;
        if !self.0.api_keys.revoke(key).await.map_err(unavailable)? {
            return Err(Problem::new(Code::NotFound));
        }
        tracing::info!(%key, by = %caller.principal, "a key was revoked");
        Ok(RevokeResponse::Revoked)
    }

    fn view(&self, key: ApiKey) -> KeyView {
        KeyView {
            id: key.id.to_string(),
            status: key.status(self.0.clock.now()).to_owned(),
            scopes: key.scopes.iter().map(|scope| scope.to_string()).collect(),
            name: key.name,
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::ResetCreate => Self::ResetCreate,
            ScopeName::MessageSend => Self::MessageSend,
            ScopeName::SupportRead => Self::SupportRead,
            ScopeName::SupportAct => Self::SupportAct,
            ScopeName::Admin => Self::Admin,
        }
    }
}

fn refuse(invalid: InvalidApiKey) -> Problem {
    let (pointer, code) = match invalid {
        InvalidApiKey::Name => ("/name", "invalid_name"),
        InvalidApiKey::NoScope => ("/scopes", "required"),
        InvalidApiKey::Lifetime => ("/expires_in", "out_of_range"),
    };
    let mut faults = Faults::default();
    faults.note(pointer, Fault(code, invalid.to_string()));
    faults.into()
}

fn unavailable(error: impl fmt::Display) -> Problem {
    tracing::error!(%error, "keys could not be read or written");
    Problem::unavailable()
}
