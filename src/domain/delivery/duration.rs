//! Times between two facts, rounded so that few distinct values remain: histograms of them can be stored as
//! counters, and counters subtract.

use super::{Facts, Outcome};
use crate::domain::engagement::Micros;

macro_rules! spans {
    ($($(#[$doc:meta])* $span:ident,)*) => {
        /// The spans of one message, in milliseconds of three significant digits; none where an end is missing.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Durations {
            $($(#[$doc])* pub $span: Option<i64>,)*
        }

        impl Durations {
            /// The names, in the order of `values`.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($span)),*];

            /// Each span, in the order of the names.
            pub fn values(&self) -> Vec<Option<i64>> {
                vec![$(self.$span),*]
            }
        }
    };
}

spans! {
    /// From the request to the provider's acceptance.
    time_to_accept,
    /// From the hand-over to the first delivered event.
    time_to_delivered,
    /// From the request to what the mail was for: the changed password.
    request_to_completed,
    /// From the delivery to the first sign of a person.
    delivered_to_opened,
    /// From there to the first time that a person followed the link.
    opened_to_clicked,
    /// From there to what the mail was for.
    clicked_to_completed,
}

impl Durations {
    /// What the facts say, and the outcome that follows from them. Spans that clocks turned around are zero. A
    /// click shows that somebody had opened the mail, and a completion that they had clicked, so each step is at
    /// the latest where the next one is.
    pub fn of(facts: &Facts, outcome: &Outcome) -> Self {
        let requested = facts.request.as_ref().map(|request| request.at);
        let completed = facts.completed_at;
        let (counters, engagement) = (&outcome.counters, &outcome.engagement);
        let clicked = first(engagement.first_human_click_at, completed).filter(|_| counters.clicked == 1);
        let opened = first(engagement.first_human_open_at, clicked).filter(|_| counters.opened == 1);
        Self {
            time_to_accept: span(requested, facts.sent_at),
            time_to_delivered: span(facts.sent_at, facts.delivered_at),
            request_to_completed: span(requested, completed),
            delivered_to_opened: span(facts.delivered_at, opened),
            opened_to_clicked: span(opened, clicked),
            clicked_to_completed: span(clicked, completed),
        }
    }
}

fn first(one: Option<Micros>, other: Option<Micros>) -> Option<Micros> {
    [one, other].into_iter().flatten().min()
}

fn span(from: Option<Micros>, to: Option<Micros>) -> Option<i64> {
    from.zip(to).map(|(from, to)| significant(to.saturating_sub(from).max(0) / 1_000))
}

/// Rounds to three significant digits: at most 0.5 % off, and whole seconds below 1,000 stay exact.
pub fn significant(millis: i64) -> i64 {
    let mut unit = 1;
    while millis / unit >= 1_000 {
        unit *= 10;
    }
    millis.saturating_add(unit / 2) / unit * unit
}
