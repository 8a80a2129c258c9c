//! Percentiles of spans, by nearest rank over rounded values.

use std::collections::BTreeMap;

use serde::Serialize;

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

/// How many messages took how many milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram(BTreeMap<i64, i64>);

impl Histogram {
    pub(super) fn add(&mut self, millis: i64, messages: i64) {
        *self.0.entry(millis).or_default() += messages;
    }

    pub(super) fn percentiles(&self) -> Percentiles {
        let count = self.0.values().sum();
        let at = |percent| self.at(percent, count).map(|millis| millis as f64 / 1_000.0);
        Percentiles {
            count,
            p50: at(50),
            p75: at(75),
            p90: at(90),
            p95: at(95),
            p99: at(99),
            relative_error: RELATIVE_ERROR,
        }
    }

    /// The value at ⌈p·n⌉, counted from 1.
    fn at(&self, percent: i64, count: i64) -> Option<i64> {
        let rank = (percent * count + 99) / 100;
        let mut seen = 0;
        self.0.iter().find_map(|(millis, messages)| {
            seen += messages;
            (*messages > 0 && seen >= rank).then_some(*millis)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::delivery::significant;

    proptest! {
        #[test]
        fn a_percentile_is_the_nearest_rank_within_its_error(
            mut values in prop::collection::vec(0_i64..100_000_000, 1..200),
            percent in 1_i64..=99,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|millis| histogram.add(significant(*millis), 1));

            let found = histogram.at(percent, values.len() as i64).unwrap() as f64;

            values.sort_unstable();
            let rank = (percent as usize * values.len()).div_ceil(100);
            let exact = values[rank - 1] as f64;
            prop_assert!((found - exact).abs() <= exact * RELATIVE_ERROR + 1e-9, "{} {}", found, exact);
        }
    }

    #[test]
    fn whole_seconds_below_a_thousand_are_exact() {
        for seconds in 0..1_000 {
            assert_eq!(significant(seconds * 1_000), seconds * 1_000);
        }
    }
}
