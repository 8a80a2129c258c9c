//! The messages of a cohort that failed, by when, at whom, why, and with what words.

use std::collections::BTreeMap;

use super::{Cohort, DAY, Part, Source};
use crate::database::{Row, Value};
use crate::domain::delivery::{Failed, Failures, Tally};
use crate::queries::QueryError;

/// Something that was said of failed messages: category, rule, and the words, masked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Saying {
    pub category: String,
    pub rule: String,
    pub normalized: String,
}

/// Of how many messages, and when last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    pub messages: i64,
    /// Microseconds.
    pub last_seen: i64,
}

/// What of a cohort failed.
#[derive(Debug, Default)]
pub struct Breakdown {
    /// Messages with any failure.
    pub failed: i64,
    /// By the start of the bucket, mailbox provider and category.
    pub cells: BTreeMap<(i64, String, String), Failed>,
}

impl Cohort<'_> {
    /// Failures per bucket of this length.
    pub async fn failures(&mut self, length: i64) -> Result<Breakdown, QueryError> {
        let mut breakdown = Breakdown::default();
        for part in self.parts(length) {
            let (mut condition, values) = self.condition(part, false);
            let (table, columns, failed) = match part.source {
                Source::Messages => ("delivery_facts", "CAST(1 AS BIGINT) AS failed", HAS_FAILED),
                Source::Hours | Source::Days => ("delivery_rollups", "failed", "failed > 0"),
            };
            condition.push_str(&format!(" AND {failed}"));
            let time = part.source.time();
            let sql = format!(
                "SELECT {time} AS at, mailbox_provider, failures, {columns} FROM {table} WHERE {condition}"
            );
            for row in self.snapshot.fetch_all(&sql, &values).await? {
                breakdown.failed += row.int("failed")?;
                let (bucket, mailbox) = (row.int("at")? / length * length, row.text("mailbox_provider")?);
                for (category, failed) in failures_of(part, &row)? {
                    let cell = breakdown.cells.entry((bucket, mailbox.clone(), category)).or_default();
                    cell.messages += failed.messages;
                    cell.permanent += failed.permanent;
                }
            }
        }
        Ok(breakdown)
    }

    /// What was said; `only`, if that is all that is asked for.
    pub async fn said(&mut self, only: Option<&Saying>) -> Result<BTreeMap<Saying, Said>, QueryError> {
        let mut said = BTreeMap::<Saying, Said>::new();
        for part in self.parts(DAY) {
            let (mut condition, mut values) = self.condition(part, false);
            if let Some(only) = only {
                for (column, value) in
                    [("category", &only.category), ("rule", &only.rule), ("normalized", &only.normalized)]
                {
                    values.push(Value::from(value.as_str()));
                    condition.push_str(&format!(" AND {column} = ${}", values.len()));
                }
            }
            let sql = match part.source {
                Source::Messages => format!(
                    "SELECT category, rule, normalized, COUNT(DISTINCT f.message_id) AS messages, \
                     MAX(f.at) AS last_seen \
                     FROM delivery_facts d JOIN bounce_failures f ON f.message_id = d.message_id \
                     WHERE {condition} AND {HAS_FAILED} AND normalized IS NOT NULL \
                     GROUP BY category, rule, normalized"
                ),
                Source::Hours | Source::Days => format!(
                    "SELECT category, rule, normalized, CAST(SUM(messages) AS BIGINT) AS messages, \
                     MAX(last_seen) AS last_seen FROM bounce_samples \
                     WHERE {condition} GROUP BY category, rule, normalized"
                ),
            };
            for row in self.snapshot.fetch_all(&sql, &values).await? {
                let saying = Saying {
                    category: row.text("category")?,
                    rule: row.text("rule")?,
                    normalized: row.text("normalized")?,
                };
                let entry = said.entry(saying).or_default();
                entry.messages += row.int("messages")?;
                entry.last_seen = entry.last_seen.max(row.int("last_seen")?);
            }
        }
        Ok(said)
    }
}

/// The flag of messages that failed, as in its index.
const HAS_FAILED: &str = "(flags >> 33) & 1 = 1";

fn failures_of(part: Part, row: &Row) -> Result<BTreeMap<String, Failed>, QueryError> {
    if part.source == Source::Messages {
        let mut one = Tally::default();
        one.fail(&Failures::of_bits(row.int("failures")?), 1);
        return Ok(one.failures);
    }
    let failures: Vec<(String, i64, i64)> = serde_json::from_str(&row.text("failures")?)?;
    let failed = |(category, messages, permanent)| (category, Failed { messages, permanent });
    Ok(failures.into_iter().map(failed).collect())
}
