//! Asking for a reset, looking at a link, and setting the new password: anyone may call, and the answer to a
//! request is the same for every well-formed address. Then support's view, for operators, which only reads.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem::http::{HeaderMap, header};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;
use serde::Deserialize;

use super::answers::{Answer, PAGE, found, id, recipient_key, timeline, words};
use super::auth::{Caller, Principal, ResetCreate, SupportAct, SupportRead, Trusted};
use super::browser::browser;
use super::client_address::client_key;
use super::docs::Tags;
use super::fields::{self, Faults};
use super::json::Strict;
use super::problem::{Code, Problem};
use super::{HttpState, confirm};
use crate::commands::{Client, LinkStreamsOf, RequestReset, UsableLink};
use crate::domain::id::RequestId;
use crate::domain::one_time_link::VisitKind;
use crate::queries::ResetFilter;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ResetRequest {
    /// One bare e-mail address.
    #[oai(validator(max_length = 254))]
    pub email: String,
    /// A language tag (BCP 47) for the mail.
    #[oai(validator(max_length = 35))]
    pub locale: Option<String>,
    /// Where the person goes after the reset; its origin must be on the list of allowed redirects.
    #[oai(validator(max_length = 2048))]
    pub redirect_to: Option<String>,
}

#[derive(Object)]
pub struct Accepted {
    request_id: String,
    /// Always `accepted`.
    status: String,
    /// Seconds for which a link works, if one is mailed.
    expires_in: u64,
    /// Seconds after which another request can lead to another mail.
    resend_after: u64,
}

#[derive(ApiResponse)]
enum RequestResponse {
    /// Taken. If the address belongs to an account, mail is on its way.
    #[oai(status = 202)]
    Accepted(Json<Accepted>),
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Inspection {
    /// The token of the link.
    token: String,
}

#[derive(Object)]
struct Policy {
    /// Characters at least.
    min_length: u32,
    /// Characters at most.
    max_length: u32,
}

#[derive(Object)]
struct Inspected {
    /// Always `valid`.
    status: String,
    expires_at: DateTime<Utc>,
    /// The account's address, masked.
    account_hint: String,
    password_policy: Policy,
}

#[derive(ApiResponse)]
enum InspectResponse {
    /// The link can be used now.
    #[oai(status = 200)]
    Valid(Json<Inspected>),
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Confirmation {
    /// The token of the link.
    token: String,
    /// Taken as it is: nothing is trimmed.
    #[oai(validator(max_length = 8192))]
    new_password: String,
}

#[derive(Object)]
struct Completed {
    /// Always `completed`.
    status: String,
    /// Always `revoked`: every session of the account has ended.
    sessions: String,
    /// Where to sign in.
    login_url: String,
}

#[derive(Object)]
struct Revoked {
    id: String,
    /// `revoked`; or `expired` or `declined`, where nothing was left to revoke.
    status: String,
}

#[derive(ApiResponse)]
enum RevokeResponse {
    /// Its link does not work any more, or is not made.
    #[oai(status = 200)]
    Revoked(Json<Revoked>),
}

#[derive(ApiResponse)]
enum ConfirmResponse {
    /// The password was changed.
    #[oai(status = 200)]
    Completed(Json<Completed>),
}

pub struct PasswordResetsApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/password-resets")]
impl PasswordResetsApi {
    /// Ask for a reset
    ///
    /// The answer is the same whether or not the address belongs to an account. A backend that asks on behalf
    /// of many people shows a key with the scope: its requests are not counted against one client address.
    #[oai(path = "/", method = "post", operation_id = "request_password_reset", tag = "Tags::PasswordResets")]
    async fn request(
        &self,
        request: &Request,
        #[oai(scope = "ResetCreate")] backend: Trusted<ResetCreate>,
        body: Strict<ResetRequest>,
    ) -> Result<RequestResponse, Problem> {
        let Self(state) = self;
        let mut reset = understand(state, client(state, request, backend.principal), body.0)?;
        // Behind a backend is no browser.
        reset.browser = browser(request.headers());
        let accepted = state.commands.request_reset(reset).await?;
        Ok(RequestResponse::Accepted(Json(Accepted {
            request_id: accepted.request_id.to_string(),
            status: "accepted".into(),
            expires_in: accepted.expires_in,
            resend_after: accepted.resend_after,
        })))
    }

    /// Look at a link
    ///
    /// Changes nothing about it.
    #[oai(
        path = "/inspect",
        method = "post",
        operation_id = "inspect_password_reset",
        tag = "Tags::PasswordResets"
    )]
    async fn inspect(&self, request: &Request, body: Strict<Inspection>) -> Result<InspectResponse, Problem> {
        let Self(state) = self;
        let (reset, account) = confirm::find(state, &body.0.token).await?;
        record_visit(state, &reset, VisitKind::Inspect, request.headers()).await;
        Ok(InspectResponse::Valid(Json(Inspected {
            status: "valid".into(),
            expires_at: reset.expires_at,
            account_hint: account.address.masked(),
            password_policy: Policy {
                min_length: u32::try_from(state.policy.min_length).unwrap_or(u32::MAX),
                max_length: u32::try_from(state.policy.max_length).unwrap_or(u32::MAX),
            },
        })))
    }

