//! Changes that owners are told of by mail. Each is recorded by the transaction that makes it, and stays until
//! its mail has been asked for, so that no crash between the two leaves an owner in the dark.

use chrono::{DateTime, Utc};

use super::built_in::{broken, micros, time};
use super::{BuiltInDirectory, DirectoryError};
use crate::clock::Clock;
use crate::database::{DatabaseError, Dialect, Row, Transaction, Value};
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, ChangeId};

const RECORD: &str = "\
    INSERT INTO account_changes (id, account_id, kind, address, name, locale, new_address, changed_at)
    SELECT $1, id, $2, address, name, $3, $4, $5 FROM accounts
    WHERE id = $6 AND credential_version = $7";

const IS_ANY: &str = "SELECT 1 AS one FROM account_changes WHERE scheduled_at IS NULL LIMIT 1";

const FIND: &str = "\
    SELECT account_id, kind, address, name, locale, new_address, changed_at
    FROM account_changes WHERE id = $1";

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its owner chose another password.
    PasswordChanged,
    /// Its owner's mail goes elsewhere.
    AddressChanged,
}

impl ChangeKind {
    const ALL: [Self; 2] = [Self::PasswordChanged, Self::AddressChanged];

    /// The word for it, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::AddressChanged => "address_changed",
        }
    }
}

/// A change that its owner is to be told of.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountChange {
    pub id: ChangeId,
    pub account_id: AccountId,
    pub kind: ChangeKind,
    /// Where the notice goes: the address before the change.
    pub address: EmailAddress,
    pub name: Option<String>,
    pub locale: Option<String>,
    /// Masked.
    pub new_address: Option<String>,
    pub changed_at: DateTime<Utc>,
}

/// A change under way.
pub(super) struct NewChange {
    pub(super) account_id: AccountId,
    /// The version that the account has before the change; under another one nothing is recorded.
    pub(super) expected_version: i64,
    pub(super) kind: ChangeKind,
    pub(super) locale: Option<String>,
    pub(super) new_address: Option<String>,
}

/// Records a change in the transaction that makes it, before it is made: the notice goes to the old address.
pub(super) async fn record(
    transaction: &mut Transaction,
    change: NewChange,
    clock: &dyn Clock,
) -> Result<(), DatabaseError> {
    let values = [
        ChangeId::from_uuid(clock.uuid()).to_string().into(),
        change.kind.as_str().into(),
        change.locale.into(),
        change.new_address.into(),
        micros(clock.now()).into(),
        change.account_id.to_string().into(),
        change.expected_version.into(),
    ];
    transaction.execute(RECORD, &values).await.map(|_| ())
}

impl BuiltInDirectory {
    /// Whether there are changes that nobody has taken up yet. Costs no lock.
    pub async fn has_unscheduled_changes(&self) -> Result<bool, DirectoryError> {
        Ok(self.database.fetch_optional(IS_ANY, &[]).await?.is_some())
    }

    /// Takes up changes for whoever turns them into work, in the transaction that writes the work down. Of
    /// several processes each gets others.
    pub async fn take_changes(
        &self,
        transaction: &mut Transaction,
        limit: u32,
    ) -> Result<Vec<ChangeId>, DirectoryError> {
        let sql = match transaction.dialect() {
            Dialect::Postgres => {
                "UPDATE account_changes SET scheduled_at = $1 WHERE id IN (
                     SELECT id FROM account_changes WHERE scheduled_at IS NULL
                     ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
                 RETURNING id"
            }
            Dialect::Sqlite => {
                "UPDATE account_changes SET scheduled_at = $1 WHERE id IN (
                     SELECT id FROM account_changes WHERE scheduled_at IS NULL ORDER BY changed_at LIMIT $2)
                 RETURNING id"
            }
        };
        let values = [micros(self.clock.now()).into(), Value::from(limit)];
        let rows = transaction.fetch_all(sql, &values).await?;
        rows.iter().map(|row| row.text("id")?.parse().map_err(|_| broken("id"))).collect()
    }

    /// The change of this id, for as long as it is not settled.
    pub async fn find_change(&self, id: ChangeId) -> Result<Option<AccountChange>, DirectoryError> {
        let row = self.database.fetch_optional(FIND, &[id.to_string().into()]).await?;
        row.as_ref().map(|row| read(id, row)).transpose()
    }

    /// The owner will be told: the change is forgotten.
    pub async fn settle_change(&self, id: ChangeId) -> Result<(), DirectoryError> {
        self.database.execute("DELETE FROM account_changes WHERE id = $1", &[id.to_string().into()]).await?;
        Ok(())
    }
}

fn read(id: ChangeId, row: &Row) -> Result<AccountChange, DirectoryError> {
    let kind = row.text("kind")?;
    Ok(AccountChange {
        id,
        account_id: row.text("account_id")?.parse().map_err(|_| broken("id"))?,
        kind: ChangeKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| broken("kind"))?,
        address: EmailAddress::parse(&row.text("address")?).map_err(|_| broken("address"))?,
        name: row.optional_text("name")?,
        locale: row.optional_text("locale")?,
        new_address: row.optional_text("new_address")?,
        changed_at: time(row.int("changed_at")?)?,
    })
}
