//! Delivery metrics: totals, rates, spans, a series and groups of one cohort.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cohort::Cohort;
use super::rates::{Rated, Rates};
use super::spans::Percentiles;
use super::{Queries, QueryError};
use crate::domain::delivery::Counters;

/// Points of a series at most: two days of minutes, four months of hours.
const MOST_POINTS: i64 = 3_000;
/// Groups in an answer at most, those with the most messages.
const MOST_GROUPS: usize = 500;

/// Which cohort, and how to cut it.
#[derive(Debug, Clone)]
pub struct DeliveryQuery {
    /// Messages requested from here on …
    pub from: DateTime<Utc>,
    /// … and before this instant.
    pub to: DateTime<Utc>,
    pub interval: Interval,
    pub group_by: Option<Dimension>,
    pub template: Option<String>,
    pub provider: Option<String>,
    pub mailbox_provider: Option<String>,
    pub recipient_domain: Option<String>,
}

/// The length of a bucket of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Minute,
    QuarterHour,
    Hour,
    SixHours,
    Day,
}

/// What messages can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    Template,
    Provider,
    MailboxProvider,
    RecipientDomain,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryMetrics {
    /// Always `cohort`: messages by the time of their request, outcomes as of `as_of`.
    pub basis: &'static str,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    pub interval: Interval,
    pub totals: Counters,
    pub rates: Rates,
    /// Why a rate is null, by its name.
    pub null_reasons: BTreeMap<&'static str, &'static str>,
    /// Fewer than 100 settled messages: rates say little.
    pub low_volume: bool,
    /// Seconds that the oldest message in flight is on its way.
    pub in_flight_oldest: Option<f64>,
    pub time_to_delivered: Percentiles,
    pub time_to_accept: Percentiles,
    pub request_to_completed: Percentiles,
    /// Every bucket of the range, also the empty ones.
    pub series: Vec<Point>,
    pub groups: Vec<Group>,
}

/// One bucket of the series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The start of the bucket.
    pub at: DateTime<Utc>,
    #[serde(flatten)]
    pub totals: Counters,
}

/// One value of the dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    pub key: String,
    pub totals: Counters,
    pub rates: Rates,
    pub null_reasons: BTreeMap<&'static str, &'static str>,
    pub low_volume: bool,
}

impl DeliveryQuery {
    /// Every message requested within this range, by hours, not grouped.
    pub fn over(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self {
            from,
            to,
            interval: Interval::Hour,
            group_by: None,
            template: None,
            provider: None,
            mailbox_provider: None,
            recipient_domain: None,
        }
    }
}

impl Interval {
    /// Its length in microseconds.
    pub fn micros(self) -> i64 {
        let seconds = match self {
            Self::Minute => 60,
            Self::QuarterHour => 900,
            Self::Hour => 3_600,
            Self::SixHours => 21_600,
            Self::Day => 86_400,
        };
        seconds * 1_000_000
    }
}

impl Dimension {
    /// The name in the API and of the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Provider => "provider",
            Self::MailboxProvider => "mailbox_provider",
            Self::RecipientDomain => "recipient_domain",
        }
    }
}

impl Queries {
    /// Counts a cohort.
    pub async fn delivery(&self, query: &DeliveryQuery) -> Result<DeliveryMetrics, QueryError> {
        let starts = bucket_starts(query.from, query.to, query.interval)?;
        let mut cohort = Cohort::new(&self.database, self.settings, query).await?;
        let as_of = self.clock.now();

        let buckets = cohort.by_time(query.interval.micros()).await?;
        let groups = match query.group_by {
            Some(dimension) => cohort.by(dimension).await?,
            None => BTreeMap::new(),
        };
        let spans = cohort.spans_and_losses().await?.spans;
        let oldest = cohort.oldest_in_flight().await?;

        let mut totals = Counters::default();
        buckets.values().for_each(|counters| totals.add(counters, 1));
        let rated = Rated::of(&totals);
        Ok(DeliveryMetrics {
            basis: "cohort",
            from: query.from,
            to: query.to,
            as_of,
            interval: query.interval,
            totals,
            rates: rated.rates,
            null_reasons: rated.null_reasons,
            low_volume: rated.low_volume,
            in_flight_oldest: oldest
                .map(|oldest| (as_of.timestamp_micros() - oldest).max(0) as f64 / 1_000_000.0),
            time_to_delivered: spans.of("time_to_delivered").into(),
            time_to_accept: spans.of("time_to_accept").into(),
            request_to_completed: spans.of("request_to_completed").into(),
            series: series(&starts, &buckets),
            groups: ranked(groups),
        })
    }
}

/// Where the buckets of a range begin, as far as they are few enough to be looked at.
pub(super) fn bucket_starts(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    interval: Interval,
) -> Result<Vec<i64>, QueryError> {
    let length = interval.micros();
    let first = from.timestamp_micros().div_euclid(length) * length;
    let to = to.timestamp_micros();
    if (to - first - 1) / length >= MOST_POINTS {
        return Err(QueryError::TooManyPoints { limit: MOST_POINTS });
    }
    Ok((0..).map(|n| first + n * length).take_while(|start| *start < to).collect())
}

fn series(starts: &[i64], buckets: &BTreeMap<i64, Counters>) -> Vec<Point> {
    let point = |start: &i64| {
        let at = DateTime::from_timestamp_micros(*start)?;
        Some(Point { at, totals: buckets.get(start).copied().unwrap_or_default() })
    };
    starts.iter().filter_map(point).collect()
}

/// The largest groups first. A group that every message has moved out of is none.
fn ranked(groups: BTreeMap<String, Counters>) -> Vec<Group> {
    let mut groups: Vec<Group> = groups
        .into_iter()
        .filter(|(_, totals)| totals.requested > 0)
        .map(|(key, totals)| {
            let Rated { rates, null_reasons, low_volume } = Rated::of(&totals);
            Group { key, totals, rates, null_reasons, low_volume }
        })
        .collect();
    groups.sort_by(|a, b| b.totals.requested.cmp(&a.totals.requested).then(a.key.cmp(&b.key)));
    groups.truncate(MOST_GROUPS);
    groups
}
