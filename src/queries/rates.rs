//! Rates of a cohort. What would divide by zero is null with a reason, never 0.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::delivery::Counters;

/// Below this many messages a rate says little.
pub(super) const FEW: i64 = 100;

macro_rules! rates {
    ($($name:ident),* $(,)?) => {
        /// Each rate between 0 and 1, or null.
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        pub struct Rates {
            $(pub $name: Option<f64>,)*
        }

        impl Rates {
            fn slot(&mut self, name: &str) -> Option<&mut Option<f64>> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

rates! {
    delivered_rate,
    bounce_rate,
    hard_bounce_rate,
    soft_bounce_rate,
    block_bounce_rate,
    suppression_rate,
    rejection_rate,
    completion_rate,
    deferral_rate,
    complaint_rate,
    open_rate,
    open_rate_raw,
    click_rate,
    click_to_open_rate,
}

/// The rates, and why some are null.
#[derive(Debug, Clone, Default)]
pub(super) struct Rated {
    pub(super) rates: Rates,
    pub(super) null_reasons: BTreeMap<&'static str, &'static str>,
    pub(super) low_volume: bool,
}

impl Rated {
    pub(super) fn of(c: &Counters) -> Self {
        let no_sent = if c.requested == 0 { "no_requests" } else { "no_settled_mail" };
        let no_delivered = if c.settled == 0 { "no_settled_mail" } else { "no_delivered_mail" };
        let unseen = |delivered| if delivered > 0 { "tracking_off" } else { no_delivered };
        let unseen_clicks = unseen(c.delivered);
        let unopened = if c.click_tracked_delivered > 0 { "no_opened_mail" } else { unseen_clicks };

        let mut rated = Self { low_volume: c.settled < FEW, ..Self::default() };
        for (name, part, whole, reason) in [
            ("delivered_rate", c.delivered, c.settled, "no_settled_mail"),
            ("bounce_rate", c.bounced, c.settled, "no_settled_mail"),
            ("hard_bounce_rate", c.bounced_hard, c.settled, "no_settled_mail"),
            ("soft_bounce_rate", c.bounced_soft, c.settled, "no_settled_mail"),
            ("block_bounce_rate", c.bounced_block, c.settled, "no_settled_mail"),
            ("suppression_rate", c.suppressed, c.requested, "no_requests"),
            ("rejection_rate", c.rejected, c.requested, "no_requests"),
            ("completion_rate", c.completed, c.requested, "no_requests"),
            ("deferral_rate", c.deferred, c.sent, no_sent),
            ("complaint_rate", c.complained, c.delivered, no_delivered),
            ("open_rate", c.open_tracked_opened, c.open_tracked_delivered, unseen(c.delivered)),
            ("open_rate_raw", c.open_tracked_opened_raw, c.open_tracked_delivered, unseen(c.delivered)),
            ("click_rate", c.click_tracked_clicked, c.click_tracked_delivered, unseen_clicks),
            ("click_to_open_rate", c.click_tracked_clicked, c.click_tracked_opened, unopened),
        ] {
            rated.set(name, part, whole, reason);
        }
        rated
    }

    fn set(&mut self, name: &'static str, part: i64, whole: i64, reason: &'static str) {
        if whole == 0 {
            self.null_reasons.insert(name, reason);
        } else if let Some(rate) = self.rates.slot(name) {
            *rate = Some(part as f64 / whole as f64);
        }
    }
}
