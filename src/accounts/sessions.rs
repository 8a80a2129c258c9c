//! Who is signed in: opaque tokens, kept as hashes, that end by themselves.
//!
//! A session is alive while it is used (idle limit), until its age is over (absolute limit), and under the
//! credential version that it began with: whatever moves the version ends it in that very write. Never keeps
//! a token, nor where somebody came from.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::built_in::{account, broken, micros, time};
use super::{Account, DirectoryError};
use crate::clock::Clock;
use crate::database::{Database, Row};
use crate::domain::id::{AccountId, SessionId};

/// What every token starts with.
pub const PREFIX: &str = "bss_";
const TOKEN_BYTES: usize = 32;
/// The time of last use is this coarse, so that most requests write nothing.
const COARSENESS: TimeDelta = TimeDelta::minutes(5);
/// Sessions that are shown at most, the newest.
const MOST_LISTED: u32 = 200;

/// The account's own insertion: none if the account has changed since it was read.
const OPEN: &str = "\
    INSERT INTO sessions (id, token_hash, account_id, credential_version, browser, created_at, last_used_at)
    SELECT $1, $2, id, credential_version, $3, $4, $4 FROM accounts
    WHERE id = $5 AND credential_version = $6 AND disabled = 0";

const FIND: &str = "\
    SELECT s.id AS session_id, s.browser, s.created_at AS began_at, s.last_used_at,
           a.id, a.address, a.name, a.role, a.credential_version, a.disabled, a.verified_at, a.created_at
    FROM sessions s JOIN accounts a ON a.id = s.account_id
    WHERE s.token_hash = $1 AND s.credential_version = a.credential_version AND a.disabled = 0";

const LIST: &str = "\
    SELECT s.id AS session_id, s.browser, s.created_at AS began_at, s.last_used_at
    FROM sessions s JOIN accounts a ON a.id = s.account_id
    WHERE a.id = $1 AND s.credential_version = a.credential_version
      AND s.last_used_at > $2 AND s.created_at > $3
    ORDER BY s.created_at DESC, s.id DESC LIMIT $4";

const TOUCH: &str = "UPDATE sessions SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1";

const SUPERSEDED: &str = "\
    DELETE FROM sessions WHERE credential_version <>
        (SELECT a.credential_version FROM accounts a WHERE a.id = sessions.account_id)";

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// One that is not used for so long has ended.
    pub idle: TimeDelta,
    /// None gets older.
    pub lifetime: TimeDelta,
}

/// The sessions of the built-in directory. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    database: Database,
    clock: Arc<dyn Clock>,
    policy: SessionPolicy,
}

/// One session, as its owner may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it; opens nothing.
    pub id: SessionId,
    /// Rough words for the browser, where it said something.
    pub browser: Option<String>,
    /// When somebody signed in.
    pub created_at: DateTime<Utc>,
    /// To some minutes.
    pub last_used_at: DateTime<Utc>,
    /// When it ends if it is not used again.
    pub expires_at: DateTime<Utc>,
}

/// A session that began just now.
#[derive(Debug)]
pub struct Opened {
    /// Shown once, to whoever signed in.
    pub token: SecretString,
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub account: Account,
}

/// Whoever makes a request with a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// As it stands now.
    pub account: Account,
    /// The session of this request.
    pub session: Session,
}

impl Sessions {
    /// Sessions in this database.
    pub fn new(database: Database, clock: Arc<dyn Clock>, policy: SessionPolicy) -> Self {
        Self { database, clock, policy }
    }

