//! A signed-in owner's change of password: one flow for the API and the page.
//!
//! The current password first, under the limits of logging in; then the policy, the hash, and one write that
//! holds only if nothing has changed since the owner was signed in.

use std::sync::Arc;

use secrecy::SecretString;

use super::HttpState;
use super::confirm::{self, check, unhashed};
use super::log_in::{Refused as LogInRefused, confirm_password, wrong_current_password};
use super::problem::Problem;
use crate::accounts::{OwnPasswordChange, SignedIn};
use crate::commands::TokenError;
use crate::domain::password::PasswordRejection;

/// What the owner asks for. The form has been checked.
pub struct NewPassword {
    pub current: SecretString,
    pub new: SecretString,
    /// The client's address, or its network.
    pub client: String,
    /// The language that the owner is told in.
    pub locale: Option<String>,
}

/// Why the password was not changed.
#[derive(Debug)]
pub enum Refused {
    /// The current password is not right, or cannot be looked at now.
    Current(LogInRefused),
    /// The new one is not good enough.
    Password(Vec<PasswordRejection>),
    /// Something else has changed meanwhile, and the session has ended with it.
    Ended,
    /// Nobody can say right now.
    Later(TokenError),
}

impl From<LogInRefused> for Refused {
    fn from(refused: LogInRefused) -> Self {
        Self::Current(refused)
    }
}

impl From<confirm::Refused> for Refused {
    fn from(refused: confirm::Refused) -> Self {
        match refused {
            confirm::Refused::Password(rejections) => Self::Password(rejections),
            confirm::Refused::Link(error) => Self::Later(error),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Current(refused) => wrong_current_password(refused),
            Refused::Password(rejections) => Self::password_rejected(rejections),
            Refused::Ended => Self::unauthorized(),
            Refused::Later(error) => error.into(),
        }
    }
}

/// Changes the password. Runs apart, so that a client who hangs up cuts nothing in half.
pub async fn change(state: Arc<HttpState>, signed_in: SignedIn, wanted: NewPassword) -> Result<(), Refused> {
    let flow = tokio::spawn(async move { run(&state, signed_in, wanted).await });
    flow.await.unwrap_or(Err(Refused::Later(TokenError::Unavailable)))
}

async fn run(state: &HttpState, signed_in: SignedIn, wanted: NewPassword) -> Result<(), Refused> {
    let SignedIn { account, session } = signed_in;
    confirm_password(state, &account, wanted.current, &wanted.client).await?;
    check(state, &wanted.new, account.address).await?;
    let hash = state.hasher.hash(wanted.new).await.map_err(|error| Refused::Later(unhashed(error)))?;
    let change = OwnPasswordChange {
        account_id: account.id,
        expected_version: account.credential_version,
        hash,
        session: session.id,
        locale: wanted.locale,
    };
    let changed = state.accounts.change_own_password(change).await.map_err(|error| {
        // Perhaps it was written: the notice will tell the owner.
        tracing::error!(%error, "the outcome of a change of password is unknown");
        Refused::Later(TokenError::Unavailable)
    })?;
    if changed { Ok(()) } else { Err(Refused::Ended) }
}
