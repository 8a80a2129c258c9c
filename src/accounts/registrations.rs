//! Registrations that wait for their address to be verified, and the provisional accounts that they make.
//!
//! A registration is kept on the request's path, with the same work for every address; only later does anybody
//! look whose address it is. Its password is worth nothing until its own link is followed. Only this module
//! touches the table of `0007_registrations.sql`.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::built_in::{BuiltInDirectory, broken, micros, time};
use super::{Account, Directory, DirectoryError, Proved};
use crate::database::{Row, Transaction};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::Verifies;
use crate::domain::id::{AccountId, VerificationId};

/// Registrations of one address that a log-in is compared with, the newest.
const MOST_PENDING: u32 = 3;

const KEEP: &str = "\
    INSERT INTO registrations (id, address, normalised_address, name, password_hash, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const FIND: &str = "\
    SELECT id, address, name, password_hash, expires_at FROM registrations WHERE id = $1 AND expires_at > $2";

const PENDING: &str = "\
    SELECT id, address, name, password_hash, expires_at FROM registrations
    WHERE normalised_address = $1 AND expires_at > $2 ORDER BY id DESC LIMIT $3";

/// One statement: whoever comes second finds the account of the first.
const OPEN_ACCOUNT: &str = "\
    INSERT INTO accounts (id, address, normalised_address, name, role, password_hash, credential_version,
                          disabled, created_at, provisional_until)
    SELECT $1, address, normalised_address, name, 'user', password_hash, 1, 0, CAST($2 AS BIGINT), expires_at
    FROM registrations WHERE id = $3 AND expires_at > $2
    ON CONFLICT (normalised_address) DO NOTHING";

const KEEP_ACCOUNT: &str = "\
    UPDATE accounts SET provisional_until = $1
    WHERE id = $2 AND verified_at IS NULL AND provisional_until IS NOT NULL AND provisional_until < $1";

const IS_PROVISIONAL: &str = "\
    SELECT id FROM accounts WHERE id = $1 AND verified_at IS NULL AND provisional_until IS NOT NULL";

const FORGET_OF_ACCOUNT: &str = "\
    DELETE FROM registrations
    WHERE normalised_address IN (SELECT normalised_address FROM accounts WHERE id = $1)";

/// A disabled account is an operator's word about its address, and stays.
const FORGET_ACCOUNTS: &str = "\
    DELETE FROM accounts WHERE provisional_until <= $1 AND verified_at IS NULL AND disabled = 0";

/// Somebody wants an account.
#[derive(Clone)]
pub struct Registration {
    /// Names the verification that it leads to.
    pub id: VerificationId,
    /// As it was given.
    pub address: EmailAddress,
    /// For salutations.
    pub name: Option<String>,
    /// What [`super::PasswordHasher::hash`] made.
    pub password_hash: String,
    /// When its link dies.
    pub expires_at: DateTime<Utc>,
}

/// What a verification waits for.
pub struct Awaited {
    /// The hash of the password that it asks for; without one it asks for none.
    pub password_hash: Option<String>,
    /// What completing it does.
    pub proved: Proved,
}

/// The registrations beside a directory. Cheap to clone.
#[derive(Clone)]
pub struct Registrations {
    directory: BuiltInDirectory,
}

impl Registrations {
    /// Those of this directory.
    pub fn new(directory: BuiltInDirectory) -> Self {
        Self { directory }
    }

    /// Keeps a registration until it is verified or its time is over.
    pub async fn keep(&self, registration: &Registration) -> Result<(), DirectoryError> {
        let values = [
            registration.id.to_string().into(),
            registration.address.as_str().into(),
            registration.address.normalised().into(),
            registration.name.clone().into(),
            registration.password_hash.as_str().into(),
            self.now().into(),
            micros(registration.expires_at).into(),
        ];
        self.directory.database.execute(KEEP, &values).await?;
        Ok(())
    }

    /// Forgets a registration that leads to nothing.
    pub async fn forget(&self, id: VerificationId) -> Result<(), DirectoryError> {
        let sql = "DELETE FROM registrations WHERE id = $1";
        self.directory.database.execute(sql, &[id.to_string().into()]).await?;
        Ok(())
    }

    /// The registration, while it waits.
    pub async fn find(&self, id: VerificationId) -> Result<Option<Registration>, DirectoryError> {
        let values = [id.to_string().into(), self.now().into()];
        let row = self.directory.database.fetch_optional(FIND, &values).await?;
        row.as_ref().map(registration).transpose()
    }

