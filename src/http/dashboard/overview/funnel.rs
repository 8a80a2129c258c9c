//! How far the mails came, and where most were lost.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Number, grouped, percent, span};
use super::super::words::named;
use crate::charts::{Drawing, bar};
use crate::queries::{Funnel, FunnelStep};

/// Losses of a step that are told; the rest is summed up.
const LARGEST: usize = 3;

/// The panel.
#[derive(Debug, Serialize)]
pub struct Steps {
    steps: Vec<Step>,
    /// Requests that led to no mail, in a sentence.
    declined: Option<Declined>,
    is_low: bool,
}

#[derive(Debug, Serialize)]
struct Step {
    name: String,
    number: Number,
    bar: Drawing,
    of_requested: Option<String>,
    of_previous: Option<String>,
    /// How long it took from the step before, for half of those that reached it.
    median: Option<String>,
    losses: Vec<Loss>,
}

#[derive(Debug, Serialize)]
struct Loss {
    reason: String,
    number: Number,
}

#[derive(Debug, Serialize)]
struct Declined {
    count: String,
    reasons: String,
    href: String,
}

impl Steps {
    /// Of this funnel.
    pub fn of(desk: &Desk, funnel: &Funnel) -> Self {
        let declined = (funnel.declined.count > 0).then(|| {
            let reasons = funnel.declined.reasons.iter();
            let reasons = reasons.map(|one| format!("{} {}", grouped(one.count), named(&one.reason)));
            let cut = desk.cut.unfiltered().messages(&[]);
            Declined {
                count: grouped(funnel.declined.count),
                reasons: reasons.collect::<Vec<_>>().join(", "),
                href: format!("{}v1/password-resets?status=declined&{cut}", desk.visit.root()),
            }
        });
        Self {
            steps: funnel.steps.iter().map(|step| Step::of(desk, step)).collect(),
            declined,
            is_low: funnel.low_volume,
        }
    }
}

impl Step {
    fn of(desk: &Desk, step: &FunnelStep) -> Self {
        let name = step.name.as_str();
        let losses = step.losses.iter().take(LARGEST).map(|lost| {
            let filters = [("lost_at", name), ("loss", lost.reason.as_str())];
            Loss { reason: named(&lost.reason), number: Number::of(desk, &desk.cut, lost.count, &filters) }
        });
        let mut losses: Vec<_> = losses.collect();
        let rest: i64 = step.losses.iter().skip(LARGEST).map(|lost| lost.count).sum();
        if rest > 0 {
            let all: i64 = step.losses.iter().map(|lost| lost.count).sum();
            let number = Number::of(desk, &desk.cut, all, &[("lost_at", name)]);
            losses.push(Loss { reason: "in all".to_owned(), number });
        }
        let median = step.time_from_previous.as_ref().and_then(|span| span.p50);
        Self {
            name: name.to_owned(),
            number: Number::of(desk, &desk.cut, step.count, &[("flag", name)]),
            bar: bar(step.of_requested.unwrap_or_default(), "delivered"),
            of_requested: step.of_requested.map(percent),
            of_previous: step.of_previous.map(percent).filter(|_| name != "requested"),
            median: median.map(span),
            losses,
        }
    }
}
