//! Where a message left the funnel, and why: of the steps that it was on its way to, the first that it did not
//! reach. Every message leaves at one step at most, so the losses of a step add up to the difference between
//! two counters.

use serde::Serialize;

use super::{Counters, Facts};
use crate::domain::bounce::Category;

/// A step of the funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Requested,
    Sent,
    Delivered,
    Opened,
    Clicked,
    Completed,
}

/// The step that a message did not reach, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    pub at: Step,
    /// A word of a closed list, see [`Loss::all`].
    pub reason: &'static str,
}

impl Step {
    /// In the order of the funnel.
    pub const ALL: [Self; 6] =
        [Self::Requested, Self::Sent, Self::Delivered, Self::Opened, Self::Clicked, Self::Completed];

    /// The name in the API and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Completed => "completed",
        }
    }

    /// The messages that reached it.
    pub fn count(self, counters: &Counters) -> i64 {
        match self {
            Self::Requested => counters.requested,
            Self::Sent => counters.sent,
            Self::Delivered => counters.delivered,
            Self::Opened => counters.opened,
            Self::Clicked => counters.clicked,
            Self::Completed => counters.completed,
        }
    }
}

impl Loss {
    /// None for a message that has completed, or whose request is unknown.
    pub fn of(facts: &Facts, counters: &Counters) -> Option<Self> {
        let request = facts.request.as_ref()?;
        let at = Step::ALL.into_iter().find(|step| step.count(counters) == 0)?;
        let machine = |seen: bool, unseen| if seen { "machine_only" } else { unseen };
        let reason = match at {
            Step::Requested => return None,
            Step::Sent if counters.suppressed == 1 => {
                let by_us = facts.suppressed.as_ref().is_some_and(|suppression| suppression.by == "us");
                if by_us { "suppressed_by_us" } else { "suppressed_by_provider" }
            }
            Step::Sent if counters.rejected == 1 => "rejected",
            Step::Sent if counters.canceled == 1 => "canceled",
            Step::Sent => "queued",
            Step::Delivered => match facts.bounced {
                Some(bounce) => bounce.category.as_str(),
                None if counters.deferred == 1 => "deferred",
                None => "no_report",
            },
            Step::Opened if !request.opens_tracked => "opens_not_tracked",
            Step::Opened => machine(counters.opens_machine > 0, "not_opened"),
            Step::Clicked if !request.clicks_tracked => "clicks_not_tracked",
            Step::Clicked => machine(counters.clicks_machine > 0, "not_clicked"),
            Step::Completed => "not_completed",
        };
        Some(Self { at, reason })
    }

    /// Every loss that there can be.
    pub fn all() -> impl Iterator<Item = Self> {
        let known =
            |at, reasons: &'static [&'static str]| reasons.iter().map(move |reason| Self { at, reason });
        let bounces = Category::ALL.into_iter();
        let bounces = bounces.map(|category| Self { at: Step::Delivered, reason: category.as_str() });
        known(Step::Sent, &["suppressed_by_us", "suppressed_by_provider", "rejected", "canceled", "queued"])
            .chain(bounces)
            .chain(known(Step::Delivered, &["deferred", "no_report"]))
            .chain(known(Step::Opened, &["opens_not_tracked", "machine_only", "not_opened"]))
            .chain(known(Step::Clicked, &["clicks_not_tracked", "machine_only", "not_clicked"]))
            .chain(known(Step::Completed, &["not_completed"]))
    }
}
