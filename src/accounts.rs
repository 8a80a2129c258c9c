//! Stand-in with the agreed signatures; the real module replaces it.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId};

#[derive(Debug, Clone)]
pub struct Account {
    pub id: AccountId,
    pub address: EmailAddress,
    pub name: Option<String>,
    pub credential_version: i64,
    pub disabled: bool,
    pub verified: bool,
}

#[async_trait]
pub trait Directory: Send + Sync {
    async fn lookup(&self, address: &EmailAddress) -> Result<Option<Account>, DirectoryError>;
    async fn find(&self, account: AccountId) -> Result<Option<Account>, DirectoryError>;
    async fn set_password(&self, change: PasswordChange) -> Result<PasswordWritten, DirectoryError>;
}

pub struct PasswordChange {
    pub account_id: AccountId,
    pub request_id: RequestId,
    pub attempt: u32,
    pub expected_version: i64,
    pub hash: String,
}

pub enum PasswordWritten {
    Applied,
    Superseded,
}

#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("the directory is away: {0}")]
    Unavailable(String),
}

#[derive(Clone, Default)]
pub struct PasswordHasher;

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("too many passwords are being hashed")]
    Busy,
    #[error("a password hash is broken: {0}")]
    Broken(String),
}

impl PasswordHasher {
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        Ok(format!("hash of {} bytes", password.expose_secret().len()))
    }
}
