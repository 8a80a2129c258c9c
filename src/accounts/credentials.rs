//! What lets an owner in, and how an owner who is signed in changes it.
//!
//! The change is a compare-and-set on the credential version and moves it on, so that links and sessions of
//! before are dead with that very write; the notice to the owner is recorded in the same transaction.

use super::built_in::{account, micros};
use super::changes::{self, NewChange};
use super::{Account, BuiltInDirectory, ChangeKind, DirectoryError};
use crate::database::Value;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, SessionId};

/// A provisional account is none here: beside it stands its registration, and an address that nobody has must not
/// take one password more than one that somebody has.
const CANDIDATE: &str = "\
    SELECT id, address, name, role, credential_version, disabled, verified_at, created_at, password_hash
    FROM accounts
    WHERE normalised_address = $1 AND (verified_at IS NOT NULL OR provisional_until IS NULL)";

const NEWEST_REGISTRATION: &str = "\
    SELECT password_hash FROM registrations
    WHERE normalised_address = $1 AND expires_at > $2 ORDER BY id DESC LIMIT 1";

/// What a reset wrote is no longer the newest password, so no higher attempt of it may replace this one.
const SET_OWN_PASSWORD: &str = "\
    UPDATE accounts
    SET password_hash = $1, credential_version = credential_version + 1, reset_request = NULL,
        reset_attempt = NULL
    WHERE id = $2 AND credential_version = $3 AND disabled = 0";

const MOVE_SESSION: &str = "\
    UPDATE sessions SET credential_version = $1 + 1
    WHERE id = $2 AND account_id = $3 AND credential_version = $1";

const REPLACE_HASH: &str = "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3";

/// What a log-in with an address is compared with. There is always one of these, so that the work for an
/// address is the same whoever has it.
#[derive(Clone)]
pub struct LogInCandidate {
    /// The account at the address, if there is one.
    pub account: Option<Account>,
    /// The account's. None: no password is right.
    pub password_hash: Option<String>,
    /// That of the newest registration of the address that waits.
    pub registered_hash: Option<String>,
}

/// A new password from a signed-in owner.
#[derive(Clone)]
pub struct OwnPasswordChange {
    /// Whose password.
    pub account_id: AccountId,
    /// The credential version that the owner was signed in under.
    pub expected_version: i64,
    /// What [`super::PasswordHasher::hash`] made.
    pub hash: String,
    /// The one session that goes on.
    pub session: SessionId,
    /// The language that the owner is told in.
    pub locale: Option<String>,
}

impl BuiltInDirectory {
    /// What a log-in with this address is compared with.
    pub async fn log_in_candidate(&self, address: &EmailAddress) -> Result<LogInCandidate, DirectoryError> {
        let values = [address.normalised().into(), micros(self.clock.now()).into()];
        let row = self.database.fetch_optional(CANDIDATE, &values[..1]).await?;
        let registered = self.database.fetch_optional(NEWEST_REGISTRATION, &values).await?;
        let registered_hash = registered.map(|row| row.text("password_hash")).transpose()?;
        let found = row.as_ref().map(account).transpose()?;
        // The column is only an index: a row written by other hands must not let anybody in.
        let (account, password_hash) = match (found, row) {
            (Some(found), Some(row)) if found.address == *address => {
                (Some(found), Some(row.text("password_hash")?))
            }
            _ => (None, None),
        };
        Ok(LogInCandidate { account, password_hash, registered_hash })
    }

    /// Puts another hash of the same password in the place of this one. Ends nothing.
    pub async fn replace_hash(&self, account: AccountId, old: &str, new: &str) -> Result<(), DirectoryError> {
        self.database.execute(REPLACE_HASH, &[new.into(), account.to_string().into(), old.into()]).await?;
        Ok(())
    }

    /// Writes the owner's new password if nothing has changed since the owner was signed in; whether it did.
    /// Links and all sessions but this one end with it.
    pub async fn change_own_password(&self, change: OwnPasswordChange) -> Result<bool, DirectoryError> {
        let account = change.account_id.to_string();
        let version = Value::from(change.expected_version);
        let mut transaction = self.database.begin().await?;
        let notice = NewChange {
            account_id: change.account_id,
            expected_version: change.expected_version,
            kind: ChangeKind::PasswordChanged,
            locale: change.locale,
            new_address: None,
        };
        changes::record(&mut transaction, notice, self.clock.as_ref()).await?;
        let set = [change.hash.into(), Value::from(&account), version.clone()];
        if transaction.execute(SET_OWN_PASSWORD, &set).await? == 0 {
            return Ok(false);
        }
        let session = [version, change.session.to_string().into(), account.into()];
        transaction.execute(MOVE_SESSION, &session).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
