//! The six numbers on top: what each is, of what, how it compares with the period before, and whether it is good.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Number, grouped, percent, span};
use super::words;
use crate::charts::{Drawing, sparkline};
use crate::domain::delivery::{Counters, Threshold};
use crate::queries::{DeliveryMetrics, Latency};

/// One number.
#[derive(Debug, Serialize)]
pub struct Tile {
    title: &'static str,
    value: String,
    /// The messages that the value itself counts, if it counts any.
    number: Option<Number>,
    /// What it is a share of, in words: so many of so many.
    part: Option<Number>,
    whole: Option<Number>,
    of: &'static str,
    /// Why there is no value.
    missing: Option<&'static str>,
    /// How it moved against the period before.
    change: Option<String>,
    /// How it is to be taken: a colour and a word; none if nothing is to be said.
    level: &'static str,
    word: Option<&'static str>,
    /// What it should keep to.
    limit: Option<String>,
    /// Too few messages to say much.
    is_low: bool,
    line: Drawing,
}

/// What tiles are made of: this period, and the one before.
pub struct Periods<'a> {
    pub now: &'a DeliveryMetrics,
    pub latency: &'a Latency,
    pub before: Option<&'a DeliveryMetrics>,
}

/// A rate: its counters and its limits.
struct Rate {
    title: &'static str,
    name: &'static str,
    part: fn(&Counters) -> i64,
    part_flag: &'static str,
    whole: fn(&Counters) -> i64,
    whole_flag: &'static str,
    of: &'static str,
    threshold: Option<Threshold>,
    value: fn(&DeliveryMetrics) -> Option<f64>,
}

const RATES: [Rate; 4] = [
    Rate {
        title: "Delivered",
        name: "delivered_rate",
        part: |c| c.delivered,
        part_flag: "delivered",
        whole: |c| c.settled,
        whole_flag: "settled",
        of: "settled",
        threshold: Some(Threshold::DELIVERED_RATE),
        value: |m| m.rates.delivered_rate,
    },
    Rate {
        title: "Bounced",
        name: "bounce_rate",
        part: |c| c.bounced,
        part_flag: "bounced",
        whole: |c| c.settled,
        whole_flag: "settled",
        of: "settled",
        threshold: Some(Threshold::BOUNCE_RATE),
        value: |m| m.rates.bounce_rate,
    },
    Rate {
        title: "Complained",
        name: "complaint_rate",
        part: |c| c.complained,
        part_flag: "complained",
        whole: |c| c.delivered,
        whole_flag: "delivered",
        of: "delivered",
        threshold: Some(Threshold::COMPLAINT_RATE),
        value: |m| m.rates.complaint_rate,
    },
    Rate {
        title: "Completed",
        name: "completion_rate",
        part: |c| c.completed,
        part_flag: "completed",
        whole: |c| c.requested,
        whole_flag: "requested",
        of: "requested",
        threshold: None,
        value: |m| m.rates.completion_rate,
    },
];

/// All six, in the order of a mail's way.
pub fn all(desk: &Desk, periods: &Periods) -> Vec<Tile> {
    let [delivered, bounced, complained, completed] = RATES.map(|rate| rate.tile(desk, periods));
    vec![
        requested(desk, periods),
        delivered,
        time_to_delivered(desk, periods),
        bounced,
        complained,
        completed,
    ]
}

fn requested(desk: &Desk, periods: &Periods) -> Tile {
    let value = periods.now.totals.requested;
    let change = periods.before.map(|before| match before.totals.requested {
        0 if value == 0 => "None before either".to_owned(),
        0 => "None before".to_owned(),
        was if was == value => format!("As many as before ({})", grouped(was)),
        was => {
            let share = (value - was) as f64 / was as f64;
            let direction = if share > 0.0 { "Up" } else { "Down" };
            format!("{direction} {}, was {}", percent(share.abs()), grouped(was))
        }
    });
    let points = periods.now.series.iter().map(|point| Some(point.totals.requested as f64));
    Tile {
        number: Some(Number::of(desk, &desk.cut, value, &[("flag", "requested")])),
        of: if value == 1 { "mail was asked for" } else { "mails were asked for" },
        change,
        line: line("Mails asked for", &points.collect::<Vec<_>>(), |value| grouped(value.round() as i64)),
        ..Tile::empty("Requested", grouped(value))
    }
}

