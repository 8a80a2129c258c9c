//! Flags, derived from facts. Their definitions are the product's: a projection, an answer and a dashboard
//! that show the same name show the same number.

use serde::{Deserialize, Serialize};

use super::{Counters, Facts};
use crate::domain::bounce::BounceClass;
use crate::domain::engagement::Engagement;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What it adds to each counter.
    pub counters: Counters,
    /// Who read it.
    pub engagement: Engagement,
    /// Whether it was delayed by somebody who has it, and not only before anybody had.
    is_delayed: bool,
    /// Whether anybody tells what became of it.
    is_reported: bool,
}

/// How far one message has come, in one word. Derived, never stored as a truth of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not handed over yet.
    Queued,
    /// Handed over; nothing heard since, or nobody who would tell.
    Sent,
    /// Handed over; the receiving server asked to come back later.
    Deferred,
    Delivered,
    Bounced,
    Suppressed,
    Rejected,
    /// What it is about died before it was handed over.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Deferred,
        Self::Delivered,
        Self::Bounced,
        Self::Suppressed,
        Self::Rejected,
        Self::Canceled,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Suppressed => "suppressed",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
        }
    }
}

impl Outcome {
    /// Derives every flag. Without a request every counter is 0.
    pub fn derive(facts: &Facts) -> Self {
        let engagement = facts.sightings.judge(facts.delivered_at);
        let is_delayed = !facts.deferrals.is_empty();
        let Some(request) = &facts.request else {
            return Self { counters: Counters::default(), engagement, is_delayed, is_reported: true };
        };
        let is_reported = request.is_reported();

        let failed = facts.bounced.is_some();
        let provider_event = is_delayed
            || failed
            || facts.delivered_at.is_some()
            || facts.complained_at.is_some()
            || facts.unsubscribed_at.is_some()
            || facts.sightings.has_provider_event();
        let handed_over = facts.sent_at.is_some() || provider_event;
        let person = engagement.first_human_click_at.is_some() || facts.completed_at.is_some();
        let machine_seen =
            engagement.first_machine_open_at.is_some() || engagement.first_machine_click_at.is_some();
        let any_open = engagement.first_human_open_at.is_some() || engagement.first_machine_open_at.is_some();
        let arrived =
            facts.delivered_at.is_some() || facts.complained_at.is_some() || any_open || machine_seen;

        let suppressed = facts.suppressed.is_some();
        let rejected = !suppressed && facts.rejected.is_some() && !handed_over;
        let sent = !suppressed && !rejected && handed_over;
        let delivered = sent && (person || (!failed && arrived));
        let bounced = sent && !delivered && failed;
        let settled = delivered || bounced;
        let not_handed_over = !suppressed && !rejected && !sent;
        let opened = delivered && (person || engagement.first_human_open_at.is_some());
        let opened_raw = delivered && (person || any_open);
        let clicked = delivered && person;
        let completed = delivered && facts.completed_at.is_some();
        let is_class = |class| bounced && facts.bounced.is_some_and(|bounce| bounce.class == class);
        let delivered_first = || {
            facts.delivered_at.zip(facts.bounced).is_some_and(|(delivered, bounce)| delivered <= bounce.at)
        };
        let opens_seen = request.opens_tracked;
        let clicks_seen = request.clicks_tracked;

        let counters = Counters {
            requested: 1,
            suppressed: suppressed.into(),
            rejected: rejected.into(),
            sent: sent.into(),
            sent_inferred: (sent && facts.sent_at.is_none()).into(),
            delivered: delivered.into(),
            delivered_inferred: (delivered && facts.delivered_at.is_none()).into(),
            bounced: bounced.into(),
            bounced_hard: is_class(BounceClass::Hard).into(),
            bounced_soft: is_class(BounceClass::Soft).into(),
            bounced_block: is_class(BounceClass::Block).into(),
            bounced_undetermined: is_class(BounceClass::Undetermined).into(),
            bounced_async: (bounced && delivered_first()).into(),
            bounce_contradicted: (delivered && failed).into(),
            in_flight: (sent && !settled).into(),
            settled: settled.into(),
            not_handed_over: not_handed_over.into(),
            canceled: (not_handed_over && facts.canceled.is_some()).into(),
            deferred: (sent && facts.all_deferrals().next().is_some()).into(),
            complained: facts.complained_at.is_some().into(),
            unsubscribed: facts.unsubscribed_at.is_some().into(),
            opened: opened.into(),
            opened_raw: opened_raw.into(),
            clicked: clicked.into(),
            completed: completed.into(),
            unaccounted: (delivered && !completed).into(),
            open_tracked_delivered: (delivered && opens_seen).into(),
            open_tracked_opened: (opened && opens_seen).into(),
            open_tracked_opened_raw: (opened_raw && opens_seen).into(),
            click_tracked_delivered: (delivered && clicks_seen).into(),
            click_tracked_opened: (opened && clicks_seen).into(),
            click_tracked_clicked: (clicked && clicks_seen).into(),
            clock_skewed: facts
                .sent_at
                .zip(facts.delivered_at)
                .is_some_and(|(sent, delivered)| delivered < sent)
                .into(),
            failed: (!facts.failures.is_empty()).into(),
            opens_human: engagement.opens_human,
            opens_machine: engagement.opens_machine,
            clicks_human: engagement.clicks_human,
            clicks_machine: engagement.clicks_machine,
        };
        Self { counters, engagement, is_delayed, is_reported }
    }

    /// How far it has come.
    pub fn status(&self) -> Status {
        let counters = &self.counters;
        match () {
            () if counters.suppressed == 1 => Status::Suppressed,
            () if counters.rejected == 1 => Status::Rejected,
            () if counters.delivered == 1 => Status::Delivered,
            () if counters.bounced == 1 => Status::Bounced,
            () if counters.in_flight == 1 && self.is_delayed => Status::Deferred,
            () if counters.in_flight == 1 => Status::Sent,
            () if counters.canceled == 1 => Status::Canceled,
            () => Status::Queued,
        }
    }

    /// The same in a sentence, for a person.
    pub fn explanation(&self) -> &'static str {
        match self.status() {
            Status::Queued => "It waits to be handed over.",
            Status::Sent if self.is_reported => "The mail provider took it; nothing was heard of it since.",
            Status::Sent => "The mail server took it; what became of it is not reported.",
            Status::Deferred => "The receiving server asked to come back later.",
            Status::Delivered if self.counters.delivered_inferred == 1 => {
                "It arrived: somebody came back by it."
            }
            Status::Delivered => "The receiving server took it; inbox or spam folder is unknown.",
            Status::Bounced => "It failed for good.",
            Status::Suppressed => "It was not sent: the address gets no mail.",
            Status::Rejected => "It was refused and will never be sent.",
            Status::Canceled => "It was not sent: what it is about had ended before.",
        }
    }
}
