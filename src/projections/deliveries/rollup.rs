//! What a batch changes in the rollups, added up before it is written.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

use super::key::Key;
use crate::database::{Row, Transaction, Value};
use crate::domain::delivery::{Counters, Facts, Failed, Histograms, Tally};
use crate::event_log::ConsumeError;

static COLUMNS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let counters = Counters::FLAGS.iter().chain(Counters::COUNTS);
    let columns = ["id"].iter().chain(&Key::COLUMNS).chain(counters).chain(&["spans", "losses", "failures"]);
    columns.copied().collect()
});

/// The change to each rollup row.
#[derive(Debug, Default)]
pub(super) struct Difference(BTreeMap<Key, Tally>);

impl Difference {
    /// Takes away what the message counted before and adds what it counts now, each where it belongs.
    pub(super) fn between(&mut self, before: &Facts, after: &Facts) {
        self.count(before, -1);
        self.count(after, 1);
    }

    fn count(&mut self, facts: &Facts, times: i64) {
        for key in Key::all_of(facts) {
            self.0.entry(key).or_default().count(facts, times);
        }
    }

    /// Writes what has changed. The checkpoint's lock keeps others away between reading and writing.
    pub(super) async fn save(self, transaction: &mut Transaction) -> Result<(), ConsumeError> {
        let changes: Vec<(String, Key, Tally)> = self
            .0
            .into_iter()
            .filter(|(_, change)| !change.is_empty())
            .map(|(key, change)| (id(&key), key, change))
            .collect();
        let mut known = load(transaction, changes.iter().map(|(id, ..)| id.as_str()).collect()).await?;
        let rows = changes.into_iter().map(|(id, key, change)| {
            let mut tally = known.remove(&id).unwrap_or_default();
            tally.add(&change);
            values(id, &key, &tally)
        });
        let sums = &COLUMNS[1 + Key::COLUMNS.len()..];
        let sets: Vec<String> = sums.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let replace = format!("ON CONFLICT (id) DO UPDATE SET {}", sets.join(", "));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        transaction.insert_many("delivery_rollups", &COLUMNS, rows, &replace).await?;
        Ok(())
    }
}

fn id(key: &Key) -> String {
    serde_json::json!([key.grain, key.start, key.dimensions]).to_string()
}

async fn load(
    transaction: &mut Transaction,
    ids: Vec<&str>,
) -> Result<BTreeMap<String, Tally>, ConsumeError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!("SELECT * FROM delivery_rollups WHERE id IN {}", transaction.dialect().texts(1));
    let rows = transaction.fetch_all(&sql, &[serde_json::json!(ids).to_string().into()]).await?;
    rows.iter().map(|row| Ok((row.text("id")?, tally(row)?))).collect()
}

fn tally(row: &Row) -> Result<Tally, ConsumeError> {
    let unreadable = || ConsumeError::Event("a rollup cannot be read".to_owned());
    let losses: Vec<(String, String, i64)> =
        serde_json::from_str(&row.text("losses")?).map_err(|_| unreadable())?;
    let failures: Vec<(String, i64, i64)> =
        serde_json::from_str(&row.text("failures")?).map_err(|_| unreadable())?;
    let failed = |(category, messages, permanent)| (category, Failed { messages, permanent });
    Ok(Tally {
        counters: Counters::read(|name| row.int(name))?,
        spans: Histograms::decode(&row.bytes("spans")?).ok_or_else(unreadable)?,
        losses: losses.into_iter().map(|(at, reason, messages)| ((at, reason), messages)).collect(),
        failures: failures.into_iter().map(failed).collect(),
    })
}

fn values(id: String, key: &Key, tally: &Tally) -> Result<Vec<Value>, ConsumeError> {
    let losses: Vec<_> = tally.losses.iter().map(|((at, reason), messages)| (at, reason, messages)).collect();
    let failures: Vec<_> = tally
        .failures
        .iter()
        .map(|(category, failed)| (category, failed.messages, failed.permanent))
        .collect();
    let mut values: Vec<Value> = vec![id.into()];
    values.extend(key.values());
    values.extend(tally.counters.values().into_iter().map(Value::from));
    values.extend([tally.spans.encode().into(), json(&losses)?.into(), json(&failures)?.into()]);
    Ok(values)
}

fn json(of: &impl Serialize) -> Result<String, ConsumeError> {
    serde_json::to_string(of).map_err(|error| ConsumeError::Event(error.to_string()))
}
