//! Following a reset link to its end: one flow for the API and the page.
//!
//! The order is the promise: the token, the account, the policy (a refusal leaves the link alive), the hash,
//! and only then the one attempt that may write. An outcome that nobody knows is "unavailable", never "done".

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::HttpState;
use super::problem::Problem;
use crate::accounts::{Account, HashError, PasswordChange, PasswordWritten};
use crate::commands::{TokenError, UsableLink, UsableReset};
use crate::domain::address::EmailAddress;
use crate::domain::one_time_link::LinkPurpose;
use crate::domain::password::PasswordRejection;

/// Seconds after which a full pool of hashers is worth another try.
const HASHING_TAKES: u64 = 2;

/// Why the password was not changed.
#[derive(Debug)]
pub enum Refused {
    /// The link does not work (any more), or nobody can say right now.
    Link(TokenError),
    /// The link works; the password is not good enough.
    Password(Vec<PasswordRejection>),
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        Self::Link(error)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Link(error) => error.into(),
            Refused::Password(rejections) => Self::password_rejected(rejections),
        }
    }
}

/// The link and its account, if the link can be used now.
pub async fn find(state: &HttpState, token: &str) -> Result<(UsableReset, Account), TokenError> {
    let reset: UsableReset = state.commands.find_link(token).await?;
    let account = state.directory.find(reset.account_id).await.map_err(|error| {
        tracing::warn!(%error, "the directory did not answer");
        TokenError::Unavailable
    })?;
    // Any change of the account since the link was made has taken over.
    let unchanged = |account: &Account| {
        !account.disabled
            && account.credential_version == reset.credential_version
            && account.address == reset.email
    };
    match account.filter(unchanged) {
        Some(account) => Ok((reset, account)),
        None => Err(taken_over(state, &reset).await),
    }
}

/// By this very link, perhaps a moment ago and not in the log yet, or by something else.
pub async fn taken_over<P: LinkPurpose>(state: &HttpState, link: &UsableLink<P>) -> TokenError {
    match state.directory.applied_attempt(link.account_id, link.request_id.into()).await {
        Ok(Some(_)) => TokenError::Used,
        _ => TokenError::Superseded,
    }
}

/// Changes the password; the login URL if this very attempt did. Runs apart, so that a client who hangs up
/// cuts nothing in half. `client` is the client's address, or its network.
pub async fn confirm(
    state: Arc<HttpState>,
    token: String,
    password: SecretString,
    client: String,
) -> Result<String, Refused> {
    let flow = tokio::spawn(async move { change(&state, &token, password, &client).await });
    flow.await.unwrap_or(Err(Refused::Link(TokenError::Unavailable)))
}

async fn change(
    state: &HttpState,
    token: &str,
    password: SecretString,
    client: &str,
) -> Result<String, Refused> {
    let (reset, account) = find(state, token).await?;
    check(state, &password, account.address.clone()).await?;
    let hash = state.hasher.hash(password).await.map_err(unhashed)?;

    let attempt = state.commands.start_completion(&reset).await?;
    let change = PasswordChange {
        account_id: reset.account_id,
        request_id: reset.request_id,
        attempt,
        expected_version: reset.credential_version,
        hash,
    };
    match state.directory.set_password(change).await {
        Ok(PasswordWritten::Applied) => {
            state.commands.complete(&reset, attempt).await?;
            // Whoever guessed wrongly before asking for the reset gets to use the new password.
            if let Err(error) = state.failed_log_ins.remember(&account.address, client, account.id).await {
                tracing::warn!(%error, "failed log-ins before a reset stay counted");
            }
            Ok(reset.details.redirect_to.unwrap_or_else(|| state.settings.link("login")))
        }
        Ok(PasswordWritten::Superseded) => {
            if state.commands.fail_completion(&reset, attempt).await.is_err() {
                tracing::warn!(request_id = %reset.request_id, "a failed completion was not recorded");
            }
            Err(taken_over(state, &reset).await.into())
        }
        Err(error) => {
            // Perhaps it was written: whoever settles started completions will ask.
            tracing::warn!(request_id = %reset.request_id, %error, "the outcome of a completion is unknown");
            Err(TokenError::Unavailable.into())
        }
    }
}

/// Judging a password takes the machine a while, so it is done where waiting is allowed.
pub async fn check(state: &HttpState, password: &SecretString, address: EmailAddress) -> Result<(), Refused> {
    let (policy, password) = (state.policy, password.clone());
    let judging = tokio::task::spawn_blocking(move || policy.check(password.expose_secret(), &address));
    match judging.await {
        Ok(judged) => judged.map_err(Refused::Password),
        Err(_) => Err(TokenError::Unavailable.into()),
    }
}

/// What a hasher that gives no answer means for the caller.
pub fn unhashed(error: HashError) -> TokenError {
    match error {
        HashError::Busy => TokenError::Busy { retry_after: HASHING_TAKES },
        HashError::Broken(reason) => {
            tracing::error!(reason, "a password could not be hashed");
            TokenError::Unavailable
        }
    }
}
