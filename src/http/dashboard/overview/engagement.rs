//! Who opened and followed: people, or machines that look into mails before people do.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Number, percent};
use super::words;
use crate::charts::{Drawing, bar};
use crate::queries::DeliveryMetrics;

/// The panel.
#[derive(Debug, Serialize)]
pub struct Engagement {
    opens: Part,
    clicks: Part,
}

/// Opens, or clicks.
#[derive(Debug, Serialize)]
struct Part {
    title: &'static str,
    /// What is counted at all: mails in which it can be seen.
    seen: Number,
    /// Delivered mails in which it cannot.
    unseen: Number,
    rows: Vec<Row>,
    /// Why there is nothing.
    missing: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    number: Number,
    share: String,
    bar: Drawing,
}

impl Engagement {
    /// Of these metrics.
    pub fn of(desk: &Desk, metrics: &DeliveryMetrics) -> Self {
        let c = &metrics.totals;
        let number = |value: i64, flags: &[&str]| {
            let flags: Vec<_> = flags.iter().map(|flag| ("flag", *flag)).collect();
            Number::of(desk, &desk.cut, value, &flags)
        };
        let row = |name, whole: i64, value: i64, class: &str, flags: &[&str]| {
            let share = value as f64 / whole.max(1) as f64;
            Row { name, number: number(value, flags), share: percent(share), bar: bar(share, class) }
        };
        let missing = |rate: &str| metrics.null_reasons.get(rate).map(|reason| words::why(reason));
        let (tracked, people, anybody) =
            (c.open_tracked_delivered, c.open_tracked_opened, c.open_tracked_opened_raw);
        let opens = Part {
            title: "Opened",
            seen: number(tracked, &["open_tracked_delivered"]),
            unseen: number(c.delivered - tracked, &["delivered", "-open_tracked_delivered"]),
            rows: vec![
                row("by a person", tracked, people, "delivered", &["open_tracked_opened"]),
                row(
                    "by machines only",
                    tracked,
                    anybody - people,
                    "suppressed",
                    &["open_tracked_opened_raw", "-open_tracked_opened"],
                ),
                row(
                    "by nobody",
                    tracked,
                    tracked - anybody,
                    "waiting",
                    &["open_tracked_delivered", "-open_tracked_opened_raw"],
                ),
            ],
            missing: missing("open_rate"),
        };
        let (tracked, people) = (c.click_tracked_delivered, c.click_tracked_clicked);
        let clicks = Part {
            title: "Followed",
            seen: number(tracked, &["click_tracked_delivered"]),
            unseen: number(c.delivered - tracked, &["delivered", "-click_tracked_delivered"]),
            rows: vec![
                row("by a person", tracked, people, "delivered", &["click_tracked_clicked"]),
                row(
                    "by machines only, or nobody",
                    tracked,
                    tracked - people,
                    "waiting",
                    &["click_tracked_delivered", "-click_tracked_clicked"],
                ),
            ],
            missing: missing("click_rate"),
        };
        Self { opens, clicks }
    }
}
