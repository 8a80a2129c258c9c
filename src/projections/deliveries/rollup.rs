//! What a batch changes in the rollups, summed up before it is written.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::database::{Transaction, Value};
use crate::domain::delivery::{Counters, Durations, Facts, Outcome};
use crate::event_log::ConsumeError;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

const KEY: [&str; 5] = ["hour", "template", "provider", "mailbox_provider", "recipient_domain"];

static COUNTER_COLUMNS: LazyLock<Vec<&str>> =
    LazyLock::new(|| KEY.iter().chain(Counters::FLAGS).chain(Counters::COUNTS).copied().collect());

/// Where a message counts: the hour in which it was requested, and its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    hour: i64,
    dimensions: [String; 4],
}

/// The change to each rollup row.
#[derive(Debug, Default)]
pub(super) struct Difference {
    counters: BTreeMap<Key, Counters>,
    spans: BTreeMap<(Key, &'static str, i64), i64>,
}

impl Difference {
    /// Takes away what the message counted before and adds what it counts now, each where it belongs.
    pub(super) fn between(&mut self, before: &Facts, after: &Facts) {
        self.count(before, -1);
        self.count(after, 1);
    }

    fn count(&mut self, facts: &Facts, times: i64) {
        let Some(key) = Key::of(facts) else { return };
        for (span, millis) in Durations::NAMES.into_iter().zip(Durations::of(facts).values()) {
            if let Some(millis) = millis {
                *self.spans.entry((key.clone(), span, millis)).or_default() += times;
            }
        }
        self.counters.entry(key).or_default().add(&Outcome::derive(facts).counters, times);
    }

    /// Writes what has changed.
    pub(super) async fn save(self, transaction: &mut Transaction) -> Result<(), ConsumeError> {
        let counters = self.counters.into_iter().filter(|(_, counters)| !counters.is_zero());
        let rows = counters.map(|(key, counters)| {
            let numbers = counters.values().into_iter().map(Value::from);
            key.values().into_iter().chain(numbers).collect()
        });
        let sets: Vec<String> = COUNTER_COLUMNS[KEY.len()..]
            .iter()
            .map(|column| format!("{column} = delivery_rollups.{column} + excluded.{column}"))
            .collect();
        let add = format!("ON CONFLICT ({}) DO UPDATE SET {}", KEY.join(", "), sets.join(", "));
        transaction.insert_many("delivery_rollups", &COUNTER_COLUMNS, rows.collect(), &add).await?;

        let spans = self.spans.into_iter().filter(|(_, messages)| *messages != 0);
        let rows = spans.map(|((key, span, millis), messages)| {
            key.values().into_iter().chain([span.into(), millis.into(), messages.into()]).collect()
        });
        let columns: Vec<&str> = KEY.into_iter().chain(["span", "millis", "messages"]).collect();
        let add = format!(
            "ON CONFLICT ({}, span, millis) DO UPDATE \
             SET messages = delivery_histograms.messages + excluded.messages",
            KEY.join(", ")
        );
        transaction.insert_many("delivery_histograms", &columns, rows.collect(), &add).await?;
        Ok(())
    }
}

impl Key {
    /// None while the request is unknown: such a message counts nowhere.
    fn of(facts: &Facts) -> Option<Self> {
        let request = facts.request.as_ref()?;
        let dimensions = [
            request.template.clone(),
            request.provider.clone(),
            facts.mailbox_provider().to_owned(),
            request.recipient_domain.clone(),
        ];
        Some(Self { hour: request.at.div_euclid(HOUR) * HOUR, dimensions })
    }

    fn values(self) -> Vec<Value> {
        std::iter::once(self.hour.into()).chain(self.dimensions.into_iter().map(Value::from)).collect()
    }
}
