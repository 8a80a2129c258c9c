//! Logging in: one flow for the API and the page.
//!
//! The order is the promise: the form was checked before, the attempt is counted, the address is looked up,
//! the password is compared whatever was found, and only a right one is told more than "no". A closed account
//! answers like a wrong password.
//!
//! Every failure compares twice, with the account's password and with that of the newest registration that
//! waits, each of which may be nobody's. Without the second look at addresses that have an account, a stranger
//! could register an address, try the password, and tell by the answer whether it was free.

use secrecy::SecretString;

use super::HttpState;
use super::problem::{FieldError, Problem};
use crate::accounts::{Account, Attempt, DirectoryError, HashError, LimitError, Match, Opened};
use crate::domain::address::EmailAddress;

/// Seconds after which a full pool of hashers is worth another try.
const HASHING_TAKES: u64 = 2;

/// Somebody wants in. The form has been checked.
pub struct LogIn {
    pub email: EmailAddress,
    pub password: SecretString,
    /// The client's address, or its network.
    pub client: String,
    /// Rough words for the browser.
    pub browser: Option<String>,
}

/// Why nobody was let in.
#[derive(Debug)]
pub enum Refused {
    /// There is no open account with this address and this password.
    InvalidCredentials,
    /// The password is right; the address was not verified yet.
    NotVerified,
    /// There were too many failures before, or nobody can say.
    Limit(LimitError),
    /// Too many passwords are being looked at.
    Busy { retry_after: u64 },
    /// A stored hash, or the machine, is broken.
    Broken,
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        Self::Limit(error.into())
    }
}

impl From<LimitError> for Refused {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<HashError> for Refused {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy { retry_after: HASHING_TAKES },
            HashError::Broken(reason) => {
                tracing::error!(reason, "a password could not be compared");
                Self::Broken
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::InvalidCredentials => Self::invalid_credentials(),
            Refused::NotVerified => Self::account_not_verified(),
            Refused::Limit(error) => error.into(),
            Refused::Busy { retry_after } => Self::busy(retry_after),
            Refused::Broken => Self::unavailable(),
        }
    }
}

/// Begins a session.
pub async fn log_in(state: &HttpState, log_in: LogIn) -> Result<Opened, Refused> {
    let LogIn { email, password, client, browser } = log_in;
    let attempt = state.failed_log_ins.begin(&email, &client).await?;
    let candidate = match state.accounts.log_in_candidate(&email).await {
        Ok(candidate) => candidate,
        Err(error) => return Err(withdrawn(state, attempt, error.into()).await),
    };
    let hash = candidate.password_hash.as_deref();
    let is_foreign = match state.hasher.compare(password.clone(), hash).await {
        Ok(Match::Right { is_foreign }) => Some(is_foreign),
        Ok(Match::Wrong) => None,
        Err(error) => return Err(withdrawn(state, attempt, error.into()).await),
    };
    let account = candidate.account.filter(|account| is_foreign.is_some() && !account.disabled);
    let (account, is_foreign) = match (account, is_foreign) {
        (Some(account), Some(is_foreign)) if account.is_verified() => (account, is_foreign),
        (Some(_), _) => return Err(withdrawn(state, attempt, Refused::NotVerified).await),
        (None, _) => {
            let registered = candidate.registered_hash.as_deref();
            return Err(match state.hasher.compare(password, registered).await {
                Ok(Match::Right { .. }) => withdrawn(state, attempt, Refused::NotVerified).await,
                Ok(Match::Wrong) => Refused::InvalidCredentials,
                Err(error) => withdrawn(state, attempt, error.into()).await,
            });
        }
    };
    if is_foreign && let Some(hash) = hash {
        replace_hash(state, &account, password, hash).await;
    }
    state.failed_log_ins.succeeded(attempt, account.id).await?;
    // None: closed, or under other credentials, since it was looked up.
    state.sessions.open(account, browser).await?.ok_or(Refused::InvalidCredentials)
}

/// Compares the password of somebody who is signed in, under the limits of logging in: whoever holds a stolen
/// session must not get to guess.
pub async fn confirm_password(
    state: &HttpState,
    account: &Account,
    password: SecretString,
    client: &str,
) -> Result<(), Refused> {
    let attempt = state.failed_log_ins.begin(&account.address, client).await?;
    let hash = match state.accounts.password_hash(account.id).await {
        Ok(hash) => hash,
        Err(error) => return Err(withdrawn(state, attempt, error.into()).await),
    };
    match state.hasher.compare(password, hash.as_deref()).await {
        Ok(Match::Right { .. }) => Ok(state.failed_log_ins.succeeded(attempt, account.id).await?),
        Ok(Match::Wrong) => Err(Refused::InvalidCredentials),
        Err(error) => Err(withdrawn(state, attempt, error.into()).await),
    }
}

/// How a wrong current password is told: the session is good, a value of the body is not.
pub fn wrong_current_password(refused: Refused) -> Problem {
    match refused {
        Refused::InvalidCredentials => Problem::invalid(vec![FieldError::new(
            "/current_password",
            "wrong_password",
            "is not the password of this account",
        )]),
        other => other.into(),
    }
}

/// It was no failure; a count too many ends by itself.
async fn withdrawn(state: &HttpState, attempt: Attempt, refused: Refused) -> Refused {
    if let Err(error) = state.failed_log_ins.withdraw(attempt).await {
        tracing::warn!(%error, "a log-in stays counted as failed");
    }
    refused
}

/// The next log-in does it if this one cannot.
async fn replace_hash(state: &HttpState, account: &Account, password: SecretString, old: &str) {
    let Ok(new) = state.hasher.hash(password).await else { return };
    if let Err(error) = state.accounts.replace_hash(account.id, old, &new).await {
        tracing::warn!(%error, "a hash from elsewhere was not replaced");
    }
}
