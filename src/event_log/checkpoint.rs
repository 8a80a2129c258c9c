//! How far each consumer has come. The row's lock is the consumer's leadership: on any number of nodes, one
//! at a time moves it, in the transaction of what it has written.

use chrono::{DateTime, Utc};

use super::Consumer;
use crate::database::{Database, DatabaseError, Dialect, Transaction};

/// Makes the consumer's row if there is none.
pub async fn ensure(database: &Database, consumer: &dyn Consumer) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO checkpoints (consumer, position, code_version, updated_at)
               VALUES ($1, 0, $2, 0) ON CONFLICT (consumer) DO NOTHING";
    database.execute(sql, &[consumer.name().into(), consumer.code_version().into()]).await?;
    Ok(())
}

/// Where the consumer stands, without locking anything.
pub async fn position(database: &Database, consumer: &str) -> Result<i64, DatabaseError> {
    let sql = "SELECT position FROM checkpoints WHERE consumer = $1";
    let row = database.fetch_optional(sql, &[consumer.into()]).await?;
    row.map_or(Ok(0), |row| row.int("position"))
}

/// Takes the leadership for this transaction. `None`: somebody else has it, or newer code does.
pub async fn lock(
    transaction: &mut Transaction,
    consumer: &dyn Consumer,
) -> Result<Option<i64>, DatabaseError> {
    let sql = match transaction.dialect() {
        Dialect::Postgres => {
            "SELECT position FROM checkpoints WHERE consumer = $1 AND code_version <= $2 FOR UPDATE SKIP LOCKED"
        }
        Dialect::Sqlite => "SELECT position FROM checkpoints WHERE consumer = $1 AND code_version <= $2",
    };
    let values = [consumer.name().into(), consumer.code_version().into()];
    transaction.fetch_optional(sql, &values).await?.map(|row| row.int("position")).transpose()
}

/// Moves the checkpoint. The lock must be held.
pub async fn advance(
    transaction: &mut Transaction,
    consumer: &dyn Consumer,
    position: i64,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE checkpoints SET position = $2, code_version = $3, updated_at = $4 WHERE consumer = $1";
    let values = [
        consumer.name().into(),
        position.into(),
        consumer.code_version().into(),
        now.timestamp_micros().into(),
    ];
    transaction.execute(sql, &values).await?;
    Ok(())
}

/// Whether the consumer has a checkpoint.
pub async fn exists(database: &Database, consumer: &str) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 AS one FROM checkpoints WHERE consumer = $1";
    Ok(database.fetch_optional(sql, &[consumer.into()]).await?.is_some())
}

/// Whether newer code has moved the consumer's checkpoint.
pub async fn is_newer(database: &Database, consumer: &dyn Consumer) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 AS one FROM checkpoints WHERE consumer = $1 AND code_version > $2";
    let values = [consumer.name().into(), consumer.code_version().into()];
    Ok(database.fetch_optional(sql, &values).await?.is_some())
}

/// The consumer is no more.
pub async fn remove(transaction: &mut Transaction, consumer: &str) -> Result<(), DatabaseError> {
    transaction.execute("DELETE FROM checkpoints WHERE consumer = $1", &[consumer.into()]).await?;
    Ok(())
}
