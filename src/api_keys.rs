//! API keys: which services and operators may make which calls.
//!
//! A key is shown once, when it is made; kept is a digest of its secret. Keys are a record of their own,
//! like the directory: no event tells of them. Must never log or return a secret a second time.

mod scope;
#[cfg(test)]
mod tests;
mod token;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;
use secrecy::SecretString;
use tokio::time::Instant;

pub use scope::{Scope, Scopes, UnknownScope};
pub use token::PREFIX;

use crate::clock::Clock;
use crate::database::{Database, DatabaseError, Row};
use crate::domain::id::ApiKeyId;
use token::{Presented, SecretDigest};

/// Keys that are remembered, and for how long: a key that was revoked elsewhere works here no longer than
/// that.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).expect("1,000 is not zero");
const REMEMBERED_FOR: Duration = Duration::from_secs(1);
/// A use is noted when the one noted before is older than this.
const USE_SPACING: TimeDelta = TimeDelta::minutes(5);

/// Characters of a name at most.
pub const LONGEST_NAME: usize = 100;
/// The longest life of a key that expires at all.
pub const LONGEST_LIFE: TimeDelta = TimeDelta::days(3650);

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    /// For people, to tell keys apart.
    pub name: String,
    pub scopes: Scopes,
    /// `cli`, `operator` for the admin key, else the id of a key or an account.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// Exact to some minutes.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether it opens anything at this instant.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && !self.is_expired(now)
    }

    /// `active`, `revoked` or `expired`.
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.revoked_at {
            Some(_) => "revoked",
            None if self.is_expired(now) => "expired",
            None => "active",
        }
    }

    fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// A key that shall be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    name: String,
    scopes: Scopes,
    lifetime: Option<TimeDelta>,
    created_by: String,
}

/// Why there can be no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    #[error("a name has from 1 to {LONGEST_NAME} characters, none of them a control character")]
    Name,
    #[error("a key without a scope opens nothing: name at least one")]
    NoScope,
    #[error("a key lives for at least a second and at most ten years")]
    Lifetime,
}

impl NewApiKey {
    /// Checks what was asked for. Without a lifetime the key never expires.
    pub fn new(
        name: &str,
        scopes: Scopes,
        lifetime: Option<TimeDelta>,
        created_by: impl ToString,
    ) -> Result<Self, InvalidApiKey> {
        let is_name = (1..=LONGEST_NAME).contains(&name.chars().count())
            && !name.chars().any(char::is_control)
            && name.trim() == name;
        if !is_name {
            return Err(InvalidApiKey::Name);
        }
        if scopes.is_empty() {
            return Err(InvalidApiKey::NoScope);
        }
        if lifetime.is_some_and(|lifetime| lifetime < TimeDelta::seconds(1) || lifetime > LONGEST_LIFE) {
            return Err(InvalidApiKey::Lifetime);
        }
        Ok(Self { name: name.to_owned(), scopes, lifetime, created_by: created_by.to_string() })
    }
}

/// Every key of this installation. Cheap to clone.
#[derive(Clone)]
pub struct ApiKeys {
    database: Database,
    clock: Arc<dyn Clock>,
    remembered: Arc<Mutex<LruCache<ApiKeyId, Remembered>>>,
}

struct Remembered {
    key: ApiKey,
    digest: SecretDigest,
    since: Instant,
}

const COLUMNS: &str =
    "id, name, secret_digest, scopes, created_by, created_at, expires_at, revoked_at, last_used_at";

