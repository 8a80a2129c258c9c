//! The directory in our own database. Only this module touches the tables of `0002_directory.sql` and
//! `0006_sessions.sql`; here are look-ups, new accounts, and the passwords that resets write.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    Account, AddressProof, Directory, DirectoryError, PasswordChange, PasswordWritten, Role, registrations,
};
use crate::clock::Clock;
use crate::database::{Database, DatabaseError, Row, Value};
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;
use crate::domain::one_time_link::LinkRequestId;

/// The version that a fresh account starts with.
const FIRST_VERSION: i64 = 1;

const BY_ADDRESS: &str = "\
    SELECT id, address, name, role, credential_version, disabled, verified_at, created_at
    FROM accounts WHERE normalised_address = $1";
const BY_ID: &str = "\
    SELECT id, address, name, role, credential_version, disabled, verified_at, created_at
    FROM accounts WHERE id = $1";
const INSERT: &str = "\
    INSERT INTO accounts (id, address, normalised_address, name, role, password_hash, credential_version,
                          disabled, verified_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)";

/// The whole decision in one statement: the database serialises rivals on the row and looks at the condition
/// again for each. The second branch finds exactly the row that a lower attempt of this request wrote.
const SET_PASSWORD: &str = "\
    UPDATE accounts
    SET password_hash = $1, credential_version = $2 + 1, reset_request = $3, reset_attempt = $4,
        verified_at = COALESCE(verified_at, $5),
        name = CASE WHEN verified_at IS NULL AND provisional_until IS NOT NULL THEN NULL ELSE name END,
        provisional_until = NULL
    WHERE id = $6 AND disabled = 0
      AND (credential_version = $2
           OR (credential_version = $2 + 1 AND reset_request = $3 AND reset_attempt < $4))";

/// Verifications change accounts under the same fence and are remembered beside the resets.
pub(super) const REMEMBER_REQUEST: &str = "\
    INSERT INTO applied_resets (request_id, account_id, attempt, applied_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (request_id) DO UPDATE SET attempt = excluded.attempt, applied_at = excluded.applied_at";

const APPLIED_ATTEMPT: &str = "SELECT attempt FROM applied_resets WHERE request_id = $1 AND account_id = $2";

const MARK_VERIFIED: &str = "UPDATE accounts SET verified_at = $1 WHERE id = $2 AND verified_at IS NULL";

/// Accounts in the `accounts` table.
#[derive(Clone)]
pub struct BuiltInDirectory {
    pub(super) database: Database,
    pub(super) clock: Arc<dyn Clock>,
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// Whose it is.
    pub address: EmailAddress,
    /// For salutations.
    pub name: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Whether somebody vouches that its owner receives mail there.
    pub verified: bool,
    /// What [`super::PasswordHasher::hash`] made.
    pub password_hash: String,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// There is one for this address, perhaps spelled in another case.
    #[error("an account with this address exists already")]
    AddressTaken,
    /// The directory gave no answer.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl BuiltInDirectory {
    /// The directory in this database, whose migrations have run.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// Makes an account, unless one has this address.
    pub async fn add(&self, new: NewAccount) -> Result<Account, AddError> {
        let now = micros(self.clock.now());
        let id = AccountId::from_uuid(self.clock.uuid());
        let values = [
            id.to_string().into(),
            new.address.as_str().into(),
            new.address.normalised().into(),
            new.name.clone().into(),
            new.role.as_str().into(),
            new.password_hash.into(),
            FIRST_VERSION.into(),
            new.verified.then_some(now).into(),
            now.into(),
        ];
        match self.database.execute(INSERT, &values).await {
            Ok(_) => Ok(Account {
                id,
                address: new.address,
                name: new.name,
                role: new.role,
                credential_version: FIRST_VERSION,
                disabled: false,
                verified_at: new.verified.then_some(time(now)?),
                created_at: time(now)?,
            }),
            Err(error) if error.is_duplicate_of("normalised_address") => Err(AddError::AddressTaken),
            Err(error) => Err(AddError::Directory(error.into())),
        }
    }

    async fn fetch(&self, sql: &str, value: Value) -> Result<Option<Account>, DirectoryError> {
        self.database.fetch_optional(sql, &[value]).await?.as_ref().map(account).transpose()
    }