fn time_to_delivered(desk: &Desk, periods: &Periods) -> Tile {
    let now = &periods.now.time_to_delivered;
    let before = periods.before.and_then(|before| before.time_to_delivered.p95);
    let change = now.p95.zip(before).map(|(now, was)| match now - was {
        d if d.abs() < 0.05 => format!("As before ({})", span(was)),
        d if d > 0.0 => format!("Up {}, was {}", span(d), span(was)),
        d => format!("Down {}, was {}", span(-d), span(was)),
    });
    let points = periods.latency.series.iter().map(|point| point.time_to_delivered.p95);
    let tile = Tile {
        whole: Some(Number::of(desk, &desk.cut, now.count, &[("measured", "time_to_delivered")])),
        of: "measured; 95 of 100 were faster",
        missing: now.p95.is_none().then_some("no delivery was measured"),
        change,
        line: line("95th percentile", &points.collect::<Vec<_>>(), span),
        ..Tile::empty("Time to delivered", now.p95.map_or_else(|| "–".to_owned(), span))
    };
    tile.judged(now.p95, now.count, Some(Threshold::TIME_TO_DELIVERED), |limit| {
        format!("at most {}", span(limit))
    })
}

impl Rate {
    fn tile(self, desk: &Desk, periods: &Periods) -> Tile {
        let totals = &periods.now.totals;
        let (part, whole) = ((self.part)(totals), (self.whole)(totals));
        let value = (self.value)(periods.now);
        let before = periods.before.and_then(self.value);
        let change = value.zip(before).map(|(now, was)| {
            let points = (now - was) * 100.0;
            let digits = if points.abs() < 1.0 { 2 } else { 1 };
            match points {
                p if p.abs() < 0.005 => format!("As before ({})", percent(was)),
                p if p > 0.0 => format!("Up {p:.digits$} points, was {}", percent(was)),
                p => format!("Down {:.digits$} points, was {}", -p, percent(was)),
            }
        });
        let points = periods.now.series.iter().map(|point| {
            let whole = (self.whole)(&point.totals);
            (whole > 0).then(|| (self.part)(&point.totals) as f64 / whole as f64)
        });
        let tile = Tile {
            part: Some(Number::of(desk, &desk.cut, part, &[("flag", self.part_flag)])),
            whole: Some(Number::of(desk, &desk.cut, whole, &[("flag", self.whole_flag)])),
            of: self.of,
            missing: periods.now.null_reasons.get(self.name).map(|reason| words::why(reason)),
            change,
            line: line(self.title, &points.collect::<Vec<_>>(), percent),
            ..Tile::empty(self.title, value.map_or_else(|| "–".to_owned(), percent))
        };
        let is_floor = self.threshold.is_some_and(|threshold| threshold.is_floor);
        let limits = if is_floor { "at least" } else { "at most" };
        tile.judged(value, whole, self.threshold, |limit| format!("{limits} {}", percent(limit)))
    }
}

impl Tile {
    fn empty(title: &'static str, value: String) -> Self {
        Self {
            title,
            value,
            number: None,
            part: None,
            whole: None,
            of: "",
            missing: None,
            change: None,
            level: "",
            word: None,
            limit: None,
            is_low: false,
            line: sparkline("", &[]),
        }
    }

    fn judged(
        self,
        value: Option<f64>,
        messages: i64,
        threshold: Option<Threshold>,
        limit: impl Fn(f64) -> String,
    ) -> Self {
        let least = threshold.map_or(Threshold::DELIVERED_RATE.least, |threshold| threshold.least);
        let level = threshold.zip(value).and_then(|(threshold, value)| threshold.level(value, messages));
        Self {
            level: level.map_or("", words::class),
            word: level.map(words::judgement),
            limit: threshold.map(|threshold| limit(threshold.warning)),
            is_low: value.is_some() && messages < least,
            ..self
        }
    }
}

/// A line, told in words: where it begins and ends.
fn line(name: &str, points: &[Option<f64>], text: impl Fn(f64) -> String) -> Drawing {
    let known: Vec<f64> = points.iter().flatten().copied().collect();
    let words = match (known.first(), known.last()) {
        (Some(first), Some(last)) => {
            let most = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{name} over time: from {} to {}, at most {}", text(*first), text(*last), text(most))
        }
        _ => format!("{name} over time: nothing"),
    };
    sparkline(&words, points)
}