    /// The newest registrations of an address that wait, the newest first: whoever logs in with one of their
    /// passwords is told to verify the address.
    pub async fn pending(&self, address: &EmailAddress) -> Result<Vec<Registration>, DirectoryError> {
        let values = [address.normalised().into(), self.now().into(), MOST_PENDING.into()];
        let rows = self.directory.database.fetch_all(PENDING, &values).await?;
        rows.iter().map(registration).collect()
    }

    /// The unverified account that a registration is of: the one that has the address, or a provisional one
    /// that this makes. `None` if the registration no longer waits, or somebody has verified the address.
    pub async fn open_account(&self, id: VerificationId) -> Result<Option<Account>, DirectoryError> {
        let Some(registration) = self.find(id).await? else { return Ok(None) };
        let clock = &self.directory.clock;
        let account = AccountId::from_uuid(clock.uuid()).to_string();
        let values = [account.into(), self.now().into(), id.to_string().into()];
        self.directory.database.execute(OPEN_ACCOUNT, &values).await?;
        let found = self.directory.lookup(&registration.address).await?;
        let Some(account) = found.filter(|account| !account.is_verified() && !account.disabled) else {
            return Ok(None);
        };
        self.keep_account(account.id, registration.expires_at).await?;
        Ok(Some(account))
    }

    /// The password that a verification asks for, and what completing it does: a registration brings its own,
    /// any other verification goes by the account's. `None` if there is nothing left to verify.
    pub async fn awaited(
        &self,
        request: VerificationId,
        account: AccountId,
        email: &EmailAddress,
        verifies: &Verifies,
        locale: Option<&str>,
    ) -> Result<Option<Awaited>, DirectoryError> {
        let proved = match verifies {
            Verifies::Registration => {
                return Ok(self.find(request).await?.map(|registration| Awaited {
                    password_hash: Some(registration.password_hash.clone()),
                    proved: Proved::Registration {
                        name: registration.name,
                        password_hash: registration.password_hash,
                    },
                }));
            }
            Verifies::Account => Proved::Account,
            Verifies::AddressChange { .. } => {
                Proved::Address { address: email.clone(), locale: locale.map(str::to_owned) }
            }
        };
        let hash = self.directory.password_hash(account).await?;
        Ok(hash.map(|hash| Awaited { password_hash: Some(hash).filter(|hash| !hash.is_empty()), proved }))
    }

    /// Lets a provisional account wait until then at least. Others wait for ever anyway.
    pub async fn keep_account(&self, id: AccountId, until: DateTime<Utc>) -> Result<(), DirectoryError> {
        let values = [micros(until).into(), id.to_string().into()];
        self.directory.database.execute(KEEP_ACCOUNT, &values).await?;
        Ok(())
    }

    /// Whether a registration made the account and nobody has verified it: its address is nobody's yet.
    pub async fn is_provisional(&self, id: AccountId) -> Result<bool, DirectoryError> {
        let row = self.directory.database.fetch_optional(IS_PROVISIONAL, &[id.to_string().into()]).await?;
        Ok(row.is_some())
    }

    /// Deletes registrations whose time is over, with their hashes, and the accounts that they made.
    pub async fn forget_expired(&self) -> Result<(), DirectoryError> {
        let now = self.now();
        let mut transaction = self.directory.database.begin().await?;
        transaction.execute("DELETE FROM registrations WHERE expires_at <= $1", &[now.into()]).await?;
        transaction.execute(FORGET_ACCOUNTS, &[now.into()]).await?;
        transaction.commit().await?;
        Ok(())
    }

    fn now(&self) -> i64 {
        micros(self.directory.clock.now())
    }
}

/// Forgets what was registered for the address of an account that is verified now, in the write that
/// verifies it.
pub(super) async fn forget_of_account(
    transaction: &mut Transaction,
    account: AccountId,
) -> Result<(), crate::database::DatabaseError> {
    transaction.execute(FORGET_OF_ACCOUNT, &[account.to_string().into()]).await.map(|_| ())
}

fn registration(row: &Row) -> Result<Registration, DirectoryError> {
    Ok(Registration {
        id: row.text("id")?.parse().map_err(|_| broken("id"))?,
        address: EmailAddress::parse(&row.text("address")?).map_err(|_| broken("address"))?,
        name: row.optional_text("name")?,
        password_hash: row.text("password_hash")?,
        expires_at: time(row.int("expires_at")?)?,
    })
}
