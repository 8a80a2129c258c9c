//! How many messages a list holds. Whatever the rollups know is summed up from them, so that a number on a board
//! and the length of the list behind it are one sum; the rest is counted row by row, over the indexes of the list.

use chrono::{DateTime, Utc};

use super::cohort::Cohort;
use super::{DeliveryQuery, MessageFilter, Queries, QueryError};
use crate::domain::delivery::{Counters, Status};

/// What of a cohort the messages of a list are.
enum Summed<'a> {
    /// Those that a counter counts: `by - less`.
    Counted { by: &'static str, less: Option<&'static str> },
    /// Those lost at a step for a reason.
    Lost(&'a str, &'a str),
}

impl Queries {
    /// The number of rows of [`Queries::messages`] over all its pages.
    pub async fn count_messages(&self, filter: &MessageFilter) -> Result<i64, QueryError> {
        let (condition, values) = filter.condition(self.settings)?;
        if let Some(summed) = Summed::of(filter) {
            return self.sum(filter, &summed).await;
        }
        let sql = format!("SELECT COUNT(*) AS messages FROM delivery_facts WHERE {condition}");
        Ok(self.database.fetch_one(&sql, &values).await?.int("messages")?)
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
        Ok(match *summed {
            Summed::Counted { by, less } => {
                let totals = cohort.totals().await?;
                value(&totals, by) - less.map_or(0, |less| value(&totals, less))
            }
            Summed::Lost(at, why) => {
                let losses = cohort.spans_and_losses().await?.losses;
                losses.get(&(at.to_owned(), why.to_owned())).copied().unwrap_or_default()
            }
        })
    }
}

impl<'a> Summed<'a> {
    /// None where rollups do not tell it: they know no recipient, no category, and no two flags of one message.
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
        let is_narrower = recipient_key.is_some() || bounce_category.is_some() || measured.is_some();
        if is_narrower || *failure != Default::default() {
            return None;
        }
        match (outcome.as_deref(), flags.as_slice(), lost_at.as_deref(), loss.as_deref()) {
            (None, [], None, None) => Some(Self::Counted { by: "requested", less: None }),
            (None, [], Some(at), Some(why)) => Some(Self::Lost(at, why)),
            (Some(outcome), [], None, None) => Self::of_outcome(outcome),
            (None, [one], None, None) => Self::of_flag(one),
            _ => None,
        }
    }

    /// A status is summed up where it is exactly one flag.
    fn of_outcome(outcome: &str) -> Option<Self> {
        let status = Status::ALL.into_iter().find(|status| status.as_str() == outcome);
        match status {
            None => Self::of_flag(outcome),
            Some(Status::Queued) => Some(Self::Counted { by: "not_handed_over", less: Some("canceled") }),
            Some(Status::Sent | Status::Deferred) => None,
            Some(
                Status::Delivered
                | Status::Bounced
                | Status::Suppressed
                | Status::Rejected
                | Status::Canceled,
            ) => Self::of_flag(outcome),
        }
    }

    /// A counter that is 0 or 1 for one message; with a minus before it, those for which it is 0.
    fn of_flag(flag: &str) -> Option<Self> {
        let known = |name: &str| Counters::FLAGS.iter().find(|flag| **flag == name).copied();
        match flag.strip_prefix('-') {
            None => Some(Self::Counted { by: known(flag)?, less: None }),
            Some(name) => Some(Self::Counted { by: "requested", less: Some(known(name)?) }),
        }
    }
}

fn value(counters: &Counters, name: &str) -> i64 {
    let place = Counters::FLAGS.iter().position(|flag| *flag == name);
    place.and_then(|place| counters.values().get(place).copied()).unwrap_or_default()
}
