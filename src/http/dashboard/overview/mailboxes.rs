//! How mail arrives at each mailbox provider, worst first. Those with few mails come last: a rate of theirs says
//! little.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Number, percent};
use super::super::words::mailbox;
use super::words;
use crate::charts::{Drawing, bar};
use crate::domain::delivery::Threshold;
use crate::queries::{DeliveryMetrics, Dimension, Group};

/// One mailbox provider.
#[derive(Debug, Serialize)]
pub struct Mailbox {
    name: String,
    /// This page about it alone.
    href: String,
    rate: String,
    bar: Drawing,
    level: &'static str,
    word: Option<&'static str>,
    is_low: bool,
    delivered: Number,
    bounced: Number,
    settled: Number,
    in_flight: Number,
}

/// From metrics that are grouped by mailbox provider.
pub fn worst_first(desk: &Desk, metrics: &DeliveryMetrics) -> Vec<Mailbox> {
    let mut groups: Vec<&Group> = metrics.groups.iter().collect();
    // Without anything settled there is no rate: last of all.
    let rate = |group: &Group| group.rates.delivered_rate.unwrap_or(2.0);
    groups.sort_by(|a, b| {
        let by_rate = rate(a).total_cmp(&rate(b));
        a.low_volume.cmp(&b.low_volume).then(by_rate).then(b.totals.settled.cmp(&a.totals.settled))
    });
    groups.into_iter().map(|group| Mailbox::of(desk, group)).collect()
}

impl Mailbox {
    fn of(desk: &Desk, group: &Group) -> Self {
        let name = Dimension::MailboxProvider.as_str();
        let number = |value: i64, flag: &str| {
            Number::of(desk, &desk.cut, value, &[(name, group.key.as_str()), ("flag", flag)])
        };
        let rate = group.rates.delivered_rate;
        let level = rate.and_then(|rate| Threshold::DELIVERED_RATE.level(rate, group.totals.settled));
        let pairs = desk.cut.pairs();
        let others = pairs.iter().filter(|(other, _)| *other != name);
        let pairs = others.map(|(name, value)| (*name, value.as_str())).chain([(name, group.key.as_str())]);
        Self {
            name: mailbox(&group.key).to_owned(),
            href: desk.link("", pairs),
            rate: rate.map_or_else(|| "–".to_owned(), percent),
            bar: bar(rate.unwrap_or_default(), level.map_or("quiet", words::class)),
            level: level.map_or("quiet", words::class),
            word: level.map(words::judgement),
            is_low: group.low_volume,
            delivered: number(group.totals.delivered, "delivered"),
            bounced: number(group.totals.bounced, "bounced"),
            settled: number(group.totals.settled, "settled"),
            in_flight: number(group.totals.in_flight, "in_flight"),
        }
    }
}
