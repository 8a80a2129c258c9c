//! How long deliveries took: half of them, and the slowest.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Number, span};
use super::outcomes::Time;
use crate::charts::{Drawing, Line, Told, lines, seconds};
use crate::domain::delivery::Threshold;
use crate::queries::{Latency, Percentiles};

/// A percentile: its name, which is its colour too, how it is told, and its value.
struct Percentile(&'static str, &'static str, fn(&Percentiles) -> Option<f64>);

const DRAWN: [Percentile; 3] = [
    Percentile("p50", "half are faster", |p| p.p50),
    Percentile("p95", "95 of 100 are faster", |p| p.p95),
    Percentile("p99", "99 of 100 are faster", |p| p.p99),
];

/// The panel.
#[derive(Debug, Serialize)]
pub struct Speed {
    chart: Drawing,
    legend: Vec<Named>,
    measured: Number,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: &'static str,
    meaning: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct Row {
    at: String,
    measured: Number,
    values: Vec<String>,
}

impl Speed {
    /// Of these measurements; none if there are none.
    pub fn of(desk: &Desk, latency: &Latency) -> Option<Self> {
        if latency.time_to_delivered.count == 0 {
            return None;
        }
        let time = Time { cut: &desk.cut, interval: latency.interval };
        let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), span);
        let series = DRAWN.map(|Percentile(name, _, value)| Line {
            name,
            class: name,
            values: latency.series.iter().map(|point| value(&point.time_to_delivered)).collect(),
        });
        let limits = [Threshold::TIME_TO_DELIVERED.warning, Threshold::TIME_TO_DELIVERED.critical];
        let scale = seconds(series.iter().flat_map(|line| line.values.iter().flatten().copied()), &limits);
        let legend = DRAWN.map(|Percentile(name, meaning, value)| Named {
            name,
            meaning,
            value: text(value(&latency.time_to_delivered)),
        });
        let summary = legend.iter().map(|one| format!("{}: {}", one.meaning, one.value));
        let summary = format!("Over the whole range {}.", summary.collect::<Vec<_>>().join("; "));
        let told = Told { id: "speed", title: "Time to delivered over time", summary: &summary };
        let measured = [("measured", "time_to_delivered")];
        let rows = latency.series.iter().filter(|point| point.time_to_delivered.count > 0).map(|point| Row {
            at: time.label(point.at),
            measured: Number::of(
                desk,
                &desk.cut.bucket(point.at, time.length()),
                point.time_to_delivered.count,
                &measured,
            ),
            values: DRAWN
                .iter()
                .map(|Percentile(_, _, value)| text(value(&point.time_to_delivered)))
                .collect(),
        });
        Some(Self {
            chart: lines(told, &series, &scale, &time.marks(latency.series.iter().map(|point| point.at))),
            legend: legend.into(),
            measured: Number::of(desk, &desk.cut, latency.time_to_delivered.count, &measured),
            rows: rows.collect(),
        })
    }
}
