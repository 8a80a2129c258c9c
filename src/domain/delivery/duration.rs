//! Times between two facts, rounded so that few distinct values remain: histograms of them can be stored as
//! counters, and counters subtract.

use super::Facts;

/// The three spans of one message, in milliseconds of three significant digits; none where an end is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    /// From the request to the provider's acceptance.
    pub to_accept: Option<i64>,
    /// From the hand-over to the first delivered event.
    pub to_delivered: Option<i64>,
    /// From the request to the changed password.
    pub to_completed: Option<i64>,
}

impl Durations {
    /// The names, in the order of `values`.
    pub const NAMES: [&'static str; 3] = ["time_to_accept", "time_to_delivered", "request_to_completed"];

    /// What the facts say. Spans that clocks turned around are zero.
    pub fn of(facts: &Facts) -> Self {
        let requested = facts.request.as_ref().map(|request| request.at);
        let span = |from: Option<i64>, to: Option<i64>| {
            from.zip(to).map(|(from, to)| significant(to.saturating_sub(from).max(0) / 1_000))
        };
        Self {
            to_accept: span(requested, facts.sent_at),
            to_delivered: span(facts.sent_at, facts.delivered_at),
            to_completed: span(requested, facts.completed_at),
        }
    }

    /// Each span, in the order of the names.
    pub fn values(&self) -> [Option<i64>; 3] {
        [self.to_accept, self.to_delivered, self.to_completed]
    }
}

/// Rounds to three significant digits: at most 0.5 % off, and whole seconds below 1,000 stay exact.
pub fn significant(millis: i64) -> i64 {
    let mut unit = 1;
    while millis / unit >= 1_000 {
        unit *= 10;
    }
    millis.saturating_add(unit / 2) / unit * unit
}
