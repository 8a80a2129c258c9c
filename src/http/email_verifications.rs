//! Verifying an address: asking for the mail again, looking at a link, following it to its end.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;
use serde::Deserialize;

use super::answers::{Answer, id, timeline};
use super::auth::{Caller, SupportRead};
use super::browser::browser;
use super::client_address::client_key;
use super::docs::Tags;
use super::fields::{self, Faults};
use super::json::Strict;
use super::password_resets::record_visit;
use super::problem::Problem;
use super::verify::Found;
use super::{HttpState, verify};
use crate::commands::{Client, CommandError, LinkAccepted, RequestVerification};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::Verifies;
use crate::domain::id::VerificationId;
use crate::domain::one_time_link::VisitKind;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct VerificationRequest {
    /// One bare e-mail address.
    #[oai(validator(max_length = 254))]
    email: String,
    /// A language tag (BCP 47) for the mail.
    #[oai(validator(max_length = 35))]
    locale: Option<String>,
}

#[derive(Object)]
#[oai(rename = "VerificationAccepted")]
pub struct Accepted {
    request_id: String,
    /// Always `accepted`.
    status: String,
    /// Seconds for which a link works, if one is mailed.
    expires_in: u64,
    /// Seconds after which another request can lead to another mail.
    resend_after: u64,
    /// What else the address's owner can do, for people; the same for every address.
    #[oai(skip_serializing_if_is_none)]
    resolution: Option<String>,
}

impl Accepted {
    /// Says what helps where no mail comes. A stranger may have used up the address's mails.
    #[must_use]
    pub fn or_by_a_reset(self) -> Self {
        let resolution = "If no mail comes, or somebody else has registered with the address, a completed password \
                          reset (POST /v1/password-resets) proves the address too, and the account is its owner's.";
        Self { resolution: Some(resolution.to_owned()), ..self }
    }
}

impl From<LinkAccepted<VerificationId>> for Accepted {
    fn from(accepted: LinkAccepted<VerificationId>) -> Self {
        Self {
            request_id: accepted.request_id.to_string(),
            status: "accepted".into(),
            expires_in: accepted.expires_in,
            resend_after: accepted.resend_after,
            resolution: None,
        }
    }
}

#[derive(ApiResponse)]
enum RequestResponse {
    /// Taken. If there is anything to verify, mail is on its way.
    #[oai(status = 202)]
    Accepted(Json<Accepted>),
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, rename = "VerificationInspection")]
struct Inspection {
    /// The token of the link.
    token: String,
}

#[derive(Object)]
#[oai(rename = "VerificationInspected")]
struct Inspected {
    /// Always `valid`.
    status: String,
    expires_at: DateTime<Utc>,
    /// The address that shall be verified, masked.
    account_hint: String,
    /// Whether `confirm` takes the password: the one chosen at the registration, else the account's own.
    password_required: bool,
    /// `registration`, `account` or `address_change`.
    verifies: String,
}

#[derive(ApiResponse)]
enum InspectResponse {
    /// The link can be used now.
    #[oai(status = 200)]
    Valid(Json<Inspected>),
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, rename = "VerificationConfirmation")]
struct Confirmation {
    /// The token of the link.
    token: String,
    /// The one chosen at the registration that the link was mailed for.
    #[oai(validator(max_length = 8192))]
    password: Option<String>,
}

#[derive(Object)]
struct Verified {
    /// Always `verified`.
    status: String,
}

#[derive(ApiResponse)]
enum ConfirmResponse {
    /// The address is verified.
    #[oai(status = 200)]
    Verified(Json<Verified>),
}

pub struct EmailVerificationsApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/email-verifications")]
impl EmailVerificationsApi {
    /// Ask for the mail again
    ///
    /// The same link comes once more. The answer is the same for every address.
    #[oai(path = "/", method = "post", operation_id = "request_email_verification", tag = "Tags::Accounts")]
    async fn request(
        &self,
        request: &Request,
        body: Strict<VerificationRequest>,
    ) -> Result<RequestResponse, Problem> {
        let Self(state) = self;
        let mut faults = Faults::default();
        let checked = (
            faults.take("/email", fields::email(&body.0.email)),
            faults.take("/locale", body.0.locale.as_deref().map(fields::locale).transpose()),
        );
        let (Some(email), Some(locale)) = checked else { return Err(faults.into()) };
        let resending = Resending {
            email,
            locale,
            browser: browser(request.headers()),
            client: client_key(request, &state.settings.trusted_proxies).into(),
        };
        let accepted = resend(state, resending).await?;
        Ok(RequestResponse::Accepted(Json(Accepted::from(accepted).or_by_a_reset())))
    }

    /// Look at a link
    ///
    /// Changes nothing about it.
    #[oai(
        path = "/inspect",
        method = "post",
        operation_id = "inspect_email_verification",
        tag = "Tags::Accounts"
    )]
    async fn inspect(&self, request: &Request, body: Strict<Inspection>) -> Result<InspectResponse, Problem> {
        let Self(state) = self;
        let Found { verification, needs_password, .. } = verify::find(state, &body.0.token).await?;
        record_visit(state, &verification, VisitKind::Inspect, request.headers()).await;
        let verifies = match verification.details {
            Verifies::Registration => "registration",
            Verifies::Account => "account",
            Verifies::AddressChange { .. } => "address_change",
        };
        Ok(InspectResponse::Valid(Json(Inspected {
            status: "valid".into(),
            expires_at: verification.expires_at,
            account_hint: verification.email.masked(),
            password_required: needs_password,
            verifies: verifies.into(),
        })))
    }

    /// Verify the address
    ///
    /// A wrong password leaves the link alive, so many times an hour.
    #[oai(
        path = "/confirm",
        method = "post",
        operation_id = "confirm_email_verification",
        tag = "Tags::Accounts"
    )]
    async fn confirm(&self, body: Strict<Confirmation>) -> Result<ConfirmResponse, Problem> {
        let Confirmation { token, password } = body.0;
        let mut faults = Faults::default();
        faults.take("/password", password.as_deref().map(fields::password).transpose());
        faults.none()?;
        verify::confirm(self.0.clone(), token, password.map(SecretString::from)).await?;
        Ok(ConfirmResponse::Verified(Json(Verified { status: "verified".into() })))
    }

    /// Its timeline
    ///
    /// Its events and those of its mails, in order: `{"data": [{"at", "kind", "text", "source", "meta"}]}`.
    #[oai(
        path = "/:id/timeline",
        method = "get",
        operation_id = "get_email_verification_timeline",
        tag = "Tags::Operators"
    )]
    async fn timeline(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        #[oai(name = "id")] request: Path<String>,
    ) -> Result<Answer, Problem> {
        timeline(self.0.queries.request_timeline(id::<VerificationId>(&request)?).await?)
    }
}

/// Somebody asks for the mail of a verification. The form of everything in it has been checked.
pub struct Resending {
    pub email: EmailAddress,
    pub locale: Option<String>,
    /// The browser, in rough words.
    pub browser: Option<String>,
    /// Who asks.
    pub client: Client,
}

/// Takes the request; nobody looks whose address it is.
pub async fn resend(
    state: &HttpState,
    resending: Resending,
) -> Result<LinkAccepted<VerificationId>, CommandError> {
    let Resending { email, locale, browser, client } = resending;
    let admitted = state.commands.admit(&client).await?;
    let request = RequestVerification {
        request_id: VerificationId::from_uuid(state.clock.uuid()),
        email,
        verifies: Verifies::Account,
        locale,
        browser,
    };
    state.commands.request_verification(request, &admitted).await
}
