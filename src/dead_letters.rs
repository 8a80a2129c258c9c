//! What could not be handled and was put aside: events that a consumer failed at, and work that a reactor gave up.
//! Listed here, and given another try when an operator asks for it; never dropped.
//!
//! Another try is only asked for: whoever follows the log, or does the work, makes it. Both are harmless when
//! they had been handled after all.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::Clock;
use crate::database::page::{Cursor, LARGEST, ListError, Page, Place};
use crate::database::{Database, DatabaseError, Row, Value};

/// Both kinds in one shape. `id` is unique among both and says which it is.
const LETTERS: &str = "SELECT 'event:' || consumer || ':' || CAST(position AS TEXT) AS id, 'event' AS kind, \
     consumer AS failed_at, CAST(position AS TEXT) AS subject, error, parked_at, replays AS attempts, \
     CAST(CASE WHEN replay_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS waits FROM parked_events \
     UNION ALL SELECT 'work:' || id, 'work', kind, id, COALESCE(last_error, ''), parked_at, attempts, CAST(0 AS BIGINT) \
     FROM work WHERE parked_at IS NOT NULL";

/// What was put aside. Cheap to clone.
#[derive(Clone)]
pub struct DeadLetters {
    database: Database,
    clock: Arc<dyn Clock>,
}

/// Which of them. Every given field must hold.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// `event` or `work`.
    pub kind: Option<String>,
    /// The consumer, or the kind of work.
    pub failed_at: Option<String>,
}

/// One that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    pub id: String,
    /// `event` or `work`.
    pub kind: String,
    /// The consumer, or the kind of work.
    pub failed_at: String,
    /// The event's position in the log, or what the work is about.
    pub subject: String,
    /// Why, as it was told last.
    pub error: String,
    pub parked_at: DateTime<Utc>,
    /// Tries of the work; of an event, those since it was put aside.
    pub attempts: i64,
    /// Whether another try was asked for and has not been made yet.
    pub waits: bool,
}

impl DeadLetters {
    /// Those in this database.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// A page of them, newest first.
    pub async fn list(
        &self,
        which: &Which,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<DeadLetter>, ListError> {
        let limit = limit.clamp(1, LARGEST);
        let place = Place::parse(cursor)?;
        let (condition, mut values) = which.condition();
        let mut sql = format!("SELECT * FROM ({LETTERS}) AS letters WHERE 1 = 1{condition}");
        place.end(&mut sql, &mut values, ("parked_at", "id"), limit);
        let rows = self.database.fetch_all(&sql, &values).await?;
        let rows = rows.iter().map(read).collect::<Result<_, DatabaseError>>()?;
        Ok(place.page(rows, limit))
    }

    /// How many there are of each kind.
    pub async fn count(&self, which: &Which) -> Result<i64, ListError> {
        let (condition, values) = which.condition();
        let sql = format!("SELECT COUNT(*) AS n FROM ({LETTERS}) AS letters WHERE 1 = 1{condition}");
        Ok(self.database.fetch_one(&sql, &values).await?.int("n")?)
    }

    /// Asks for another try of one. Answers whether it is there.
    pub async fn replay(&self, id: &str) -> Result<bool, ListError> {
        let now = self.clock.now().timestamp_micros();
        let changed = match id.split_once(':') {
            Some(("work", work)) => {
                let sql = format!("UPDATE work SET {WORK_AGAIN} WHERE id = $2 AND parked_at IS NOT NULL");
                self.database.execute(&sql, &[now.into(), work.into()]).await?
            }
            Some(("event", event)) => {
                let Some((consumer, position)) = event.rsplit_once(':') else { return Ok(false) };
                let Ok(position) = position.parse::<i64>() else { return Ok(false) };
                let sql = "UPDATE parked_events SET replay_at = $1 WHERE consumer = $2 AND position = $3";
                self.database.execute(sql, &[now.into(), consumer.into(), position.into()]).await?
            }
            _ => 0,
        };
        Ok(changed == 1)
    }

    /// Asks for another try of all of these; answers how many they are.
    pub async fn replay_all(&self, which: &Which) -> Result<i64, ListError> {
        let now = self.clock.now().timestamp_micros();
        let mut replayed = 0;
        let mut transaction = self.database.begin().await?;
        for (kind, table, again, parked) in [
            ("event", "parked_events", "replay_at = $1", "replay_at IS NULL"),
            ("work", "work", WORK_AGAIN, "parked_at IS NOT NULL"),
        ] {
            if which.kind.as_deref().is_some_and(|wanted| wanted != kind) {
                continue;
            }
            let mut values: Vec<Value> = vec![now.into()];
            let mut sql = format!("UPDATE {table} SET {again} WHERE {parked}");
            if let Some(failed_at) = &which.failed_at {
                values.push(failed_at.into());
                sql.push_str(if kind == "event" { " AND consumer = $2" } else { " AND kind = $2" });
            }
            replayed += transaction.execute(&sql, &values).await?;
        }
        transaction.commit().await?;
        Ok(i64::try_from(replayed).unwrap_or(i64::MAX))
    }
}

/// As if it had been asked for just now.
const WORK_AGAIN: &str = "parked_at = NULL, leased_until = 0, attempts = 0, due_at = $1";

impl Which {
    fn condition(&self) -> (String, Vec<Value>) {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for (column, value) in [("kind", &self.kind), ("failed_at", &self.failed_at)] {
            if let Some(value) = value {
                values.push(value.into());
                sql.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        (sql, values)
    }
}

fn read(row: &Row) -> Result<(Cursor, DeadLetter), DatabaseError> {
    let (id, at) = (row.text("id")?, row.int("parked_at")?);
    let letter = DeadLetter {
        id: id.clone(),
        kind: row.text("kind")?,
        failed_at: row.text("failed_at")?,
        subject: row.text("subject")?,
        error: row.text("error")?,
        parked_at: DateTime::from_timestamp_micros(at).unwrap_or_default(),
        attempts: row.int("attempts")?,
        waits: row.int("waits")? == 1,
    };
    Ok((Cursor { at, id }, letter))
}