impl ApiKeys {
    /// The keys in this database.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock, remembered: Arc::new(Mutex::new(LruCache::new(REMEMBERED))) }
    }

    /// Makes a key; answers it with its text, which nobody can show again.
    pub async fn create(&self, new: NewApiKey) -> Result<(ApiKey, SecretString), DatabaseError> {
        let now = self.clock.now();
        let id = ApiKeyId::from_uuid(self.clock.uuid());
        let (text, digest) = token::make(id, self.clock.as_ref());
        let key = ApiKey {
            id,
            name: new.name,
            scopes: new.scopes,
            created_by: new.created_by,
            created_at: now,
            expires_at: new.lifetime.map(|lifetime| now + lifetime),
            revoked_at: None,
            last_used_at: None,
        };
        let sql = "INSERT INTO api_keys (id, name, secret_digest, scopes, created_by, created_at, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = [
            id.to_string().into(),
            (&key.name).into(),
            digest.to_hex().into(),
            key.scopes.to_string().into(),
            (&key.created_by).into(),
            now.timestamp_micros().into(),
            key.expires_at.map(|at| at.timestamp_micros()).into(),
        ];
        self.database.execute(sql, &values).await?;
        Ok((key, text))
    }

    /// The key that this text is, if it opens anything now.
    pub async fn authenticate(&self, text: &str) -> Result<Option<ApiKey>, DatabaseError> {
        let Some(presented) = Presented::parse(text) else { return Ok(None) };
        let Some((key, digest)) = self.find(presented.id).await? else { return Ok(None) };
        let now = self.clock.now();
        if !presented.is(&digest) || !key.is_active(now) {
            return Ok(None);
        }
        self.note_use(&key, now).await;
        Ok(Some(key))
    }

    /// Keys older than this one, newest first.
    pub async fn list(&self, before: Option<ApiKeyId>, limit: usize) -> Result<Vec<ApiKey>, DatabaseError> {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        let sql =
            format!("SELECT {COLUMNS} FROM api_keys WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2");
        let rows = self.database.fetch_all(&sql, &[before.into(), limit.into()]).await?;
        rows.iter().filter_map(|row| read(row).transpose()).map(|read| Ok(read?.0)).collect()
    }

    /// Ends a key, here at once and in other processes within a second. Answers whether there is such a key;
    /// one that was revoked before stays as it is.
    pub async fn revoke(&self, id: ApiKeyId) -> Result<bool, DatabaseError> {
        let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";
        let values = [id.to_string().into(), self.clock.now().timestamp_micros().into()];
        let changed = self.database.execute(sql, &values).await?;
        self.lock().pop(&id);
        Ok(changed > 0)
    }

    async fn find(&self, id: ApiKeyId) -> Result<Option<(ApiKey, SecretDigest)>, DatabaseError> {
        if let Some(known) = self.lock().get(&id)
            && known.since.elapsed() < REMEMBERED_FOR
        {
            return Ok(Some((known.key.clone(), known.digest.clone())));
        }
        // Before the look: what is revoked while it is under way must not be remembered for longer.
        let since = Instant::now();
        let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1");
        let row = self.database.fetch_optional(&sql, &[id.to_string().into()]).await?;
        let found = row.as_ref().map(read).transpose()?.flatten();
        if let Some((key, digest)) = &found {
            let known = Remembered { key: key.clone(), digest: digest.clone(), since };
            self.lock().put(id, known);
        }
        Ok(found)
    }

    /// Moves the time of the last use on, if the one noted is old. Of many requests at once one writes; what
    /// cannot be noted hinders nobody.
    async fn note_use(&self, key: &ApiKey, now: DateTime<Utc>) {
        let is_due = |noted: Option<DateTime<Utc>>| noted.is_none_or(|noted| now - noted >= USE_SPACING);
        let is_mine = match self.lock().get_mut(&key.id) {
            Some(known) if is_due(known.key.last_used_at) => {
                known.key.last_used_at = Some(now);
                true
            }
            Some(_) => false,
            None => is_due(key.last_used_at),
        };
        if !is_mine {
            return;
        }
        let sql = "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND coalesce(last_used_at, 0) < $2";
        let values = [key.id.to_string().into(), now.timestamp_micros().into()];
        if let Err(error) = self.database.execute(sql, &values).await {
            tracing::warn!(key = %key.id, %error, "the use of a key was not noted");
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<ApiKeyId, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` for a row that was not written by this code: it opens nothing.
fn read(row: &Row) -> Result<Option<(ApiKey, SecretDigest)>, DatabaseError> {
    let time = |micros: Option<i64>| micros.and_then(DateTime::from_timestamp_micros);
    let id = row.text("id")?;
    let parsed =
        (id.parse(), SecretDigest::from_hex(&row.text("secret_digest")?), row.text("scopes")?.parse());
    let (Ok(id), Some(digest), Ok(scopes)) = parsed else {
        tracing::error!(key = %id, "the row of a key cannot be read");
        return Ok(None);
    };
    let key = ApiKey {
        id,
        name: row.text("name")?,
        scopes,
        created_by: row.text("created_by")?,
        created_at: time(Some(row.int("created_at")?)).unwrap_or_default(),
        expires_at: time(row.optional_int("expires_at")?),
        revoked_at: time(row.optional_int("revoked_at")?),
        last_used_at: time(row.optional_int("last_used_at")?),
    };
    Ok(Some((key, digest)))
}
