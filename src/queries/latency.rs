//! How long deliveries took, over time.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cohort::Cohort;
use super::delivery::bucket_starts;
use super::spans::Percentiles;
use super::{DeliveryQuery, Interval, Queries, QueryError};
use crate::domain::delivery::Histograms;

const SPAN: &str = "time_to_delivered";

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// Always `cohort`: messages by the time of their request.
    pub basis: &'static str,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    pub interval: Interval,
    pub time_to_delivered: Percentiles,
    /// Every bucket of the range, also the empty ones.
    pub series: Vec<LatencyPoint>,
}

/// One bucket of the series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LatencyPoint {
    /// The start of the bucket.
    pub at: DateTime<Utc>,
    #[serde(flatten)]
    pub time_to_delivered: Percentiles,
}

impl Queries {
    /// Measures a cohort. Grouping is not looked at.
    pub async fn latency(&self, query: &DeliveryQuery) -> Result<Latency, QueryError> {
        let mut cohort = Cohort::new(&self.database, self.settings, query).await?;
        let starts = bucket_starts(query.from, query.to, query.interval)?;
        let buckets = cohort.spans_by_time(query.interval.micros()).await?;
        let mut total = Histograms::default();
        buckets.values().for_each(|tally| total.add(&tally.spans));
        let point = |start: i64| {
            let spans = buckets.get(&start).map(|tally| tally.spans.of(SPAN));
            let at = DateTime::from_timestamp_micros(start)?;
            Some(LatencyPoint { at, time_to_delivered: spans.map(Percentiles::from).unwrap_or_default() })
        };
        Ok(Latency {
            basis: "cohort",
            from: query.from,
            to: query.to,
            as_of: self.clock.now(),
            interval: query.interval,
            time_to_delivered: total.of(SPAN).into(),
            series: starts.into_iter().filter_map(point).collect(),
        })
    }
}
