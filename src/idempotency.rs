//! Calls that may be repeated (draft-ietf-httpapi-idempotency-key-header): a caller gives a call a key of its
//! own, and whatever happens to the connection, the same key with the same body is the same call.
//!
//! What the call makes has ids that are derived from the id kept here, so repeating a call that was cut off
//! completes it. A record of its own, kept for a day; must never hold a body or an address.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::database::{Database, DatabaseError, Row};
use crate::domain::id::SendingId;
use crate::domain::keys::IndexKey;

/// How long a key is remembered.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// How long one attempt at the call may take; afterwards the next one may go on.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// A call, by its caller, the key that it gave, and what it wants.
pub struct Call<'a> {
    /// Keys of different callers are different keys.
    pub caller: &'a str,
    pub key: &'a str,
    /// The body in a canonical form.
    pub body: &'a [u8],
}

/// A call under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    id: String,
    /// What the ids of everything that it makes are derived from.
    pub sending: SendingId,
    /// When it was made first.
    pub at: DateTime<Utc>,
}

/// What a call is to be done about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is new, or was cut off: do it, then say [`IdempotencyKeys::finish`].
    Do(Begun),
    /// It was done; this is what was kept of its answer.
    Done { answer: String },
    /// Somebody is doing it right now.
    InProgress {
        /// Seconds.
        retry_after: u64,
    },
    /// The key was used for another body.
    OtherBody,
}

/// Why a call cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The row was not written by this code.
    #[error("the row of an idempotency key cannot be read")]
    Unreadable,
}

/// Every key that callers gave. Cheap to clone.
#[derive(Clone)]
pub struct IdempotencyKeys {
    database: Database,
    index: IndexKey,
    clock: Arc<dyn Clock>,
}

impl IdempotencyKeys {
    /// The keys in this database.
    pub fn new(database: Database, index: IndexKey, clock: Arc<dyn Clock>) -> Self {
        Self { database, index, clock }
    }

    /// A call without a key: it is new whenever it comes.
    pub fn once(&self) -> Begun {
        let at = self.clock.now();
        Begun { id: String::new(), sending: SendingId::from_uuid(self.clock.uuid()), at }
    }

    /// Takes up a call, unless it was done, or somebody else does it.
    pub async fn begin(&self, call: Call<'_>) -> Result<Verdict, IdempotencyError> {
        let now = self.clock.now();
        let id = self.index.fingerprint("idempotency key", &[call.caller.as_bytes(), call.key.as_bytes()]);
        let fingerprint = self.index.fingerprint("body", &[call.body]);
        let sending = SendingId::from_uuid(self.clock.uuid());
        let forgotten = (now - KEPT_FOR).timestamp_micros();
        let until = (now + LEASE).timestamp_micros();
        // One statement, so that of many at once one is the first; a key whose day is over starts anew.
        let insert = "INSERT INTO idempotency_keys (id, fingerprint, sending, started_at, leased_until)
                      VALUES ($1, $2, $3, $4, $5)
                      ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint,
                          sending = excluded.sending, started_at = excluded.started_at,
                          leased_until = excluded.leased_until, answer = NULL
                      WHERE idempotency_keys.started_at <= $6";
        let values = [
            id.as_str().into(),
            fingerprint.as_str().into(),
            sending.to_string().into(),
            now.timestamp_micros().into(),
            until.into(),
            forgotten.into(),
        ];
        if self.database.execute(insert, &values).await? > 0 {
            return Ok(Verdict::Do(Begun { id, sending, at: now }));
        }
        let select = "SELECT fingerprint, sending, started_at, leased_until, answer
                      FROM idempotency_keys WHERE id = $1";
        let row = self.database.fetch_one(select, &[id.as_str().into()]).await?;
        if row.text("fingerprint")? != fingerprint {
            return Ok(Verdict::OtherBody);
        }
        let begun = begun(id, &row)?;
        if let Some(answer) = row.optional_text("answer")? {
            return Ok(Verdict::Done { answer });
        }
        // It was cut off; of many who want to go on one may.
        let lease = "UPDATE idempotency_keys SET leased_until = $2
                     WHERE id = $1 AND leased_until <= $3 AND answer IS NULL";
        let values = [begun.id.as_str().into(), until.into(), now.timestamp_micros().into()];
        if self.database.execute(lease, &values).await? > 0 {
            return Ok(Verdict::Do(begun));
        }
        let left = row.int("leased_until")? - now.timestamp_micros();
        Ok(Verdict::InProgress { retry_after: u64::try_from(left / 1_000_000).unwrap_or_default() + 1 })
    }

    /// Keeps what a repetition needs to get the same answer.
    pub async fn finish(&self, begun: &Begun, answer: &str) -> Result<(), DatabaseError> {
        let sql = "UPDATE idempotency_keys SET answer = coalesce(answer, $2) WHERE id = $1 AND sending = $3";
        let values = [begun.id.as_str().into(), answer.into(), begun.sending.to_string().into()];
        self.database.execute(sql, &values).await.map(|_| ())
    }

    /// The call failed midway: whoever repeats it may go on at once.
    pub async fn release(&self, begun: &Begun) -> Result<(), DatabaseError> {
        let sql = "UPDATE idempotency_keys SET leased_until = 0 WHERE id = $1 AND sending = $2";
        let values = [begun.id.as_str().into(), begun.sending.to_string().into()];
        self.database.execute(sql, &values).await.map(|_| ())
    }
}

/// Gives back every lease: for a process that knows itself to be the only one.
pub async fn release_all(database: &Database) -> Result<(), DatabaseError> {
    let sql = "UPDATE idempotency_keys SET leased_until = 0 WHERE leased_until > 0 AND answer IS NULL";
    database.execute(sql, &[]).await.map(|_| ())
}

/// Forgets the keys whose day is over.
pub async fn forget_old(database: &Database, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let sql = "DELETE FROM idempotency_keys WHERE started_at <= $1";
    database.execute(sql, &[(now - KEPT_FOR).timestamp_micros().into()]).await
}

fn begun(id: String, row: &Row) -> Result<Begun, IdempotencyError> {
    let sending = row.text("sending")?.parse();
    let at = DateTime::from_timestamp_micros(row.int("started_at")?);
    match (sending, at) {
        (Ok(sending), Some(at)) => Ok(Begun { id, sending, at }),
        _ => Err(IdempotencyError::Unreadable),
    }
}
