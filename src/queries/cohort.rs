//! The messages requested within a range, counted: whole days and hours from rollups, what is left at the edges
//! from the messages themselves. All count the same, so where the edges lie makes no difference.

mod failures;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{DeliveryQuery, Dimension, QueryError, Settings};
use crate::database::{Database, Row, Transaction, Value};
use crate::domain::delivery::{Counters, Durations, Histograms, Tally};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

pub(super) use self::failures::{Said, Saying};

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

/// Where counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Messages,
    Hours,
    Days,
}

/// One source and the part of the range that it answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    source: Source,
    from: i64,
    to: i64,
}

/// A range and its filters, ready to be counted: all counts are of one state of the tables.
pub(super) struct Cohort<'a> {
    pub(super) snapshot: Transaction,
    from: i64,
    to: i64,
    filters: Vec<(Dimension, &'a str)>,
    leave_out_sandbox: bool,
}

impl<'a> Cohort<'a> {
    pub(super) async fn new(
        database: &Database,
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
        let leave_out_sandbox = settings.leaves_out_sandbox(query.provider.as_deref());
        let snapshot = database.snapshot().await?;
        Ok(Self { snapshot, from, to, filters, leave_out_sandbox })
    }

    /// Counters per bucket of this length, by the bucket's start.
    pub(super) async fn by_time(&mut self, length: i64) -> Result<BTreeMap<i64, Counters>, QueryError> {
        let mut buckets = BTreeMap::<i64, Counters>::new();
        for part in self.parts(length) {
            let bucket = format!("({} / {length}) * {length}", part.source.time());
            for row in self.count(part, &bucket, false).await? {
                buckets.entry(row.int("bucket")?).or_default().add(&counters(&row)?, 1);
            }
        }
        Ok(buckets)
    }

    /// Counters of the whole.
    pub(super) async fn totals(&mut self) -> Result<Counters, QueryError> {
        let mut totals = Counters::default();
        self.by(Dimension::Provider).await?.values().for_each(|counters| totals.add(counters, 1));
        Ok(totals)
    }

    /// Counters per value of this dimension.
    pub(super) async fn by(
        &mut self,
        dimension: Dimension,
    ) -> Result<BTreeMap<String, Counters>, QueryError> {
        let by_domain = dimension == Dimension::RecipientDomain;
        let mut groups = BTreeMap::<String, Counters>::new();
        for part in self.parts(DAY) {
            for row in self.count(part, dimension.as_str(), by_domain).await? {
                groups.entry(row.text("bucket")?).or_default().add(&counters(&row)?, 1);
            }
        }
        Ok(groups)
    }

    /// How long messages took, and where they were lost. Its counters stay empty.
    pub(super) async fn spans_and_losses(&mut self) -> Result<Tally, QueryError> {
        Ok(self.tallies(DAY, |_| 0).await?.remove(&0).unwrap_or_default())
    }

    /// The same per bucket of this length, by the bucket's start.
    pub(super) async fn spans_by_time(&mut self, length: i64) -> Result<BTreeMap<i64, Tally>, QueryError> {
        self.tallies(length, |at| at / length * length).await
    }

    /// Tallies of what is told apart by time: `place` gives the same for what lies together, and nothing that it
    /// tells apart is shorter than `length`.
    async fn tallies(
        &mut self,
        length: i64,
        place: impl Fn(i64) -> i64,
    ) -> Result<BTreeMap<i64, Tally>, QueryError> {
        let mut tallies = BTreeMap::<i64, Tally>::new();
        for part in self.parts(length) {
            match part.source {
                Source::Messages => self.add_messages(part, &place, &mut tallies).await?,
                Source::Hours | Source::Days => self.add_rollups(part, &place, &mut tallies).await?,
            }
        }
        Ok(tallies)
    }

    async fn add_rollups(
        &mut self,
        part: Part,
        place: &impl Fn(i64) -> i64,
        tallies: &mut BTreeMap<i64, Tally>,
    ) -> Result<(), QueryError> {
        let (condition, values) = self.condition(part, false);
        let sql = format!("SELECT start, spans, losses FROM delivery_rollups WHERE {condition}");
        for row in self.snapshot.fetch_all(&sql, &values).await? {
            let tally = tallies.entry(place(row.int("start")?)).or_default();
            let spans = Histograms::decode(&row.bytes("spans")?).ok_or(QueryError::Damaged("a rollup"))?;
            tally.spans.add(&spans);
            let losses: Vec<(String, String, i64)> = serde_json::from_str(&row.text("losses")?)?;
            losses.into_iter().for_each(|(at, reason, messages)| tally.lose((at, reason), messages));
        }
        Ok(())
    }

