//! How many messages took how long, for every span: sums that can be added, taken away from, and kept in a few
//! bytes. Values are rounded before they come here, so there are some thousands of them at most.

use std::collections::BTreeMap;

use super::Durations;

/// How many messages took how many milliseconds. No entry is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<i64, i64>);

/// One histogram for each span, in the order of [`Durations::NAMES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histograms(Vec<Histogram>);

impl Default for Histograms {
    fn default() -> Self {
        Self(vec![Histogram::default(); Durations::NAMES.len()])
    }
}

impl Histogram {
    /// Adds so many messages; a negative number takes them away.
    pub fn add(&mut self, millis: i64, messages: i64) {
        let entry = self.0.entry(millis).or_default();
        *entry += messages;
        if *entry == 0 {
            self.0.remove(&millis);
        }
    }

    /// Messages in all.
    pub fn count(&self) -> i64 {
        self.0.values().sum()
    }

    /// The value at ⌈p·n⌉, counted from 1 in ascending order (nearest rank); none without messages.
    pub fn percentile(&self, percent: i64) -> Option<i64> {
        let rank = (percent * self.count() + 99) / 100;
        let mut seen = 0;
        self.0.iter().find_map(|(millis, messages)| {
            seen += messages;
            (seen >= rank).then_some(*millis)
        })
    }
}

impl Histograms {
    /// The histogram of the span of this name.
    pub fn of(&self, name: &str) -> &Histogram {
        let place = Durations::NAMES.iter().position(|span| *span == name);
        &self.0[place.expect("the name of a span")]
    }

    /// Adds the spans of one message `times` times; -1 takes them away.
    pub fn count(&mut self, durations: &Durations, times: i64) {
        self.count_values(durations.values(), times);
    }

    /// The same, from the spans in the order of their names.
    pub fn count_values(&mut self, values: impl IntoIterator<Item = Option<i64>>, times: i64) {
        for (histogram, value) in self.0.iter_mut().zip(values) {
            if let Some(millis) = value {
                histogram.add(millis, times);
            }
        }
    }

    /// Adds all of the other's.
    pub fn add(&mut self, other: &Self) {
        for (histogram, other) in self.0.iter_mut().zip(&other.0) {
            other.0.iter().for_each(|(millis, messages)| histogram.add(*millis, *messages));
        }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|histogram| histogram.0.is_empty())
    }

    /// As it is stored: for each span the number of its entries, then of each the distance to the value before
    /// and the messages; every number in LEB128, seven bits to a byte.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for Histogram(entries) in &self.0 {
            put(&mut bytes, entries.len() as u64);
            let mut before = 0;
            for (millis, messages) in entries {
                put(&mut bytes, millis.abs_diff(before));
                put(&mut bytes, messages.unsigned_abs());
                before = *millis;
            }
        }
        bytes
    }

    /// Reads what `encode` wrote; `None` if it did not. Spans that were added since then are empty.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut histograms = Self::default();
        for Histogram(entries) in &mut histograms.0 {
            if bytes.is_empty() {
                break;
            }
            let mut millis = 0_i64;
            for _ in 0..take(&mut bytes)? {
                millis = millis.checked_add_unsigned(take(&mut bytes)?)?;
                entries.insert(millis, i64::try_from(take(&mut bytes)?).ok()?);
            }
        }
        bytes.is_empty().then_some(histograms)
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::delivery::significant;

    proptest! {
        #[test]
        fn a_percentile_is_the_nearest_rank_within_half_a_percent(
            mut values in prop::collection::vec(0_i64..100_000_000, 1..200),
            percent in 1_i64..=99,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|millis| histogram.add(significant(*millis), 1));

            let found = histogram.percentile(percent).unwrap() as f64;

            values.sort_unstable();
            let rank = (percent as usize * values.len()).div_ceil(100);
            let exact = values[rank - 1] as f64;
            prop_assert!((found - exact).abs() <= exact * 0.005 + 1e-9, "{} {}", found, exact);
        }

        #[test]
        fn what_is_stored_reads_back_and_junk_does_no_harm(
            messages in prop::collection::vec(prop::array::uniform6(prop::option::of(0_i64..1 << 40)), 0..50),
            junk in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut histograms = Histograms::default();
            messages.iter().for_each(|spans| histograms.count_values(*spans, 1));

            prop_assert_eq!(Histograms::decode(&histograms.encode()), Some(histograms.clone()));
            let _ = Histograms::decode(&junk);
            messages.iter().for_each(|spans| histograms.count_values(*spans, -1));
            prop_assert!(histograms.is_empty());
        }
    }

    #[test]
    fn whole_seconds_below_a_thousand_are_exact() {
        for seconds in 0..1_000 {
            assert_eq!(significant(seconds * 1_000), seconds * 1_000);
        }
    }
}
