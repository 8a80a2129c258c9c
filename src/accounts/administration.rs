//! What operators do with accounts: look through them, close and open them, delete them, say what they may do.

use uuid::Uuid;

use super::built_in::account;
use super::{Account, BuiltInDirectory, DirectoryError, Role};
use crate::domain::id::AccountId;

const OLDEST_FIRST: &str = "\
    SELECT id, address, name, role, credential_version, disabled, verified_at, created_at
    FROM accounts WHERE id > $1 ORDER BY id LIMIT $2";
const NEWEST_FIRST: &str = "\
    SELECT id, address, name, role, credential_version, disabled, verified_at, created_at
    FROM accounts WHERE id < $1 ORDER BY id DESC LIMIT $2";

impl BuiltInDirectory {
    /// Accounts in the order of their ids, which is that of their making, after this one.
    pub async fn list(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<Account>, DirectoryError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows = self.database.fetch_all(OLDEST_FIRST, &[after.into(), limit.into()]).await?;
        rows.iter().map(account).collect()
    }

    /// Accounts that were made before this one, the newest first.
    pub async fn list_newest(
        &self,
        before: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>, DirectoryError> {
        let before = before.unwrap_or(AccountId::from_uuid(Uuid::max())).to_string();
        let rows = self.database.fetch_all(NEWEST_FIRST, &[before.into(), limit.into()]).await?;
        rows.iter().map(account).collect()
    }

    /// Keeps the owner out, and ends every link and session; whether there is such an account.
    pub async fn disable(&self, id: AccountId) -> Result<bool, DirectoryError> {
        let sql = "UPDATE accounts SET credential_version = credential_version + 1 - disabled, disabled = 1
                   WHERE id = $1";
        Ok(self.database.execute(sql, &[id.to_string().into()]).await? == 1)
    }

    /// Lets the owner in again; links and sessions of before stay dead. Whether there is such an account.
    pub async fn enable(&self, id: AccountId) -> Result<bool, DirectoryError> {
        let sql = "UPDATE accounts SET disabled = 0 WHERE id = $1";
        Ok(self.database.execute(sql, &[id.to_string().into()]).await? == 1)
    }

    /// Deletes the account with its sessions; its links lead nowhere. Whether there was such an account.
    pub async fn delete(&self, id: AccountId) -> Result<bool, DirectoryError> {
        let sql = "DELETE FROM accounts WHERE id = $1";
        Ok(self.database.execute(sql, &[id.to_string().into()]).await? == 1)
    }

    /// Says what an account may do, from its next request on; whether there is such an account.
    pub async fn set_role(&self, id: AccountId, role: Role) -> Result<bool, DirectoryError> {
        let sql = "UPDATE accounts SET role = $2 WHERE id = $1";
        Ok(self.database.execute(sql, &[id.to_string().into(), role.as_str().into()]).await? == 1)
    }

    /// Calls the owner by another name, or by none; whether there is such an account.
    pub async fn set_name(&self, id: AccountId, name: Option<String>) -> Result<bool, DirectoryError> {
        let sql = "UPDATE accounts SET name = $2 WHERE id = $1";
        Ok(self.database.execute(sql, &[id.to_string().into(), name.into()]).await? == 1)
    }
}
