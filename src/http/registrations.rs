//! Registering: anyone may, and the answer is the same for every well-formed address. The account can be used
//! once its address is verified.

use std::sync::Arc;

use chrono::TimeDelta;
use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use secrecy::SecretString;
use serde::Deserialize;

use super::browser::browser;
use super::client_address::client_key;
use super::confirm::{check, unhashed};
use super::email_verifications::Accepted;
use super::fields::{self, Faults};
use super::problem::Problem;
use super::{HttpState, confirm};
use crate::accounts::Registration;
use crate::commands::{Client, CommandError, LinkAccepted, RequestVerification, TokenError};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::{Verifies, Verifying};
use crate::domain::id::VerificationId;
use crate::domain::password::PasswordRejection;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct RegistrationRequest {
    /// One bare e-mail address.
    #[oai(validator(max_length = 254))]
    email: String,
    /// Taken as it is: nothing is trimmed.
    #[oai(validator(max_length = 8192))]
    password: String,
    /// What to call the person.
    #[oai(validator(max_length = 100))]
    name: Option<String>,
    /// A language tag (BCP 47) for the mail.
    #[oai(validator(max_length = 35))]
    locale: Option<String>,
}

#[derive(ApiResponse)]
pub enum RegistrationResponse {
    /// Taken: check your mail. An address that has an account gets a different mail, not a different answer.
    #[oai(status = 202)]
    Accepted(Json<Accepted>),
}

/// Answers a call: the form of everything is checked before anything is looked up.
pub async fn answer(
    state: &Arc<HttpState>,
    request: &Request,
    registration: RegistrationRequest,
) -> Result<RegistrationResponse, Problem> {
    let RegistrationRequest { email, password, name, locale } = registration;
    let mut faults = Faults::default();
    let checked = (
        faults.take("/email", fields::email(&email)),
        faults.take("/password", fields::password(&password).map(|_| ())),
        faults.take("/name", name.as_deref().map(fields::name).transpose()),
        faults.take("/locale", locale.as_deref().map(fields::locale).transpose()),
    );
    let (Some(email), Some(()), Some(name), Some(locale)) = checked else { return Err(faults.into()) };
    let registering = Registering {
        email,
        password: SecretString::from(password),
        name: name.flatten(),
        locale,
        browser: browser(request.headers()),
        client: client_key(request, &state.settings.trusted_proxies).into(),
    };
    let accepted = register(state.clone(), registering).await?;
    Ok(RegistrationResponse::Accepted(Json(Accepted::from(accepted).or_by_a_reset())))
}

/// Somebody registers. The form of everything in it has been checked.
pub struct Registering {
    pub email: EmailAddress,
    pub password: SecretString,
    pub name: Option<String>,
    pub locale: Option<String>,
    /// The browser, in rough words.
    pub browser: Option<String>,
    /// Who asks.
    pub client: Client,
}

/// Why nobody was registered.
#[derive(Debug)]
pub enum NotRegistered {
    /// The password is not good enough.
    Password(Vec<PasswordRejection>),
    /// Too much is going on, or something is away.
    Command(CommandError),
}

impl From<CommandError> for NotRegistered {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

impl From<NotRegistered> for Problem {
    fn from(refused: NotRegistered) -> Self {
        match refused {
            NotRegistered::Password(rejections) => Self::password_rejected(rejections),
            NotRegistered::Command(error) => error.into(),
        }
    }
}

/// Takes a registration, with the same work for every address: nobody looks whose it is. Runs apart, so that
/// a client who hangs up cuts nothing in half.
pub async fn register(
    state: Arc<HttpState>,
    registering: Registering,
) -> Result<LinkAccepted<VerificationId>, NotRegistered> {
    let flow = tokio::spawn(async move { keep(&state, registering).await });
    flow.await.unwrap_or(Err(NotRegistered::Command(CommandError::Unavailable)))
}

async fn keep(
    state: &HttpState,
    registering: Registering,
) -> Result<LinkAccepted<VerificationId>, NotRegistered> {
    let Registering { email, password, name, locale, browser, client } = registering;
    check(state, &password, email.clone()).await.map_err(|refused| match refused {
        confirm::Refused::Password(rejections) => NotRegistered::Password(rejections),
        confirm::Refused::Link(_) => NotRegistered::Command(CommandError::Unavailable),
    })?;
    let admitted = state.commands.admit(&client).await?;
    let password_hash = state.hasher.hash(password).await.map_err(|error| match unhashed(error) {
        TokenError::Busy { retry_after } => CommandError::Busy { retry_after },
        _ => CommandError::Unavailable,
    })?;

    let request_id = VerificationId::from_uuid(state.clock.uuid());
    // A little longer than the link, which is dated a moment later: the row must not die first.
    let expires_at =
        state.clock.now() + state.commands.link_policy::<Verifying>().ttl + TimeDelta::minutes(1);
    let registration =
        Registration { id: request_id, address: email.clone(), name, password_hash, expires_at };
    state.registrations.keep(&registration).await.map_err(|error| {
        tracing::error!(%error, "a registration could not be kept");
        CommandError::Unavailable
    })?;
    // A crash from here on leaves a row without a request: it leads to nothing and goes when its time is over.
    let request =
        RequestVerification { request_id, email, verifies: Verifies::Registration, locale, browser };
    let accepted = state.commands.request_verification(request, &admitted).await?;
    if !accepted.is_taken
        && let Err(error) = state.registrations.forget(request_id).await
    {
        tracing::warn!(%request_id, %error, "a registration over the limit stays until its time is over");
    }
    Ok(accepted)
}
