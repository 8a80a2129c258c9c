//! The messages requested within a range, counted: whole hours from rollups, what is left at the edges from
//! the messages themselves. Both count the same, so where the edge lies makes no difference.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::spans::Histogram;
use super::{DeliveryQuery, Dimension, QueryError, Settings};
use crate::database::{Database, Row, Value};
use crate::domain::delivery::{Counters, Durations};

const HOUR: i64 = 3_600_000_000;

/// `SUM(…) AS name` for each counter of the rollups.
static ROLLUP_SUMS: LazyLock<String> = LazyLock::new(|| {
    let names = Counters::FLAGS.iter().chain(Counters::COUNTS);
    names.map(|name| format!("CAST(SUM({name}) AS BIGINT) AS {name}")).collect::<Vec<_>>().join(", ")
});

/// The same from single messages, whose flags are bits.
static FACT_SUMS: LazyLock<String> = LazyLock::new(|| {
    let flags = Counters::FLAGS.iter().enumerate();
    let flags = flags.map(|(bit, name)| format!("CAST(SUM((flags >> {bit}) & 1) AS BIGINT) AS {name}"));
    let counts = Counters::COUNTS.iter().map(|name| format!("CAST(SUM({name}) AS BIGINT) AS {name}"));
    flags.chain(counts).collect::<Vec<_>>().join(", ")
});

/// One table and the part of the range that it answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    from_rollups: bool,
    from: i64,
    to: i64,
}

/// A range and its filters, ready to be counted.
pub(super) struct Cohort<'a> {
    database: &'a Database,
    from: i64,
    to: i64,
    filters: Vec<(Dimension, &'a str)>,
    leave_out_sandbox: bool,
}

impl<'a> Cohort<'a> {
    pub(super) fn new(
        database: &'a Database,
        settings: Settings,
        query: &'a DeliveryQuery,
    ) -> Result<Self, QueryError> {
        let (from, to) = (query.from.timestamp_micros(), query.to.timestamp_micros());
        if from >= to || from < 0 {
            return Err(QueryError::EmptyRange);
        }
        let filters = [
            (Dimension::Template, &query.template),
            (Dimension::Provider, &query.provider),
            (Dimension::MailboxProvider, &query.mailbox_provider),
            (Dimension::RecipientDomain, &query.recipient_domain),
        ];
        let filters = filters
            .into_iter()
            .filter_map(|(dimension, value)| value.as_deref().map(|value| (dimension, value)))
            .collect();
        Ok(Self { database, from, to, filters, leave_out_sandbox: !settings.is_sandbox })
    }

    /// Counters per bucket of this length, by the bucket's start.
    pub(super) async fn by_time(&self, length: i64) -> Result<BTreeMap<i64, Counters>, QueryError> {
        let mut buckets = BTreeMap::<i64, Counters>::new();
        for part in self.parts(length < HOUR) {
            let bucket = format!("({} / {length}) * {length}", part.time());
            for row in self.count(part, &bucket).await? {
                buckets.entry(row.int("bucket")?).or_default().add(&counters(&row)?, 1);
            }
        }
        Ok(buckets)
    }

    /// Counters per value of this dimension.
    pub(super) async fn by(&self, dimension: Dimension) -> Result<BTreeMap<String, Counters>, QueryError> {
        let mut groups = BTreeMap::<String, Counters>::new();
        for part in self.parts(false) {
            for row in self.count(part, dimension.as_str()).await? {
                groups.entry(row.text("bucket")?).or_default().add(&counters(&row)?, 1);
            }
        }
        Ok(groups)
    }

    /// The histogram of each span, in the order of their names.
    pub(super) async fn spans(&self) -> Result<[Histogram; 3], QueryError> {
        let mut histograms = <[Histogram; 3]>::default();
        for part in self.parts(false) {
            let (condition, values) = self.condition(part);
            let sql = if part.from_rollups {
                format!(
                    "SELECT span, millis, CAST(SUM(messages) AS BIGINT) AS messages \
                     FROM delivery_histograms WHERE {condition} GROUP BY span, millis"
                )
            } else {
                let of = |span: &str| {
                    format!(
                        "SELECT '{span}' AS span, {span} AS millis, COUNT(*) AS messages FROM delivery_facts \
                         WHERE {condition} AND {span} IS NOT NULL GROUP BY {span}"
                    )
                };
                Durations::NAMES.map(of).join(" UNION ALL ")
            };
            for row in self.database.fetch_all(&sql, &values).await? {
                let span = row.text("span")?;
                let place = Durations::NAMES.iter().position(|name| *name == span);
                if let Some(histogram) = place.and_then(|place| histograms.get_mut(place)) {
                    histogram.add(row.int("millis")?, row.int("messages")?);
                }
            }
        }
        Ok(histograms)
    }

    /// Since when the oldest message in flight is on its way, of those that somebody reports about.
    pub(super) async fn oldest_in_flight(&self) -> Result<Option<i64>, QueryError> {
        let part = Part { from_rollups: false, from: self.from, to: self.to };
        let (condition, values) = self.condition(part);
        let sql = format!(
            "SELECT MIN(COALESCE(sent_at, requested_at)) AS oldest FROM delivery_facts \
             WHERE status IN ('sent', 'deferred') AND provider <> 'smtp' AND {condition}"
        );
        Ok(self.database.fetch_one(&sql, &values).await?.optional_int("oldest")?)
    }

    async fn count(&self, part: Part, bucket: &str) -> Result<Vec<Row>, QueryError> {
        let (condition, values) = self.condition(part);
        let (table, sums) = match part.from_rollups {
            true => ("delivery_rollups", &*ROLLUP_SUMS),
            false => ("delivery_facts", &*FACT_SUMS),
        };
        let sql =
            format!("SELECT {bucket} AS bucket, {sums} FROM {table} WHERE {condition} GROUP BY {bucket}");
        Ok(self.database.fetch_all(&sql, &values).await?)
    }

    fn condition(&self, part: Part) -> (String, Vec<Value>) {
        let time = part.time();
        let mut sql = format!("{time} >= $1 AND {time} < $2");
        let mut values = vec![part.from.into(), part.to.into()];
        for (dimension, value) in &self.filters {
            values.push((*value).into());
            sql.push_str(&format!(" AND {} = ${}", dimension.as_str(), values.len()));
        }
        if self.leave_out_sandbox {
            sql.push_str(" AND provider <> 'sandbox'");
        }
        (sql, values)
    }

    /// Rollups know hours, no less.
    fn parts(&self, finer_than_hours: bool) -> Vec<Part> {
        let first = (self.from + HOUR - 1) / HOUR * HOUR;
        let last = self.to / HOUR * HOUR;
        let part = |from_rollups, from, to| Part { from_rollups, from, to };
        if finer_than_hours || first >= last {
            return vec![part(false, self.from, self.to)];
        }
        let parts = [part(false, self.from, first), part(true, first, last), part(false, last, self.to)];
        parts.into_iter().filter(|part| part.from < part.to).collect()
    }
}

impl Part {
    fn time(self) -> &'static str {
        if self.from_rollups { "hour" } else { "requested_at" }
    }
}

fn counters(row: &Row) -> Result<Counters, QueryError> {
    Ok(Counters::read(|name| row.int(name))?)
}
