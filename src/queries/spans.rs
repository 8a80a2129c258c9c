//! Percentiles of spans, by nearest rank over rounded values.

use serde::Serialize;

use crate::domain::delivery::Histogram;

/// How far a rounded span is off at most, as a share of itself.
const RELATIVE_ERROR: f64 = 0.005;

/// Percentiles in seconds; null where nothing was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Messages measured.
    pub count: i64,
    pub p50: Option<f64>,
    pub p75: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    /// How far a value may be off, as a share of itself: spans are kept with three significant digits.
    pub relative_error: f64,
}

impl From<&Histogram> for Percentiles {
    fn from(histogram: &Histogram) -> Self {
        let at = |percent| histogram.percentile(percent).map(|millis| millis as f64 / 1_000.0);
        Self {
            count: histogram.count(),
            p50: at(50),
            p75: at(75),
            p90: at(90),
            p95: at(95),
            p99: at(99),
            relative_error: RELATIVE_ERROR,
        }
    }
}
