//! Events that a consumer could not handle: put aside where an operator sees them, and handled once more when
//! somebody asks for it. Whoever leads the consumer does that, in a transaction of its own.

use chrono::{DateTime, Utc};

use super::Consumer;
use crate::database::{Database, DatabaseError, Transaction};

/// Puts an event aside for the consumer.
pub async fn park(
    transaction: &mut Transaction,
    consumer: &dyn Consumer,
    position: i64,
    error: &str,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO parked_events (consumer, position, error, parked_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (consumer, position) DO NOTHING";
    let values = [consumer.name().into(), position.into(), error.into(), now.timestamp_micros().into()];
    transaction.execute(sql, &values).await?;
    Ok(())
}

/// Events that were put aside, over all consumers.
pub async fn count(database: &Database) -> Result<i64, DatabaseError> {
    database.fetch_one("SELECT count(*) AS n FROM parked_events", &[]).await?.int("n")
}

/// The next event that shall be handled once more.
pub async fn next(database: &Database, consumer: &str) -> Result<Option<i64>, DatabaseError> {
    let sql = "SELECT MIN(position) AS position FROM parked_events
               WHERE consumer = $1 AND replay_at IS NOT NULL";
    database.fetch_one(sql, &[consumer.into()]).await?.optional_int("position")
}

/// It was handled: nothing is left of it here. Answers whether it was there.
pub async fn forget(
    transaction: &mut Transaction,
    consumer: &str,
    position: i64,
) -> Result<bool, DatabaseError> {
    let sql = "DELETE FROM parked_events WHERE consumer = $1 AND position = $2 AND replay_at IS NOT NULL";
    Ok(transaction.execute(sql, &[consumer.into(), position.into()]).await? == 1)
}

/// It failed once more: it stays, with the new reason.
pub async fn keep(
    database: &Database,
    consumer: &str,
    position: i64,
    error: &str,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE parked_events SET error = $3, replay_at = NULL, replays = replays + 1
               WHERE consumer = $1 AND position = $2";
    database.execute(sql, &[consumer.into(), position.into(), error.into()]).await?;
    Ok(())
}

/// What one consumer failed at becomes another's, or nobody's.
pub async fn rename(
    transaction: &mut Transaction,
    consumer: &str,
    name: Option<&str>,
) -> Result<(), DatabaseError> {
    match name {
        Some(name) => {
            let sql = "UPDATE parked_events SET consumer = $2 WHERE consumer = $1";
            transaction.execute(sql, &[consumer.into(), name.into()]).await?
        }
        None => {
            transaction.execute("DELETE FROM parked_events WHERE consumer = $1", &[consumer.into()]).await?
        }
    };
    Ok(())
}
