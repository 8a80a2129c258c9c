//! On SQLite one connection writes: it holds the database from `BEGIN IMMEDIATE` to the commit, so what it
//! reads is what it writes on.

use std::collections::HashMap;

use super::super::append::{Append, AppendError, Appended};
use crate::database::{Database, DatabaseError, Transaction, Value};

const JUDGE: &str = "
SELECT coalesce((SELECT e.sequence FROM events e WHERE e.aggregate_type = $1 AND e.aggregate_id = $2
                 ORDER BY e.sequence DESC LIMIT 1), 0) AS last_sequence,
       CASE
           WHEN EXISTS (SELECT 1 FROM events e WHERE e.command_id = $3) THEN 'duplicate'
           WHEN EXISTS (SELECT 1 FROM effect_keys k WHERE k.effect = $4) THEN 'effect_known'
           ELSE 'stored'
       END AS verdict";

const EVENT_COLUMNS: [&str; 11] = [
    "position",
    "aggregate_type",
    "aggregate_id",
    "sequence",
    "event_type",
    "event_version",
    "payload",
    "metadata",
    "command_id",
    "data_key",
    "recorded_at",
];

/// The rows of one batch, table by table.
#[derive(Default)]
struct Rows {
    events: Vec<Vec<Value>>,
    keys: Vec<Vec<Value>>,
    effects: Vec<Vec<Value>>,
}

pub async fn batch(
    database: &Database,
    appends: &[Append],
) -> Result<Vec<Result<Appended, AppendError>>, DatabaseError> {
    let mut transaction = database.begin().await?;
    let mut position = last_position(&mut transaction).await?;
    // Streams that take facts in any order may come several times; this is where each stands by now.
    let mut reached: HashMap<(&str, &str), i64> = HashMap::new();
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(appends.len());
    for append in appends {
        let (verdict, last) = judge(&mut transaction, append).await?;
        let last = reached.get(&(append.aggregate_type, append.stream.as_str())).copied().unwrap_or(last);
        if verdict == "stored" {
            place(append, &mut position, last, &mut rows);
            let stands = last + i64::try_from(append.events.len()).unwrap_or(i64::MAX);
            reached.insert((append.aggregate_type, append.stream.as_str()), stands);
        }
        if verdict != "conflict" {
            settle(&mut transaction, append, &verdict).await?;
        }
        let first_sequence = (!append.events.is_empty()).then_some(last + 1);
        outcomes.push(super::outcome(&verdict, first_sequence));
    }
    transaction.insert_many("events", &EVENT_COLUMNS, rows.events, "").await?;
    transaction.insert_many("data_keys", &["id", "subject", "wrapped", "created_at"], rows.keys, "").await?;
    transaction.insert_many("effect_keys", &["effect", "position"], rows.effects, "").await?;
    transaction.commit().await?;
    Ok(outcomes)
}

async fn last_position(transaction: &mut Transaction) -> Result<i64, DatabaseError> {
    let sql = "SELECT coalesce(max(position), 0) AS position FROM events";
    transaction.fetch_optional(sql, &[]).await?.map_or(Ok(0), |row| row.int("position"))
}

async fn judge(transaction: &mut Transaction, append: &Append) -> Result<(String, i64), DatabaseError> {
    let values = [
        append.aggregate_type.into(),
        append.stream.as_str().into(),
        append.command_id.to_string().into(),
        append.beside.effect.clone().into(),
    ];
    let rows = transaction.fetch_all(JUDGE, &values).await?;
    let row = &rows[0];
    let last = row.int("last_sequence")?;
    let expected = append.expected.as_number();
    let mut verdict = row.text("verdict")?;
    if verdict == "stored" && expected >= 0 && expected != last {
        verdict = "conflict".to_owned();
    }
    Ok((verdict, last))
}

/// Gives the events their positions and sequences.
fn place(append: &Append, position: &mut i64, last: i64, rows: &mut Rows) {
    let first_position = *position + 1;
    for (k, event) in append.events.iter().enumerate() {
        *position += 1;
        rows.events.push(vec![
            (*position).into(),
            append.aggregate_type.into(),
            append.stream.as_str().into(),
            (last + 1 + i64::try_from(k).unwrap_or(i64::MAX)).into(),
            (&event.event_type).into(),
            (&event.event_version).into(),
            (&event.payload).into(),
            (&event.metadata).into(),
            (k == 0).then(|| append.command_id.to_string()).into(),
            append.data_key.map(|key| key.to_string()).into(),
            event.recorded_at.into(),
        ]);
    }
    if let Some(key) = &append.new_data_key {
        let at = append.events.first().map_or(0, |event| event.recorded_at);
        rows.keys.push(vec![
            key.id.to_string().into(),
            (&key.subject).into(),
            key.wrapped.clone().into(),
            at.into(),
        ]);
    }
    if let Some(effect) = &append.beside.effect {
        rows.effects.push(vec![effect.into(), first_position.into()]);
    }
}

/// What happens beside the events.
async fn settle(transaction: &mut Transaction, append: &Append, verdict: &str) -> Result<(), DatabaseError> {
    if let Some(webhook) = &append.beside.webhook {
        let sql = "UPDATE webhooks SET outcome = 'processed', reason = NULL, message_id = $2 WHERE id = $1";
        transaction
            .execute(sql, &[webhook.id.to_string().into(), webhook.message_id.to_string().into()])
            .await?;
    }
    if let Some(client) = append.beside.client.as_ref().filter(|_| verdict == "stored") {
        let sql = "INSERT INTO client_requests (client, window_start, requests) VALUES ($1, $2, 1)
                   ON CONFLICT (client, window_start) DO UPDATE SET requests = client_requests.requests + 1";
        transaction.execute(sql, &[(&client.client).into(), client.window_start.into()]).await?;
    }
    Ok(())
}