    /// Writes in one transaction, so that the answer given later can never differ from what was done.
    async fn write_password(&self, change: &PasswordChange) -> Result<bool, DatabaseError> {
        let now = micros(self.clock.now());
        let (request, account) = (change.request_id.to_string(), change.account_id.to_string());
        let attempt = Value::from(change.attempt);
        let mut transaction = self.database.begin().await?;
        let set = [
            Value::from(&change.hash),
            change.expected_version.into(),
            Value::from(&request),
            attempt.clone(),
            now.into(),
            Value::from(&account),
        ];
        let written = transaction.execute(SET_PASSWORD, &set).await? == 1;
        if written {
            let remember = [request.into(), account.into(), attempt, now.into()];
            transaction.execute(REMEMBER_REQUEST, &remember).await?;
            // The reset has verified the address: what else was registered for it is over.
            registrations::forget_of_account(&mut transaction, change.account_id).await?;
        }
        transaction.commit().await?;
        Ok(written)
    }
}

impl BuiltInDirectory {
    /// What a repetition of a change that cannot be written any more is told.
    async fn written_before(
        &self,
        account: AccountId,
        request: LinkRequestId,
        attempt: u32,
    ) -> Result<PasswordWritten, DirectoryError> {
        let applied = self.applied_attempt(account, request).await?;
        Ok(if applied == Some(attempt) { PasswordWritten::Applied } else { PasswordWritten::Superseded })
    }
}

#[async_trait]
impl Directory for BuiltInDirectory {
    async fn lookup(&self, address: &EmailAddress) -> Result<Option<Account>, DirectoryError> {
        let found = self.fetch(BY_ADDRESS, address.normalised().into()).await?;
        // The column is only an index: a row written by other hands must not redirect anybody's mail.
        Ok(found.filter(|account| account.address == *address))
    }

    async fn find(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        self.fetch(BY_ID, id.to_string().into()).await
    }

    async fn set_password(&self, change: PasswordChange) -> Result<PasswordWritten, DirectoryError> {
        if self.write_password(&change).await? {
            return Ok(PasswordWritten::Applied);
        }
        self.written_before(change.account_id, change.request_id.into(), change.attempt).await
    }

    async fn prove_address(&self, proof: AddressProof) -> Result<PasswordWritten, DirectoryError> {
        if self.write_proof(&proof).await? {
            return Ok(PasswordWritten::Applied);
        }
        self.written_before(proof.account_id, proof.request_id.into(), proof.attempt).await
    }

    async fn applied_attempt(
        &self,
        account: AccountId,
        request: LinkRequestId,
    ) -> Result<Option<u32>, DirectoryError> {
        let values = [request.to_string().into(), account.to_string().into()];
        let Some(row) = self.database.fetch_optional(APPLIED_ATTEMPT, &values).await? else {
            return Ok(None);
        };
        u32::try_from(row.int("attempt")?).map(Some).map_err(|_| broken("attempt"))
    }

    /// The credential version ends sessions: each carries the version it began under, and `set_password`
    /// moves that version in the very write that changes the password.
    async fn end_sessions(&self, _account: AccountId) -> Result<(), DirectoryError> {
        Ok(())
    }

    async fn mark_verified(&self, account: AccountId) -> Result<(), DirectoryError> {
        let values = [micros(self.clock.now()).into(), account.to_string().into()];
        self.database.execute(MARK_VERIFIED, &values).await?;
        Ok(())
    }
}

pub(super) fn account(row: &Row) -> Result<Account, DirectoryError> {
    Ok(Account {
        id: row.text("id")?.parse().map_err(|_| broken("id"))?,
        address: EmailAddress::parse(&row.text("address")?).map_err(|_| broken("address"))?,
        name: row.optional_text("name")?,
        role: row.text("role")?.parse().map_err(|_| broken("role"))?,
        credential_version: row.int("credential_version")?,
        disabled: row.flag("disabled")?,
        verified_at: row.optional_int("verified_at")?.map(time).transpose()?,
        created_at: time(row.int("created_at")?)?,
    })
}

pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

pub(super) fn time(micros: i64) -> Result<DateTime<Utc>, DirectoryError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| broken("created_at"))
}

/// Names the column and not its value, which may be about a person.
pub(super) fn broken(column: &str) -> DirectoryError {
    DirectoryError::Broken(format!("accounts.{column} holds something that was never written there"))
}
