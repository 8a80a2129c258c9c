//! The directory: who owns an address, how their password changes, and who is signed in.
//!
//! [`Directory`] is the seam to whoever owns the users; [`BuiltInDirectory`] keeps them in our own database,
//! and with it [`Sessions`] and [`FailedLogIns`]. Knows nothing of the log, and must never send mail or judge
//! a mailed token.

mod administration;
mod built_in;
mod changes;
#[cfg(test)]
mod conformance;
mod credentials;
mod failed_log_ins;
mod hasher;
mod import;
mod registrations;
mod sessions;
mod stored_hash;
mod verifications;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::database::DatabaseError;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId};
use crate::domain::one_time_link::LinkRequestId;

pub use built_in::{AddError, BuiltInDirectory, NewAccount};
pub use changes::{AccountChange, ChangeKind};
pub use credentials::{LogInCandidate, OwnPasswordChange};
pub use failed_log_ins::{Attempt, FailedLogIns, LimitError};
pub use hasher::{HashError, Match, PasswordHasher};
pub use import::{ImportError, Imported, LineFault, Report};
pub use registrations::{Awaited, Registration, Registrations};
pub use sessions::PREFIX as SESSION_PREFIX;
pub use sessions::{Opened, Session, SessionPolicy, Sessions, SignedIn};
pub use stored_hash::{StoredHash, UnusableHash};
pub use verifications::{AddressProof, Proved};

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Its own account only.
    User,
    /// See and support other people's mail.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 3] = [Self::User, Self::Operator, Self::Admin];

    /// The word for it, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of: user, operator, admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// Somebody with an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Stays when the address changes.
    pub id: AccountId,
    /// Where mail for the account goes.
    pub address: EmailAddress,
    /// For salutations.
    pub name: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Moves with every change of password or address, and with disabling. A link or session that was made
    /// under another version is dead.
    pub credential_version: i64,
    /// Gets no reset mail and cannot log in.
    pub disabled: bool,
    /// When its owner proved to receive mail there, if they have.
    pub verified_at: Option<DateTime<Utc>>,
    /// Since when it exists.
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// Whether its owner has proved to receive mail at its address.
    pub fn is_verified(&self) -> bool {
        self.verified_at.is_some()
    }
}

/// A new password, fenced: it may only take the place of the credential that the link was made for.
#[derive(Clone)]
pub struct PasswordChange {
    /// Whose password.
    pub account_id: AccountId,
    /// The reset that it completes.
    pub request_id: RequestId,
    /// Which attempt of that reset, counted from 1.
    pub attempt: u32,
    /// The credential version that the link names.
    pub expected_version: i64,
    /// What [`PasswordHasher::hash`] made.
    pub hash: String,
}

/// What became of a [`PasswordChange`], or of an [`AddressProof`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordWritten {
    /// The account is as this attempt made it, or was until a later change. Asking again gives the same answer.
    Applied,
    /// Another change, or a higher attempt of this request, came first. Nothing was written.
    Superseded,
}

/// Why the directory gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It is away, or was lost on the way. A write may have been done: ask again with the same change.
    #[error("the directory is not available: {0}")]
    Unavailable(#[source] DatabaseError),
    /// Asking again cannot help.
    #[error("the directory is broken: {0}")]
    Broken(String),
}

impl From<DatabaseError> for DirectoryError {
    fn from(error: DatabaseError) -> Self {
        if error.is_transient() { Self::Unavailable(error) } else { Self::Broken(error.to_string()) }
    }
}

/// Whoever owns the users.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The account whose stored address and this one have the same normal form; no other likeness counts.
    async fn lookup(&self, address: &EmailAddress) -> Result<Option<Account>, DirectoryError>;

    /// The account with this id.
    async fn find(&self, id: AccountId) -> Result<Option<Account>, DirectoryError>;

    /// Writes the password if the account still has the expected credential version, or if a lower attempt of
    /// the same request was the one that replaced it. Moves the version on, and verifies the account: whoever
    /// completes a reset receives its mail. Exactly one of any number of rivals is applied, whatever process
    /// they run in, and repeating a change does nothing new.
    async fn set_password(&self, change: PasswordChange) -> Result<PasswordWritten, DirectoryError>;

    /// Writes what a proved address leads to, under the same fence as a password: an account that has changed
    /// since, and an address that another account has, supersede it. Moves the version on and verifies the
    /// account; what else was registered for the address is forgotten.
    async fn prove_address(&self, proof: AddressProof) -> Result<PasswordWritten, DirectoryError>;

    /// The highest attempt of this request that was written, if any was, so that a completion whose process
    /// died can be settled.
    async fn applied_attempt(
        &self,
        account: AccountId,
        request: LinkRequestId,
    ) -> Result<Option<u32>, DirectoryError>;

    /// Ends every session that was begun before the last change of password. Where sessions carry the
    /// credential version, as here, that change has ended them already and nothing is left to do.
    async fn end_sessions(&self, account: AccountId) -> Result<(), DirectoryError>;

    /// Notes that the owner receives mail at the account's address.
    async fn mark_verified(&self, account: AccountId) -> Result<(), DirectoryError>;
}
