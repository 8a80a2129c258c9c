//! The table of work: rows written with the checkpoint of whoever schedules them, leased by whoever does them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::database::{Database, DatabaseError, Row, Transaction, Value};

/// How long a worker has for a piece of work. Every call to the outside must time out well before.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);

/// Work that an event asks for.
#[derive(Debug, Clone)]
pub struct NewWork {
    /// What it is about, unique within its kind.
    pub subject: String,
    /// Ids as JSON; never personal data.
    pub payload: String,
    /// Not before this time.
    pub due_at: DateTime<Utc>,
}

impl NewWork {
    /// Work on a subject, due at this time.
    pub fn new(subject: impl ToString, payload: &impl Serialize, due_at: DateTime<Utc>) -> Self {
        let payload = serde_json::to_string(payload).expect("ids serialise");
        Self { subject: subject.to_string(), payload, due_at }
    }
}

/// Leased work.
#[derive(Debug, Clone)]
pub struct Work {
    /// `kind:subject`.
    pub id: String,
    payload: String,
    /// How often it was leased, this time included.
    pub attempts: u32,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

impl Work {
    /// The ids that it is about.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.payload)
    }
}

/// What shall become of a row.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// It goes.
    Done { id: String },
    /// It is due again.
    Later { id: String, due_at: DateTime<Utc>, why: String },
    /// It stays for an operator to see.
    Parked { id: String, at: DateTime<Utc>, why: String },
}

/// Writes work down, once per kind and subject.
pub async fn insert(
    transaction: &mut Transaction,
    work: Vec<(&'static str, NewWork)>,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let rows = work
        .into_iter()
        .map(|(kind, work)| {
            vec![
                format!("{kind}:{}", work.subject).into(),
                kind.into(),
                work.payload.into(),
                work.due_at.timestamp_micros().into(),
                now.timestamp_micros().into(),
            ]
        })
        .collect();
    let columns = ["id", "kind", "payload", "due_at", "created_at"];
    transaction.insert_many("work", &columns, rows, "ON CONFLICT (id) DO NOTHING").await?;
    Ok(())
}

/// Leases due work of a kind.
pub async fn claim(
    database: &Database,
    kind: &str,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Work>, DatabaseError> {
    let at = now.timestamp_micros();
    let due = "SELECT 1 AS one FROM work
               WHERE kind = $1 AND parked_at IS NULL AND due_at <= $2 AND leased_until <= $2 LIMIT 1";
    // A look costs no lock and no commit; most of the time there is nothing.
    if database.fetch_optional(due, &[kind.into(), at.into()]).await?.is_none() {
        return Ok(vec![]);
    }
    let lease = database.dialect().pick(
        "UPDATE work SET leased_until = $3, attempts = attempts + 1 WHERE id IN (
             SELECT id FROM work WHERE kind = $1 AND parked_at IS NULL AND due_at <= $2 AND leased_until <= $2
             ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING id, payload, attempts, created_at",
        "UPDATE work SET leased_until = $3, attempts = attempts + 1 WHERE id IN (
             SELECT id FROM work WHERE kind = $1 AND parked_at IS NULL AND due_at <= $2 AND leased_until <= $2
             ORDER BY due_at LIMIT $4)
         RETURNING id, payload, attempts, created_at",
    );
    let until = (now + LEASE).timestamp_micros();
    let values = [kind.into(), at.into(), until.into(), Value::from(limit)];
    let mut transaction = database.begin().await?;
    let rows = transaction.fetch_all(lease, &values).await?;
    transaction.commit().await?;
    rows.iter().map(read).collect()
}

/// Settles many rows in one transaction.
pub async fn settle(database: &Database, settlements: &[Settlement]) -> Result<(), DatabaseError> {
    let mut transaction = database.begin().await?;
    for settlement in settlements {
        match settlement {
            Settlement::Done { id } => {
                transaction.execute("DELETE FROM work WHERE id = $1", &[id.into()]).await?;
            }
            Settlement::Later { id, due_at, why } => {
                let sql = "UPDATE work SET due_at = $2, leased_until = 0, last_error = $3 WHERE id = $1";
                transaction.execute(sql, &[id.into(), due_at.timestamp_micros().into(), why.into()]).await?;
            }
            Settlement::Parked { id, at, why } => {
                let sql = "UPDATE work SET parked_at = $2, leased_until = 0, last_error = $3 WHERE id = $1";
                transaction.execute(sql, &[id.into(), at.timestamp_micros().into(), why.into()]).await?;
            }
        }
    }
    transaction.commit().await
}

/// Gives back every lease: for a process that knows itself to be the only one.
pub async fn release_all(database: &Database) -> Result<(), DatabaseError> {
    database.execute("UPDATE work SET leased_until = 0 WHERE leased_until > 0", &[]).await.map(|_| ())
}

/// Work that is due by now, for whoever waits until all is done.
pub async fn count_due(database: &Database, now: DateTime<Utc>) -> Result<i64, DatabaseError> {
    let sql = "SELECT count(*) AS n FROM work WHERE parked_at IS NULL AND due_at <= $1";
    database.fetch_one(sql, &[now.timestamp_micros().into()]).await?.int("n")
}

/// What waits in the outbox, and what was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMails {
    /// Mails that wait to be handed over.
    pub count: i64,
    /// When the oldest of them was asked for.
    pub oldest: Option<DateTime<Utc>>,
    /// Those of them that were tried already.
    pub failing: i64,
    /// Why one of them was not taken the last time.
    pub last_error: Option<String>,
    /// Work of any kind that waits for an operator.
    pub parked: i64,
}

/// How the work stands.
pub async fn waiting(database: &Database, kind: &str) -> Result<WaitingMails, DatabaseError> {
    let sql = "SELECT (SELECT count(*) FROM work WHERE kind = $1 AND parked_at IS NULL) AS count,
                      (SELECT min(created_at) FROM work WHERE kind = $1 AND parked_at IS NULL) AS oldest,
                      (SELECT count(*) FROM work
                        WHERE kind = $1 AND parked_at IS NULL AND last_error IS NOT NULL) AS failing,
                      (SELECT last_error FROM work
                        WHERE kind = $1 AND parked_at IS NULL AND last_error IS NOT NULL
                        ORDER BY due_at DESC LIMIT 1) AS last_error,
                      (SELECT count(*) FROM work WHERE parked_at IS NOT NULL) AS parked";
    let row = database.fetch_one(sql, &[kind.into()]).await?;
    let oldest = row.optional_int("oldest")?;
    Ok(WaitingMails {
        count: row.int("count")?,
        oldest: oldest.and_then(DateTime::from_timestamp_micros),
        failing: row.int("failing")?,
        last_error: row.optional_text("last_error")?,
        parked: row.int("parked")?,
    })
}

fn read(row: &Row) -> Result<Work, DatabaseError> {
    Ok(Work {
        id: row.text("id")?,
        payload: row.text("payload")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        created_at: DateTime::from_timestamp_micros(row.int("created_at")?).unwrap_or_default(),
    })
}
