//! What a verification does to an account, in one write: the address counts as verified, and what else was
//! proved takes effect.

use super::built_in::{BuiltInDirectory, REMEMBER_REQUEST, micros};
use super::changes::{self, NewChange};
use super::{ChangeKind, DirectoryError, registrations};
use crate::database::{DatabaseError, Value};
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, VerificationId};

/// The whole decision in one statement, as for the password that a reset writes. Absent values leave what is
/// there.
const VERIFY: &str = "\
    UPDATE accounts
    SET password_hash = COALESCE($1, password_hash),
        name = CASE WHEN $1 IS NULL THEN name ELSE $2 END,
        address = COALESCE($3, address),
        normalised_address = COALESCE($4, normalised_address),
        credential_version = $5 + 1, reset_request = $6, reset_attempt = $7,
        verified_at = CASE WHEN $3 IS NULL THEN COALESCE(verified_at, $8) ELSE $8 END,
        provisional_until = NULL
    WHERE id = $9 AND disabled = 0
      AND (credential_version = $5
           OR (credential_version = $5 + 1 AND reset_request = $6 AND reset_attempt < $7))";

/// A provisional account is nobody's: whoever receives the address's mail may have it.
const MAKE_ROOM: &str = "\
    DELETE FROM accounts
    WHERE normalised_address = $1 AND id <> $2 AND verified_at IS NULL AND provisional_until IS NOT NULL
      AND disabled = 0";

/// An address was proved, fenced: it may only change the account that its link was made for.
#[derive(Clone)]
pub struct AddressProof {
    /// Whose account.
    pub account_id: AccountId,
    /// The verification that it completes.
    pub request_id: VerificationId,
    /// Which attempt of that verification, counted from 1.
    pub attempt: u32,
    /// The credential version that the link names.
    pub expected_version: i64,
    /// What takes effect.
    pub proved: Proved,
}

/// What takes effect once the address is proved.
#[derive(Clone)]
pub enum Proved {
    /// The account becomes this registration's.
    Registration {
        name: Option<String>,
        /// What [`super::PasswordHasher::hash`] made.
        password_hash: String,
    },
    /// The account is as it is, only verified.
    Account,
    /// The account moves to this address; its owner is told at the old one.
    Address {
        address: EmailAddress,
        /// The language that the owner is told in.
        locale: Option<String>,
    },
}

impl BuiltInDirectory {
    /// The stored hash of an account's password.
    pub async fn password_hash(&self, account: AccountId) -> Result<Option<String>, DirectoryError> {
        let sql = "SELECT password_hash FROM accounts WHERE id = $1";
        let row = self.database.fetch_optional(sql, &[account.to_string().into()]).await?;
        Ok(row.map(|row| row.text("password_hash")).transpose()?)
    }

    /// Writes in one transaction; whether anything was written. An address that another account has is not.
    pub(super) async fn write_proof(&self, proof: &AddressProof) -> Result<bool, DatabaseError> {
        let now = micros(self.clock.now());
        let (request, account) = (proof.request_id.to_string(), proof.account_id.to_string());
        let attempt = Value::from(proof.attempt);
        let (hash, name, address) = match &proof.proved {
            Proved::Registration { name, password_hash } => (Some(password_hash.clone()), name.clone(), None),
            Proved::Account => (None, None, None),
            Proved::Address { address, .. } => (None, None, Some(address)),
        };
        let mut transaction = self.database.begin().await?;
        if let Proved::Address { address, locale } = &proof.proved {
            let values = [address.normalised().into(), Value::from(&account)];
            transaction.execute(MAKE_ROOM, &values).await?;
            let notice = NewChange {
                account_id: proof.account_id,
                expected_version: proof.expected_version,
                kind: ChangeKind::AddressChanged,
                locale: locale.clone(),
                new_address: Some(address.masked()),
            };
            changes::record(&mut transaction, notice, self.clock.as_ref()).await?;
        }
        let values = [
            hash.into(),
            name.into(),
            address.map(|address| address.as_str().to_owned()).into(),
            address.map(|address| address.normalised().to_owned()).into(),
            proof.expected_version.into(),
            Value::from(&request),
            attempt.clone(),
            now.into(),
            Value::from(&account),
        ];
        match transaction.execute(VERIFY, &values).await {
            Ok(1) => {}
            Ok(_) => return Ok(false),
            Err(error) if error.is_duplicate_of("normalised_address") => return Ok(false),
            Err(error) => return Err(error),
        }
        let remember = [request.into(), account.into(), attempt, now.into()];
        transaction.execute(REMEMBER_REQUEST, &remember).await?;
        registrations::forget_of_account(&mut transaction, proof.account_id).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