    /// Begins a session for the account as it was read: if what lets its owner in has changed since, there is
    /// none.
    pub async fn open(
        &self,
        account: Account,
        browser: Option<String>,
    ) -> Result<Option<Opened>, DirectoryError> {
        let now = self.clock.now();
        let id = SessionId::from_uuid(self.clock.uuid());
        let mut secret = [0; TOKEN_BYTES];
        self.clock.fill(&mut secret);
        let values = [
            id.to_string().into(),
            hash(&secret).into(),
            browser.clone().into(),
            micros(now).into(),
            account.id.to_string().into(),
            account.credential_version.into(),
        ];
        if self.database.execute(OPEN, &values).await? == 0 {
            return Ok(None);
        }
        let token = SecretString::from(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret)));
        Ok(Some(Opened { token, session: self.session(id, browser, now, now), account }))
    }

    /// Whose living session this token is; notes that it was used.
    pub async fn find(&self, token: &str) -> Result<Option<SignedIn>, DirectoryError> {
        let Some(secret) = parse(token) else { return Ok(None) };
        let Some(row) = self.database.fetch_optional(FIND, &[hash(&secret).into()]).await? else {
            return Ok(None);
        };
        let (mut session, now) = (self.read(&row)?, self.clock.now());
        if session.expires_at <= now {
            return Ok(None);
        }
        if session.last_used_at + COARSENESS.min(self.policy.idle / 10) <= now {
            session = self.touch(session, now).await;
        }
        Ok(Some(SignedIn { account: account(&row)?, session }))
    }

    /// A time that cannot be noted is no reason to turn somebody away.
    async fn touch(&self, session: Session, now: DateTime<Utc>) -> Session {
        let values = [micros(now).into(), session.id.to_string().into()];
        match self.database.execute(TOUCH, &values).await {
            Ok(_) => self.session(session.id, session.browser, session.created_at, now),
            Err(error) => {
                tracing::warn!(%error, "the use of a session was not noted");
                session
            }
        }
    }

    /// The living sessions of an account, newest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Session>, DirectoryError> {
        let now = self.clock.now();
        let values = [
            account.to_string().into(),
            micros(now - self.policy.idle).into(),
            micros(now - self.policy.lifetime).into(),
            MOST_LISTED.into(),
        ];
        let rows = self.database.fetch_all(LIST, &values).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// Ends one session of this account; whether there was one.
    pub async fn revoke(&self, account: AccountId, session: SessionId) -> Result<bool, DirectoryError> {
        let sql = "DELETE FROM sessions WHERE id = $1 AND account_id = $2";
        let values = [session.to_string().into(), account.to_string().into()];
        Ok(self.database.execute(sql, &values).await? == 1)
    }

    /// Ends every session of this account but this one; how many there were.
    pub async fn revoke_others(&self, account: AccountId, kept: SessionId) -> Result<u64, DirectoryError> {
        let sql = "DELETE FROM sessions WHERE account_id = $1 AND id <> $2";
        Ok(self.database.execute(sql, &[account.to_string().into(), kept.to_string().into()]).await?)
    }

    /// Deletes what has ended; how many there were.
    pub async fn tidy(&self) -> Result<u64, DirectoryError> {
        let now = self.clock.now();
        let sql = "DELETE FROM sessions WHERE last_used_at <= $1 OR created_at <= $2";
        let over = [micros(now - self.policy.idle).into(), micros(now - self.policy.lifetime).into()];
        let expired = self.database.execute(sql, &over).await?;
        Ok(expired + self.database.execute(SUPERSEDED, &[]).await?)
    }

    fn read(&self, row: &Row) -> Result<Session, DirectoryError> {
        let id = row.text("session_id")?.parse().map_err(|_| broken("id"))?;
        let (began, used) = (time(row.int("began_at")?)?, time(row.int("last_used_at")?)?);
        Ok(self.session(id, row.optional_text("browser")?, began, used))
    }

    fn session(
        &self,
        id: SessionId,
        browser: Option<String>,
        created_at: DateTime<Utc>,
        last_used_at: DateTime<Utc>,
    ) -> Session {
        let expires_at = (last_used_at + self.policy.idle).min(created_at + self.policy.lifetime);
        Session { id, browser, created_at, last_used_at, expires_at }
    }
}

/// The one form that a token has.
fn parse(token: &str) -> Option<[u8; TOKEN_BYTES]> {
    BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?.try_into().ok()
}

/// 256 random bits need no slow hash.
fn hash(secret: &[u8; TOKEN_BYTES]) -> String {
    hex::encode(Sha256::digest(secret))
}
