//! What was said of failed deliveries, summed up by the same hours, days and dimensions as deliveries: messages of
//! which it was said, and when last. Moved by differences, as they are. A text of which no message is left goes,
//! so that nothing is kept of a person who was erased.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::failures::{Said, Saying};
use super::key::Key;
use crate::database::{Transaction, Value};
use crate::domain::delivery::Facts;
use crate::event_log::ConsumeError;

const COLUMNS: [&str; 12] = [
    "id",
    "grain",
    "start",
    "template",
    "provider",
    "mailbox_provider",
    "recipient_domain",
    "category",
    "rule",
    "normalized",
    "messages",
    "last_seen",
];

/// The change to each sum.
#[derive(Debug, Default)]
pub(super) struct Difference(BTreeMap<(Key, Saying), Change>);

#[derive(Debug, Default)]
struct Change {
    messages: i64,
    /// The latest that has come to it; 0 if nothing has.
    last_seen: i64,
    /// A message has left it, perhaps the one of which it was said last.
    is_left: bool,
}

impl Difference {
    /// Takes the message away from where it counted before, and adds it where it counts now.
    pub(super) fn between(&mut self, before: (&Facts, &Said), after: (&Facts, &Said)) {
        if before.1.is_empty() && after.1.is_empty() {
            return;
        }
        let (keys_before, keys_after) = (Key::all_of(before.0), Key::all_of(after.0));
        let cells = |keys: &[Key], said: &Said| -> BTreeMap<(Key, Saying), i64> {
            let of_key = |key: &Key| -> Vec<_> {
                said.iter().map(|(saying, last)| ((key.clone(), saying.clone()), *last)).collect()
            };
            keys.iter().flat_map(of_key).collect()
        };
        let (before, after) = (cells(&keys_before, before.1), cells(&keys_after, after.1));
        for cell in before.keys().filter(|cell| !after.contains_key(cell)) {
            let change = self.0.entry(cell.clone()).or_default();
            change.messages -= 1;
            change.is_left = true;
        }
        for (cell, last_seen) in after {
            let known = before.get(&cell);
            if known == Some(&last_seen) {
                continue;
            }
            let change = self.0.entry(cell).or_default();
            change.messages += i64::from(known.is_none());
            change.last_seen = change.last_seen.max(last_seen);
        }
    }

    /// Writes what has changed. What was said of the messages must have been written before.
    pub(super) async fn save(self, transaction: &mut Transaction) -> Result<(), ConsumeError> {
        let changes: Vec<_> = self.0.into_iter().map(|(cell, change)| (id(&cell), cell, change)).collect();
        let known = load(transaction, changes.iter().map(|(id, ..)| id.as_str()).collect()).await?;
        let mut rows = Vec::new();
        for (id, (key, saying), change) in changes {
            let (messages, last_seen) = known.get(&id).copied().unwrap_or_default();
            let messages = messages + change.messages;
            if messages == 0 {
                transaction.execute("DELETE FROM bounce_samples WHERE id = $1", &[id.into()]).await?;
                continue;
            }
            let last_seen = match change.is_left {
                true => last_said(&key, &saying, transaction).await?,
                false => last_seen.max(change.last_seen),
            };
            let mut values = vec![id.into()];
            values.extend(key.values());
            values.extend([saying.category, saying.rule, saying.normalized].map(Value::from));
            values.extend([messages.into(), last_seen.into()]);
            rows.push(values);
        }
        let replace =
            "ON CONFLICT (id) DO UPDATE SET messages = excluded.messages, last_seen = excluded.last_seen";
        transaction.insert_many("bounce_samples", &COLUMNS, rows, replace).await?;
        Ok(())
    }
}

/// Of the messages that are left.
async fn last_said(key: &Key, saying: &Saying, transaction: &mut Transaction) -> Result<i64, ConsumeError> {
    let mut sql = "SELECT COALESCE(MAX(f.at), 0) AS last FROM bounce_failures f \
                   JOIN delivery_facts d ON d.message_id = f.message_id \
                   WHERE f.rule = $1 AND f.normalized = $2 AND f.category = $3 AND d.requested_at >= $4 \
                   AND d.requested_at < $5"
        .to_owned();
    let said = [&saying.rule, &saying.normalized, &saying.category];
    let mut values: Vec<Value> = said.map(|text| text.as_str().into()).into();
    values.extend([key.start.into(), key.end().into()]);
    for (column, dimension) in key.told_apart() {
        values.push(dimension.as_str().into());
        sql.push_str(&format!(" AND d.{column} = ${}", values.len()));
    }
    Ok(transaction.fetch_one(&sql, &values).await?.int("last")?)
}

/// A text can be too long for a key.
fn id((key, saying): &(Key, Saying)) -> String {
    let told = serde_json::json!([
        key.grain,
        key.start,
        key.dimensions,
        saying.category,
        saying.rule,
        saying.normalized
    ]);
    hex::encode(Sha256::digest(told.to_string()))
}

async fn load(
    transaction: &mut Transaction,
    ids: Vec<&str>,
) -> Result<BTreeMap<String, (i64, i64)>, ConsumeError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = transaction.dialect().texts(1);
    let sql = format!("SELECT id, messages, last_seen FROM bounce_samples WHERE id IN {list}");
    let rows = transaction.fetch_all(&sql, &[serde_json::json!(ids).to_string().into()]).await?;
    rows.iter().map(|row| Ok((row.text("id")?, (row.int("messages")?, row.int("last_seen")?)))).collect()
}
