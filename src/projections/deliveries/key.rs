//! Which sums a message belongs to.

use crate::database::Value;
use crate::domain::delivery::Facts;

/// Microseconds of an hour and of a day, by the grain of the sum. A rollup of all domains stays small whatever the
/// number of domains; one that tells them apart serves those who ask for one.
const GRAINS: [(&str, i64, bool); 4] = [
    ("hour", 3_600_000_000, false),
    ("day", 86_400_000_000, false),
    ("domain_hour", 3_600_000_000, true),
    ("domain_day", 86_400_000_000, true),
];

/// Where a message counts: when it was requested, and its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) grain: &'static str,
    pub(super) start: i64,
    /// Template, provider, mailbox provider, and the recipient's domain where it is told apart.
    pub(super) dimensions: [String; 4],
}

impl Key {
    /// The columns that hold it.
    pub(super) const COLUMNS: [&str; 6] =
        ["grain", "start", "template", "provider", "mailbox_provider", "recipient_domain"];

    /// None while the request is unknown: such a message counts nowhere.
    pub(super) fn all_of(facts: &Facts) -> Vec<Self> {
        let Some(request) = &facts.request else { return vec![] };
        let key = |(grain, length, by_domain): (&'static str, i64, bool)| Self {
            grain,
            start: request.at.div_euclid(length) * length,
            dimensions: [
                request.template.clone(),
                request.provider.clone(),
                facts.mailbox_provider().to_owned(),
                if by_domain { request.recipient_domain.clone() } else { String::new() },
            ],
        };
        GRAINS.into_iter().map(key).collect()
    }

    /// Just after the last instant that counts here.
    pub(super) fn end(&self) -> i64 {
        let length =
            GRAINS.iter().find(|(grain, ..)| *grain == self.grain).map_or(0, |(_, length, _)| *length);
        self.start + length
    }

    /// The dimensions by which it tells messages apart.
    pub(super) fn told_apart(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let by_domain = GRAINS.iter().any(|(grain, _, by_domain)| *grain == self.grain && *by_domain);
        let dimensions = Self::COLUMNS[2..].iter().copied().zip(&self.dimensions);
        dimensions.take(if by_domain { 4 } else { 3 })
    }

    /// In the order of the columns.
    pub(super) fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = vec![self.grain.into(), self.start.into()];
        values.extend(self.dimensions.iter().map(|dimension| Value::from(dimension.as_str())));
        values
    }
}
