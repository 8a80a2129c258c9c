//! The funnel of one cohort: how many messages reached each step, how long the step took, and why the others did
//! not reach it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cohort::Cohort;
use super::rates::FEW;
use super::spans::Percentiles;
use super::{DeliveryQuery, Queries, QueryError};
use crate::database::Transaction;
use crate::domain::delivery::{Counters, Step, Tally};

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Funnel {
    /// Always `cohort`: messages by the time of their request, outcomes as of `as_of`.
    pub basis: &'static str,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    /// In order, from `requested` to `completed`.
    pub steps: Vec<FunnelStep>,
    /// The whole way, of those who completed.
    pub request_to_completed: Percentiles,
    /// Fewer than 100 messages: shares say little.
    pub low_volume: bool,
    /// Requests that led to no mail, and so are in no step.
    pub declined: Declined,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunnelStep {
    pub name: Step,
    /// Messages that reached it.
    pub count: i64,
    /// Their share of all; null without any.
    pub of_requested: Option<f64>,
    /// Their share of those that reached the step before.
    pub of_previous: Option<f64>,
    /// Those that reached the step before and not this one, the most frequent reason first.
    pub losses: Vec<Lost>,
    /// How long after the step before, where both were seen; null for the first.
    pub time_from_previous: Option<Percentiles>,
}

/// Messages lost for one reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lost {
    pub reason: String,
    pub count: i64,
}

/// Requests for a reset that were declined.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Declined {
    pub count: i64,
    /// By reason, the most frequent first.
    pub reasons: Vec<Lost>,
}

impl Queries {
    /// The funnel of a cohort. Interval and grouping are not looked at.
    pub async fn funnel(&self, query: &DeliveryQuery) -> Result<Funnel, QueryError> {
        let mut cohort = Cohort::new(&self.database, self.settings, query).await?;
        let as_of = self.clock.now();
        let totals = cohort.totals().await?;
        let tally = cohort.spans_and_losses().await?;
        let declined = declined(&mut cohort.snapshot, query).await?;
        let steps = Step::ALL.into_iter().enumerate().map(|(place, step)| {
            let previous = place.checked_sub(1).and_then(|place| Step::ALL.get(place)).copied();
            FunnelStep::of(step, previous, &totals, &tally)
        });
        Ok(Funnel {
            basis: "cohort",
            from: query.from,
            to: query.to,
            as_of,
            steps: steps.collect(),
            request_to_completed: tally.spans.of("request_to_completed").into(),
            low_volume: totals.requested < FEW,
            declined,
        })
    }
}

/// Only resets are declined, and a request has neither a mailbox nor a provider.
async fn declined(snapshot: &mut Transaction, query: &DeliveryQuery) -> Result<Declined, QueryError> {
    let is_about_resets = query.template.as_deref().is_none_or(|template| template == "password-reset");
    let is_narrowed =
        [&query.provider, &query.mailbox_provider, &query.recipient_domain].iter().any(|f| f.is_some());
    if !is_about_resets || is_narrowed {
        return Ok(Declined::default());
    }
    let sql = "SELECT COALESCE(reason, '') AS reason, COUNT(*) AS requests FROM resets \
               WHERE status = 'declined' AND requested_at >= $1 AND requested_at < $2 GROUP BY reason";
    let values = [query.from.timestamp_micros().into(), query.to.timestamp_micros().into()];
    let rows = snapshot.fetch_all(sql, &values).await?;
    let reasons = rows.iter().map(|row| Ok((row.text("reason")?, row.int("requests")?)));
    let reasons = ranked(reasons.collect::<Result<Vec<_>, QueryError>>()?);
    Ok(Declined { count: reasons.iter().map(|reason| reason.count).sum(), reasons })
}

impl FunnelStep {
    fn of(step: Step, previous: Option<Step>, totals: &Counters, tally: &Tally) -> Self {
        let count = step.count(totals);
        let share = |whole: i64| (whole > 0).then(|| count as f64 / whole as f64);
        let lost = tally.losses.iter().filter(|((at, _), _)| at == step.as_str());
        Self {
            name: step,
            count,
            of_requested: share(totals.requested),
            of_previous: share(previous.unwrap_or(step).count(totals)),
            losses: ranked(lost.map(|((_, reason), messages)| (reason.clone(), *messages)).collect()),
            time_from_previous: span(step).map(|name| tally.spans.of(name).into()),
        }
    }
}

/// The span that ends at a step.
fn span(step: Step) -> Option<&'static str> {
    match step {
        Step::Requested => None,
        Step::Sent => Some("time_to_accept"),
        Step::Delivered => Some("time_to_delivered"),
        Step::Opened => Some("delivered_to_opened"),
        Step::Clicked => Some("opened_to_clicked"),
        Step::Completed => Some("clicked_to_completed"),
    }
}

fn ranked(mut counts: Vec<(String, i64)>) -> Vec<Lost> {
    counts.sort_by(|(a, most), (b, other)| other.cmp(most).then(a.cmp(b)));
    counts.into_iter().map(|(reason, count)| Lost { reason, count }).collect()
}
