//! How many messages a list holds. Whatever the rollups know is summed up from them, so that a number on a board
//! and the length of the list behind it are one sum; the rest is counted row by row, over the indexes
//! of the list, and no further than ten thousand.

use chrono::{DateTime, Utc};

use super::cohort::{Cohort, Saying};
use super::{DeliveryQuery, FailureFilter, Interval, MessageFilter, Queries, QueryError};
use crate::database::page::Count;
use crate::domain::delivery::{Counters, Failed, Status};

/// What of a cohort the messages of a list are.
enum Summed<'a> {
    /// Those that a counter counts: `by - less`.
    Counted { by: &'static str, less: Option<&'static str> },
    /// Those lost at a step, perhaps for one reason.
    Lost(&'a str, Option<&'a str>),
    /// Those of which this span was measured.
    Measured(&'a str),
    /// Those that failed in a category, perhaps for good.
    Failed { category: &'a str, permanent: bool },
    /// Those of which this was said.
    Said(Saying),
}

impl Queries {
    /// The number of rows of [`Queries::messages`] over all its pages.
    pub async fn count_messages(&self, filter: &MessageFilter) -> Result<Count, QueryError> {
        let (condition, values) = filter.condition(self.settings)?;
        if let Some(summed) = Summed::of(filter) {
            return Ok(Count { rows: self.sum(filter, &summed).await?, is_all: true });
        }
        let sql = Count::statement(&format!("SELECT 1 AS one FROM delivery_facts WHERE {condition}"));
        Ok(Count::read(&self.database.fetch_one(&sql, &values).await?)?)
    }

    async fn sum(&self, filter: &MessageFilter, summed: &Summed<'_>) -> Result<i64, QueryError> {
        let from = filter.after.unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH);
        let to = filter.before.unwrap_or(DateTime::<Utc>::MAX_UTC);
        if to <= from {
            return Ok(0);
        }
        let query = DeliveryQuery {
            template: filter.template.clone(),
            provider: filter.provider.clone(),
            mailbox_provider: filter.mailbox_provider.clone(),
            recipient_domain: filter.recipient_domain.clone(),
            ..DeliveryQuery::over(from, to)
        };
        let mut cohort = Cohort::new(&self.database, self.settings, &query).await?;
        Ok(match summed {
            Summed::Counted { by, less } => {
                let totals = cohort.totals().await?;
                value(&totals, by) - less.map_or(0, |less| value(&totals, less))
            }
            Summed::Lost(at, why) => {
                let losses = cohort.spans_and_losses().await?.losses;
                let asked = |step: &str, reason: &str| step == *at && why.is_none_or(|why| why == reason);
                losses.iter().filter(|((step, reason), _)| asked(step, reason)).map(|(_, count)| count).sum()
            }
            Summed::Measured(span) => cohort.spans_and_losses().await?.spans.of(span).count(),
            Summed::Failed { category, permanent } => {
                let failures = cohort.failures(Interval::Day.micros()).await?;
                let of_category = failures.cells.iter().filter(|((.., one), _)| one == category);
                let count = |failed: &Failed| if *permanent { failed.permanent } else { failed.messages };
                of_category.map(|(_, failed)| count(failed)).sum()
            }
            Summed::Said(saying) => {
                let said = cohort.said(Some(saying)).await?;
                said.get(saying).map_or(0, |said| said.messages)
            }
        })
    }
}

impl<'a> Summed<'a> {
    /// None where rollups do not tell it: they know no recipient and no category of a bounce.
    fn of(filter: &'a MessageFilter) -> Option<Self> {
        let MessageFilter {
            recipient_key,
            bounce_category,
            failure,
            measured,
            outcome,
            flags,
            lost_at,
            loss,
            ..
        } = filter;
        if recipient_key.is_some() || bounce_category.is_some() {
            return None;
        }
        let failure = (*failure != FailureFilter::default()).then_some(failure);
        match (
            outcome.as_deref(),
            flags.as_slice(),
            lost_at.as_deref(),
            loss.as_deref(),
            measured.as_deref(),
            failure,
        ) {
            (None, [], None, None, None, None) => Some(Self::Counted { by: "requested", less: None }),
            (None, [], Some(at), why, None, None) => Some(Self::Lost(at, why)),
            (Some(outcome), [], None, None, None, None) => Self::of_outcome(outcome),
            (None, flags, None, None, None, None) => Self::of_flags(flags),
            (None, [], None, None, Some(span), None) => Some(Self::Measured(span)),
            (None, [], None, None, None, Some(failure)) => Self::of_failure(failure),
            _ => None,
        }
    }

    /// Rollups know of no message both what was said and whether it was for good.
    fn of_failure(failure: &'a FailureFilter) -> Option<Self> {
        match failure {
            FailureFilter { category: Some(category), permanent, rule: None, text: None } => {
                let permanent = permanent.unwrap_or(false);
                (failure.permanent != Some(false)).then_some(Self::Failed { category, permanent })
            }
            FailureFilter {
                category: Some(category),
                permanent: None,
                rule: Some(rule),
                text: Some(text),
            } => Some(Self::Said(Saying {
                category: category.clone(),
                rule: rule.clone(),
                normalized: text.clone(),
            })),
            _ => None,
        }
    }

    /// A status is summed up where it is exactly one flag.
    fn of_outcome(outcome: &str) -> Option<Self> {
        let status = Status::ALL.into_iter().find(|status| status.as_str() == outcome);
        match status {
            None => Self::of_flags(&[outcome.to_owned()]),
            Some(Status::Queued) => Some(Self::Counted { by: "not_handed_over", less: Some("canceled") }),
            Some(Status::Sent | Status::Deferred) => None,
            Some(
                Status::Delivered
                | Status::Bounced
                | Status::Suppressed
                | Status::Rejected
                | Status::Canceled,
            ) => Self::of_flags(&[outcome.to_owned()]),
        }
    }

    /// Counters that are 0 or 1 for one message, with a minus before them those for which it is 0. Of two of them a sum
    /// tells something only if the one is a part of the other.
    fn of_flags(flags: &[String]) -> Option<Self> {
        let known = |name: &str| Counters::FLAGS.iter().find(|flag| **flag == name).copied();
        let read = |flag: &String| match flag.strip_prefix('-') {
            None => known(flag).map(|name| (name, true)),
            Some(name) => known(name).map(|name| (name, false)),
        };
        match *flags.iter().map(read).collect::<Option<Vec<_>>>()? {
            [(by, true)] => Some(Self::Counted { by, less: None }),
            [(less, false)] => Some(Self::Counted { by: "requested", less: Some(less) }),
            [(by, true), (less, false)] | [(less, false), (by, true)] if Counters::is_part_of(less, by) => {
                Some(Self::Counted { by, less: Some(less) })
            }
            [(one, true), (other, true)] if Counters::is_part_of(one, other) => {
                Some(Self::Counted { by: one, less: None })
            }
            [(one, true), (other, true)] if Counters::is_part_of(other, one) => {
                Some(Self::Counted { by: other, less: None })
            }
            _ => None,
        }
    }
}

fn value(counters: &Counters, name: &str) -> i64 {
    let place = Counters::FLAGS.iter().position(|flag| *flag == name);
    place.and_then(|place| counters.values().get(place).copied()).unwrap_or_default()
}
