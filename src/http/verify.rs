//! Following a verification link to its end: one flow for the API and the page.
//!
//! The link proves the mailbox, the password proves that it is the mailbox of whoever registered: only both
//! together activate an account. The link is claimed before the password is looked at, so that guesses come
//! one at a time and every wrong one counts.

use std::sync::Arc;

use secrecy::SecretString;

use super::HttpState;
use super::confirm::{taken_over, unhashed};
use super::problem::{FieldError, Problem};
use crate::accounts::{Account, AddressProof, Awaited, Match, PasswordWritten};
use crate::commands::{TokenError, UsableVerification};
use crate::domain::email_verification::Verifies;

/// Why the address was not verified.
#[derive(Debug)]
pub enum Refused {
    /// The link does not work (any more), or nobody can say right now.
    Link(TokenError),
    /// The link works; it asks for the password.
    PasswordMissing,
    /// The link works; this is not its password.
    WrongPassword,
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        Self::Link(error)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let fault = |code, message| Self::invalid(vec![FieldError::new("/password", code, message)]);
        match refused {
            Refused::Link(error) => error.into(),
            Refused::PasswordMissing => fault("required", "is required"),
            Refused::WrongPassword => fault("wrong_password", "is not the one chosen at the registration"),
        }
    }
}

/// A link that works.
pub struct Found {
    pub verification: UsableVerification,
    awaited: Awaited,
    /// Whether completing it takes the password.
    pub needs_password: bool,
}

/// The link and what it leads to, if it can be used now.
pub async fn find(state: &HttpState, token: &str) -> Result<Found, TokenError> {
    let verification: UsableVerification = state.commands.find_link(token).await?;
    let account = state.directory.find(verification.account_id).await.map_err(unanswered)?;
    let is_moving = matches!(verification.details, Verifies::AddressChange { .. });
    // Any change of the account since the link was made has taken over.
    let unchanged = |account: &Account| {
        !account.disabled
            && account.credential_version == verification.credential_version
            && (is_moving || account.address == verification.email)
    };
    if !account.as_ref().is_some_and(unchanged) {
        return Err(taken_over(state, &verification).await);
    }
    let UsableVerification { request_id, account_id, email, details, locale, .. } = &verification;
    let registrations = &state.registrations;
    let awaited = registrations.awaited(*request_id, *account_id, email, details, locale.as_deref()).await;
    let Some(awaited) = awaited.map_err(unanswered)? else {
        return Err(taken_over(state, &verification).await);
    };
    // Without a password there is nothing that a stranger could have chosen.
    let needs_password = state.settings.verify_with_password && awaited.password_hash.is_some();
    Ok(Found { verification, awaited, needs_password })
}

/// Verifies the address, if this very attempt did. Runs apart, so that a client who hangs up cuts nothing in
/// half.
pub async fn confirm(
    state: Arc<HttpState>,
    token: String,
    password: Option<SecretString>,
) -> Result<(), Refused> {
    let flow = tokio::spawn(async move { complete(&state, &token, password).await });
    flow.await.unwrap_or(Err(Refused::Link(TokenError::Unavailable)))
}

async fn complete(state: &HttpState, token: &str, password: Option<SecretString>) -> Result<(), Refused> {
    let Found { verification, awaited, needs_password, .. } = find(state, token).await?;
    if needs_password && password.is_none() {
        return Err(Refused::PasswordMissing);
    }
    let attempt = state.commands.start_completion(&verification).await?;
    if let (Some(password), Some(hash)) = (password, &awaited.password_hash) {
        check(state, &verification, attempt, password, hash).await?;
    }
    let proof = AddressProof {
        account_id: verification.account_id,
        request_id: verification.request_id,
        attempt,
        expected_version: verification.credential_version,
        proved: awaited.proved,
    };
    match state.directory.prove_address(proof).await {
        Ok(PasswordWritten::Applied) => Ok(state.commands.complete(&verification, attempt).await?),
        Ok(PasswordWritten::Superseded) => {
            free(state, &verification, attempt).await;
            Err(taken_over(state, &verification).await.into())
        }
        Err(error) => {
            // Perhaps it was written: whoever settles started completions will ask.
            let request_id = verification.request_id;
            tracing::warn!(%request_id, %error, "the outcome of a verification is unknown");
            Err(TokenError::Unavailable.into())
        }
    }
}

/// Whether it is the password; the link is free again if not.
async fn check(
    state: &HttpState,
    verification: &UsableVerification,
    attempt: u32,
    password: SecretString,
    hash: &str,
) -> Result<(), Refused> {
    match state.hasher.compare(password, Some(hash)).await {
        Ok(Match::Right { .. }) => Ok(()),
        Ok(Match::Wrong) => {
            state.commands.refuse_completion(verification, attempt).await.map_err(|error| {
                let request_id = verification.request_id;
                tracing::warn!(%request_id, %error, "a wrong password was not counted");
                TokenError::Unavailable
            })?;
            Err(Refused::WrongPassword)
        }
        Err(error) => {
            free(state, verification, attempt).await;
            Err(unhashed(error).into())
        }
    }
}

async fn free(state: &HttpState, verification: &UsableVerification, attempt: u32) {
    if state.commands.fail_completion(verification, attempt).await.is_err() {
        tracing::warn!(request_id = %verification.request_id, "a failed verification was not recorded");
    }
}

fn unanswered(error: crate::accounts::DirectoryError) -> TokenError {
    tracing::warn!(%error, "the directory did not answer");
    TokenError::Unavailable
}
