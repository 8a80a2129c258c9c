//! On PostgreSQL the function `append_events` (its migration tells how it works) does it in one statement
//! that is never part of a longer transaction.

use serde_json::json;

use super::super::append::{Append, AppendError, Appended};
use crate::database::{Database, DatabaseError};

/// The advisory lock under which `append_events` runs.
pub const LOCK: i64 = 4_207_180_011;

pub async fn batch(
    database: &Database,
    appends: &[Append],
) -> Result<Vec<Result<Appended, AppendError>>, DatabaseError> {
    let Database::Postgres(pool) = database else { unreachable!("the dialect was matched") };
    let (commands, events) = documents(appends);
    // Not through `Database::fetch_all`: a write must not be repeated when its connection dies.
    let rows =
        sqlx::query("SELECT verdict, first_sequence FROM append_events($1::text::json, $2::text::json)")
            .bind(commands)
            .bind(events)
            .fetch_all(pool)
            .await
            .map_err(DatabaseError::of_write)?;
    rows.into_iter().map(|row| super::outcome_of(&crate::database::Row::Postgres(row))).collect()
}

/// The batch as the function takes it. Payloads go in as they are, so that the column keeps their text.
fn documents(appends: &[Append]) -> (String, String) {
    let mut events = Vec::new();
    let commands: Vec<_> = appends
        .iter()
        .enumerate()
        .map(|(i, append)| {
            for (k, event) in append.events.iter().enumerate() {
                events.push(json!({
                    "i": i, "k": k, "type": event.event_type, "version": event.event_version,
                    "payload": event.payload, "metadata": event.metadata, "at": event.recorded_at,
                }));
            }
            let key = append.new_data_key.as_ref();
            json!({
                "i": i, "kind": append.aggregate_type, "stream": append.stream,
                "expected": append.expected.as_number(), "command": append.command_id,
                "data_key": append.data_key,
                "key_subject": key.map(|key| &key.subject),
                "key_wrapped": key.map(|key| hex::encode(&key.wrapped)),
                "effect": append.beside.effect,
                "webhook": append.beside.webhook.as_ref().map(|webhook| webhook.id),
                "webhook_message": append.beside.webhook.as_ref().map(|webhook| webhook.message_id),
                "client": append.beside.client.as_ref().map(|client| &client.client),
                "client_window": append.beside.client.as_ref().map(|client| client.window_start),
                "at": append.events.first().map_or(0, |event| event.recorded_at),
            })
        })
        .collect();
    (json!(commands).to_string(), json!(events).to_string())
}
