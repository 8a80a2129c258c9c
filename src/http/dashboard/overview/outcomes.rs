//! What became of the mails, by the time at which they were asked for.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::super::cut::Cut;
use super::super::desk::Desk;
use super::super::number::{Number, grouped};
use crate::charts::{Drawing, Mark, Stack, Told, patterns, stacked};
use crate::domain::delivery::Counters;
use crate::queries::{DeliveryMetrics, Interval};

/// One outcome: its word, its colour, the counter that is its flag too, and how many.
struct Outcome(&'static str, &'static str, &'static str, fn(&Counters) -> i64);

/// They exclude each other, and together they are all that was asked for. The lowest of the stack first.
const OUTCOMES: [Outcome; 6] = [
    Outcome("delivered", "delivered", "delivered", |c| c.delivered),
    Outcome("bounced", "bounced", "bounced", |c| c.bounced),
    Outcome("in flight", "flight", "in_flight", |c| c.in_flight),
    Outcome("suppressed", "suppressed", "suppressed", |c| c.suppressed),
    Outcome("refused", "rejected", "rejected", |c| c.rejected),
    Outcome("not handed over", "waiting", "not_handed_over", |c| c.not_handed_over),
];

/// The panel.
#[derive(Debug, Serialize)]
pub struct Outcomes {
    patterns: Drawing,
    chart: Drawing,
    legend: Vec<Named>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: &'static str,
    class: &'static str,
    number: Number,
}

#[derive(Debug, Serialize)]
struct Row {
    at: String,
    requested: Number,
    numbers: Vec<Number>,
}

impl Outcomes {
    /// Of these metrics.
    pub fn of(desk: &Desk, metrics: &DeliveryMetrics) -> Self {
        let time = Time { cut: &desk.cut, interval: metrics.interval };
        let totals = &metrics.totals;
        let number = |cut: &Cut, counters: &Counters, outcome: &Outcome| {
            Number::of(desk, cut, outcome.3(counters), &[("flag", outcome.2)])
        };
        let legend = OUTCOMES.iter().map(|outcome| Named {
            name: outcome.0,
            class: outcome.1,
            number: number(&desk.cut, totals, outcome),
        });
        let series: Vec<_> = OUTCOMES
            .iter()
            .map(|outcome| Stack {
                name: outcome.0,
                class: outcome.1,
                values: metrics.series.iter().map(|point| outcome.3(&point.totals)).collect(),
            })
            .collect();
        let bars: Vec<_> = metrics.series.iter().map(|point| time.label(point.at)).collect();
        let summary = OUTCOMES.iter().map(|outcome| format!("{} {}", grouped(outcome.3(totals)), outcome.0));
        let summary = format!(
            "Of {} {} asked for: {}.",
            grouped(totals.requested),
            if totals.requested == 1 { "mail" } else { "mails" },
            summary.collect::<Vec<_>>().join(", ")
        );
        let told = Told { id: "outcomes", title: "Outcomes over time", summary: &summary };
        let rows = metrics.series.iter().filter(|point| point.totals.requested > 0).map(|point| {
            let cut = desk.cut.bucket(point.at, time.length());
            Row {
                at: time.label(point.at),
                requested: Number::of(desk, &cut, point.totals.requested, &[("flag", "requested")]),
                numbers: OUTCOMES.iter().map(|outcome| number(&cut, &point.totals, outcome)).collect(),
            }
        });
        Self {
            patterns: patterns(&OUTCOMES.map(|outcome| outcome.1)),
            chart: stacked(told, &bars, &series, &time.marks(metrics.series.iter().map(|point| point.at))),
            legend: legend.collect(),
            rows: rows.collect(),
        }
    }
}

/// How the buckets of a series are told.
pub struct Time<'a> {
    pub cut: &'a Cut,
    pub interval: Interval,
}

impl Time<'_> {
    /// The length of a bucket.
    pub fn length(&self) -> TimeDelta {
        TimeDelta::microseconds(self.interval.micros())
    }

    /// When a bucket begins.
    pub fn label(&self, at: DateTime<Utc>) -> String {
        let format = match self.interval {
            Interval::Day => "%-d %b",
            _ if self.cut.to - self.cut.from > TimeDelta::hours(24) => "%-d %b %H:%M",
            _ if self.cut.from.date_naive() != self.cut.to.date_naive() => "%-d %b %H:%M",
            _ => "%H:%M",
        };
        at.format(format).to_string()
    }

    /// Four marks below a chart of these buckets.
    pub fn marks(&self, starts: impl Iterator<Item = DateTime<Utc>>) -> Vec<Mark> {
        let starts: Vec<_> = starts.collect();
        let format = match self.interval {
            Interval::Day | Interval::SixHours => "%-d %b",
            _ => "%H:%M",
        };
        let count = starts.len();
        let step = count.div_ceil(4).max(1);
        let marks = starts.iter().enumerate().step_by(step);
        marks
            .map(|(at, start)| Mark::new(at as f64 / count as f64, start.format(format).to_string()))
            .collect()
    }
}