    async fn add_messages(
        &mut self,
        part: Part,
        place: &impl Fn(i64) -> i64,
        tallies: &mut BTreeMap<i64, Tally>,
    ) -> Result<(), QueryError> {
        let (condition, values) = self.condition(part, false);
        let spans = Durations::NAMES.join(", ");
        let sql =
            format!("SELECT requested_at, lost_at, loss, {spans} FROM delivery_facts WHERE {condition}");
        for row in self.snapshot.fetch_all(&sql, &values).await? {
            let tally = tallies.entry(place(row.int("requested_at")?)).or_default();
            let spans = Durations::NAMES.iter().map(|name| row.optional_int(name));
            tally.spans.count_values(spans.collect::<Result<Vec<_>, _>>()?, 1);
            if let Some(loss) = row.optional_text("lost_at")?.zip(row.optional_text("loss")?) {
                tally.lose(loss, 1);
            }
        }
        Ok(())
    }

    /// Since when the oldest message in flight is on its way, of those that somebody reports about.
    pub(super) async fn oldest_in_flight(&mut self) -> Result<Option<i64>, QueryError> {
        let part = Part { source: Source::Messages, from: self.from, to: self.to };
        let (condition, values) = self.condition(part, false);
        let sql = format!(
            "SELECT MIN(COALESCE(sent_at, requested_at)) AS oldest FROM delivery_facts \
             WHERE status IN ('sent', 'deferred') AND provider <> 'smtp' AND {condition}"
        );
        Ok(self.snapshot.fetch_one(&sql, &values).await?.optional_int("oldest")?)
    }

    async fn count(&mut self, part: Part, bucket: &str, by_domain: bool) -> Result<Vec<Row>, QueryError> {
        let (condition, values) = self.condition(part, by_domain);
        let (table, sums) = match part.source {
            Source::Messages => ("delivery_facts", &*FACT_SUMS),
            Source::Hours | Source::Days => ("delivery_rollups", &*ROLLUP_SUMS),
        };
        let sql =
            format!("SELECT {bucket} AS bucket, {sums} FROM {table} WHERE {condition} GROUP BY {bucket}");
        Ok(self.snapshot.fetch_all(&sql, &values).await?)
    }

    fn condition(&self, part: Part, by_domain: bool) -> (String, Vec<Value>) {
        let time = part.source.time();
        let mut sql = format!("{time} >= $1 AND {time} < $2");
        let mut values = vec![part.from.into(), part.to.into()];
        for (dimension, value) in &self.filters {
            values.push((*value).into());
            sql.push_str(&format!(" AND {} = ${}", dimension.as_str(), values.len()));
        }
        if self.leave_out_sandbox {
            sql.push_str(" AND provider <> 'sandbox'");
        }
        let tells_domains = self.filters.iter().any(|(filter, _)| *filter == Dimension::RecipientDomain);
        if tells_domains && part.source != Source::Messages {
            // The index of domains leaves out the rows that tell none; this says that they are not asked for.
            sql.push_str(" AND recipient_domain <> ''");
        }
        match (part.source, by_domain || tells_domains) {
            (Source::Messages, _) => {}
            (Source::Hours, false) => sql.push_str(" AND grain = 'hour'"),
            (Source::Hours, true) => sql.push_str(" AND grain = 'domain_hour'"),
            (Source::Days, false) => sql.push_str(" AND grain = 'day'"),
            (Source::Days, true) => sql.push_str(" AND grain = 'domain_day'"),
        }
        (sql, values)
    }

    /// The range cut so that no bucket of this length needs less than a rollup has: days in the middle, hours
    /// around them, messages at the edges.
    fn parts(&self, bucket: i64) -> Vec<Part> {
        let mut parts = vec![Part { source: Source::Messages, from: self.from, to: self.to }];
        for (source, length) in [(Source::Hours, HOUR), (Source::Days, DAY)] {
            if length <= bucket {
                parts = parts.into_iter().flat_map(|part| part.with_middle(source, length)).collect();
            }
        }
        parts
    }
}

impl Source {
    /// The column that tells when.
    fn time(self) -> &'static str {
        if self == Self::Messages { "requested_at" } else { "start" }
    }
}

impl Part {
    /// The same range with what can be answered in whole units of this length taken from the coarser source.
    fn with_middle(self, source: Source, length: i64) -> Vec<Self> {
        let first = (self.from + length - 1) / length * length;
        let last = self.to / length * length;
        if first >= last {
            return vec![self];
        }
        let middle = Self { source, from: first, to: last };
        [Self { to: first, ..self }, middle, Self { from: last, ..self }]
            .into_iter()
            .filter(|part| part.from < part.to)
            .collect()
    }
}

fn counters(row: &Row) -> Result<Counters, QueryError> {
    Ok(Counters::read(|name| row.int(name))?)
}
