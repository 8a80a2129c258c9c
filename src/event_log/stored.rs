//! Stored events of streams, read as cqrs-es knows them: on PostgreSQL through postgres-es, on SQLite and for
//! many streams at once by our own statements.

use cqrs_es::Aggregate;
use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use postgres_es::PostgresEventRepository;

use super::append::AppendError;
use super::streams::StreamError;
use crate::database::{Database, DatabaseError, Row};

/// Where loading starts: the newest event of a type, else the first event. `None`: the stream is empty.
pub async fn start_of(
    database: &Database,
    kind: &str,
    stream: &str,
    event_type: &str,
) -> Result<Option<i64>, DatabaseError> {
    let sql = "
        SELECT (SELECT sequence FROM events WHERE aggregate_type = $1 AND aggregate_id = $2
                ORDER BY sequence DESC LIMIT 1) AS last,
               (SELECT sequence FROM events WHERE aggregate_type = $1 AND aggregate_id = $2
                  AND event_type = $3 ORDER BY sequence DESC LIMIT 1) AS newest";
    let row = database.fetch_one(sql, &[kind.into(), stream.into(), event_type.into()]).await?;
    let newest = row.optional_int("newest")?;
    Ok(row.optional_int("last")?.map(|_| newest.unwrap_or(0)))
}

pub async fn through_postgres_es<A: Aggregate>(
    pool: &sqlx::PgPool,
    stream: &str,
    start: i64,
) -> Result<Vec<SerializedEvent>, StreamError> {
    let repository = PostgresEventRepository::new(pool.clone());
    let before = usize::try_from(start - 1).unwrap_or_default();
    let loaded = if before == 0 {
        repository.get_events::<A>(stream).await
    } else {
        repository.get_last_events::<A>(stream, before).await
    };
    // Its errors are boxed beyond recognition; reading again later can always help.
    loaded.map_err(|error| AppendError::Transient(error.to_string()).into())
}

pub async fn select_one(
    database: &Database,
    kind: &str,
    stream: &str,
    start: i64,
) -> Result<Vec<SerializedEvent>, DatabaseError> {
    let sql = "SELECT aggregate_type, aggregate_id, sequence, event_type, event_version,
                      CAST(payload AS TEXT) AS payload, CAST(metadata AS TEXT) AS metadata
               FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence >= $3 ORDER BY sequence";
    let rows = database.fetch_all(sql, &[kind.into(), stream.into(), start.into()]).await?;
    rows.iter().map(serialized).collect()
}

pub async fn select_many(
    database: &Database,
    kind: &str,
    streams: &[String],
) -> Result<Vec<SerializedEvent>, DatabaseError> {
    let sql = format!(
        "SELECT aggregate_type, aggregate_id, sequence, event_type, event_version,
                CAST(payload AS TEXT) AS payload, CAST(metadata AS TEXT) AS metadata
         FROM events WHERE aggregate_type = $1 AND aggregate_id IN {}
         ORDER BY aggregate_id, sequence",
        database.dialect().texts(2)
    );
    let list = serde_json::json!(streams).to_string();
    let rows = database.fetch_all(&sql, &[kind.into(), list.into()]).await?;
    rows.iter().map(serialized).collect()
}

/// A row of `events` as cqrs-es knows it. What is not JSON reads as null and fails where it is decoded.
pub fn serialized(row: &Row) -> Result<SerializedEvent, DatabaseError> {
    Ok(SerializedEvent::new(
        row.text("aggregate_id")?,
        usize::try_from(row.int("sequence")?).unwrap_or_default(),
        row.text("aggregate_type")?,
        row.text("event_type")?,
        row.text("event_version")?,
        serde_json::from_str(&row.text("payload")?).unwrap_or_default(),
        serde_json::from_str(&row.text("metadata")?).unwrap_or_default(),
    ))
}