    /// Set the new password
    ///
    /// A password that the policy refuses leaves the link alive.
    #[oai(
        path = "/confirm",
        method = "post",
        operation_id = "confirm_password_reset",
        tag = "Tags::PasswordResets"
    )]
    async fn confirm(
        &self,
        request: &Request,
        body: Strict<Confirmation>,
    ) -> Result<ConfirmResponse, Problem> {
        let Self(state) = self;
        let client = client_key(request, &state.settings.trusted_proxies);
        let Confirmation { token, new_password } = body.0;
        let mut faults = Faults::default();
        faults.take("/new_password", fields::password(&new_password));
        faults.none()?;
        let new_password = SecretString::from(new_password);
        let login_url = confirm::confirm(state.clone(), token, new_password, client).await?;
        Ok(ConfirmResponse::Completed(Json(Completed {
            status: "completed".into(),
            sessions: "revoked".into(),
            login_url,
        })))
    }

    /// Every request
    ///
    /// Newest first: `{"data": […], "next_cursor": null | "…"}`.
    #[oai(path = "/", method = "get", operation_id = "list_password_resets", tag = "Tags::Operators")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn list(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// The address that the reset was asked for.
        recipient: Query<Option<String>>,
        /// Such as `live`, `completed` or `declined`.
        status: Query<Option<String>>,
        /// Requested at this instant or later.
        after: Query<Option<DateTime<Utc>>>,
        /// Requested before this instant.
        before: Query<Option<DateTime<Utc>>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let Self(state) = self;
        let mut faults = Faults::default();
        let recipient_key = recipient_key(state, &mut faults, recipient.0);
        let [status, cursor] = words(&mut faults, [("status", status.0), ("cursor", cursor.0)]);
        faults.none()?;
        let filter = ResetFilter { recipient_key, status, after: after.0, before: before.0 };
        let limit = limit.0.unwrap_or(PAGE) as usize;
        found(state.queries.resets(&filter, limit, cursor.as_deref()).await?)
    }

    /// One request
    ///
    /// Where it stands.
    #[oai(path = "/:id", method = "get", operation_id = "get_password_reset", tag = "Tags::Operators")]
    async fn get(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        #[oai(name = "id")] request: Path<String>,
    ) -> Result<Answer, Problem> {
        let reset = self.0.queries.reset(id(&request)?).await?;
        found(reset.ok_or_else(|| Problem::new(Code::NotFound))?)
    }

    /// Its timeline
    ///
    /// Its events and those of its mails, in order: `{"data": [{"at", "kind", "text", "source", "meta"}]}`.
    #[oai(
        path = "/:id/timeline",
        method = "get",
        operation_id = "get_password_reset_timeline",
        tag = "Tags::Operators"
    )]
    async fn timeline(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        #[oai(name = "id")] request: Path<String>,
    ) -> Result<Answer, Problem> {
        timeline(self.0.queries.request_timeline(id::<RequestId>(&request)?).await?)
    }

    /// Revoke one
    ///
    /// Its link stops working, or is not made; other requests for the address stay as they are. Revoking again
    /// changes nothing. One whose password is being changed, or was changed, cannot be revoked (409).
    #[oai(
        path = "/:id/revoke",
        method = "post",
        operation_id = "revoke_password_reset",
        tag = "Tags::Operators"
    )]
    async fn revoke(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        #[oai(name = "id")] request: Path<String>,
    ) -> Result<RevokeResponse, Problem> {
        let Self(state) = self;
        let request_id: RequestId = id(&request)?;
        let stream = state.queries.reset_stream(request_id).await?;
        let stream = stream.ok_or_else(|| Problem::new(Code::NotFound))?;
        let status = state.commands.revoke_reset(&stream, request_id, &caller.principal.to_string()).await?;
        let id = request_id.to_string();
        Ok(RevokeResponse::Revoked(Json(Revoked { id, status: status.to_owned() })))
    }
}

/// Who asks: a backend by its key, anybody else by their address.
pub fn client(state: &HttpState, request: &Request, backend: Option<Principal>) -> Client {
    match backend {
        Some(principal) => Client::Trusted(principal.to_string()),
        None => Client::Address(client_key(request, &state.settings.trusted_proxies)),
    }
}

/// The form of a request, decided before anything is looked up.
pub fn understand(state: &HttpState, client: Client, body: ResetRequest) -> Result<RequestReset, Problem> {
    let settings = &state.settings;
    let redirect = |url: &String| fields::redirect(url, &settings.allowed_redirects);
    let mut faults = Faults::default();
    let checked = (
        faults.take("/email", fields::email(&body.email)),
        faults.take("/locale", body.locale.as_deref().map(fields::locale).transpose()),
        faults.take("/redirect_to", body.redirect_to.as_ref().map(redirect).transpose()),
    );
    let (Some(email), Some(locale), Some(redirect_to)) = checked else { return Err(faults.into()) };
    Ok(RequestReset { email, locale, redirect_to, browser: None, client })
}

/// Evidence only: whether it could be kept changes nothing for the visitor.
pub async fn record_visit<P: LinkStreamsOf>(
    state: &HttpState,
    link: &UsableLink<P>,
    kind: VisitKind,
    headers: &HeaderMap,
) {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.chars().take(512).collect());
    if state.commands.record_visit(link, kind, user_agent).await.is_err() {
        tracing::warn!(request_id = %link.request_id, "a visit was not recorded");
    }
}
