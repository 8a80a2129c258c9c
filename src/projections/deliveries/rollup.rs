//! What a batch changes in the rollups, added up before it is written.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::database::{Row, Transaction, Value};
use crate::domain::delivery::{Counters, Facts, Histograms, Tally};
use crate::event_log::ConsumeError;

/// Microseconds of an hour and of a day, by the grain of the sum. A rollup of all domains stays small whatever the
/// number of domains; one that tells them apart serves those who ask for one.
const GRAINS: [(&str, i64, bool); 4] = [
    ("hour", 3_600_000_000, false),
    ("day", 86_400_000_000, false),
    ("domain_hour", 3_600_000_000, true),
    ("domain_day", 86_400_000_000, true),
];

const KEY: [&str; 7] =
    ["id", "grain", "start", "template", "provider", "mailbox_provider", "recipient_domain"];

static COLUMNS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    KEY.iter().chain(Counters::FLAGS).chain(Counters::COUNTS).chain(&["spans", "losses"]).copied().collect()
});

/// Where a message counts: when it was requested, and its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    grain: &'static str,
    start: i64,
    dimensions: [String; 4],
}

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
            .map(|(key, change)| (key.id(), key, change))
            .collect();
        let mut known = load(transaction, changes.iter().map(|(id, ..)| id.as_str()).collect()).await?;
        let rows = changes.into_iter().map(|(id, key, change)| {
            let mut tally = known.remove(&id).unwrap_or_default();
            tally.add(&change);
            values(id, key, &tally)
        });
        let sets: Vec<String> =
            COLUMNS[KEY.len()..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let replace = format!("ON CONFLICT (id) DO UPDATE SET {}", sets.join(", "));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        transaction.insert_many("delivery_rollups", &COLUMNS, rows, &replace).await?;
        Ok(())
    }
}

impl Key {
    /// None while the request is unknown: such a message counts nowhere.
    fn all_of(facts: &Facts) -> Vec<Self> {
        let Some(request) = &facts.request else { return vec![] };
        let key = |(grain, length, by_domain): (&'static str, i64, bool)| Self {
            grain,
            start: request.at.div_euclid(length) * length,
            dimensions: [
                request.template.clone(),
                request.provider.clone(),
                facts.mailbox_provider().to_owned(),
                if by_domain { request.recipient_domain.clone() } else { String::new() },
            ],
        };
        GRAINS.into_iter().map(key).collect()
    }

    fn id(&self) -> String {
        serde_json::json!([self.grain, self.start, self.dimensions]).to_string()
    }
}

async fn load(
    transaction: &mut Transaction,
    ids: Vec<&str>,
) -> Result<BTreeMap<String, Tally>, ConsumeError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = transaction.dialect().pick(
        "SELECT * FROM delivery_rollups WHERE id IN (SELECT json_array_elements_text(CAST($1 AS json)))",
        "SELECT * FROM delivery_rollups WHERE id IN (SELECT value FROM json_each($1))",
    );
    let rows = transaction.fetch_all(sql, &[serde_json::json!(ids).to_string().into()]).await?;
    rows.iter().map(|row| Ok((row.text("id")?, tally(row)?))).collect()
}

fn tally(row: &Row) -> Result<Tally, ConsumeError> {
    let unreadable = || ConsumeError::Event("a rollup cannot be read".to_owned());
    let losses: Vec<(String, String, i64)> =
        serde_json::from_str(&row.text("losses")?).map_err(|_| unreadable())?;
    Ok(Tally {
        counters: Counters::read(|name| row.int(name))?,
        spans: Histograms::decode(&row.bytes("spans")?).ok_or_else(unreadable)?,
        losses: losses.into_iter().map(|(at, reason, messages)| ((at, reason), messages)).collect(),
    })
}

fn values(id: String, key: Key, tally: &Tally) -> Result<Vec<Value>, ConsumeError> {
    let losses: Vec<_> = tally.losses.iter().map(|((at, reason), messages)| (at, reason, messages)).collect();
    let losses = serde_json::to_string(&losses).map_err(|error| ConsumeError::Event(error.to_string()))?;
    let mut values: Vec<Value> = vec![id.into(), key.grain.into(), key.start.into()];
    values.extend(key.dimensions.into_iter().map(Value::from));
    values.extend(tally.counters.values().into_iter().map(Value::from));
    values.extend([tally.spans.encode().into(), losses.into()]);
    Ok(values)
}
