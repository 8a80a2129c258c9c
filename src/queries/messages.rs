//! The message log: every mail with what became of it, newest first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use serde::Serialize;

use super::{MessageFilter, Queries, QueryError, TimelineEntry};
use crate::database::Row;
use crate::database::page::{Cursor, LARGEST, Page, Place};
use crate::domain::bounce::{BounceClass, Category, mask};
use crate::domain::delivery::{
    Counters, Facts, Loss, Outcome, RequestFacts, Status, Step, Suppression, Unsent,
};
use crate::domain::id::{MessageId, RequestId, VerificationId};

/// One mail and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageSummary {
    pub id: String,
    pub template: String,
    pub provider: String,
    pub mailbox_provider: String,
    pub recipient_domain: String,
    /// Masked; absent when it was erased.
    pub recipient: Option<String>,
    /// The reset that it belongs to.
    pub password_reset_id: Option<String>,
    pub email_verification_id: Option<String>,
    pub outcome: Status,
    /// What the outcome means, in a sentence.
    pub explanation: &'static str,
    pub requested_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
    pub first_deferred_at: Option<DateTime<Utc>>,
    pub deferrals: usize,
    pub delivered_at: Option<DateTime<Utc>>,
    pub bounced_at: Option<DateTime<Utc>>,
    pub bounce: Option<BounceSummary>,
    pub suppressed_at: Option<DateTime<Utc>>,
    pub suppression: Option<Suppressed>,
    pub rejected_at: Option<DateTime<Utc>>,
    /// Why it was refused, masked.
    pub rejected_reason: Option<String>,
    pub canceled_at: Option<DateTime<Utc>>,
    /// Why it was of no use any more.
    pub canceled_reason: Option<String>,
    pub complained_at: Option<DateTime<Utc>>,
    pub unsubscribed_at: Option<DateTime<Utc>>,
    pub first_human_open_at: Option<DateTime<Utc>>,
    pub first_machine_open_at: Option<DateTime<Utc>>,
    pub first_human_click_at: Option<DateTime<Utc>>,
    pub first_machine_click_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub opens_human: i64,
    pub opens_machine: i64,
    pub clicks_human: i64,
    pub clicks_machine: i64,
    /// The step of the funnel that it did not reach, and why.
    pub lost_at: Option<Step>,
    pub loss: Option<&'static str>,
    /// Names of the flags that hold.
    pub flags: Vec<&'static str>,
}

/// Why it failed for good.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BounceSummary {
    pub class: BounceClass,
    pub category: Category,
    pub critical: bool,
    /// What the category means.
    pub meaning: &'static str,
}

/// Who suppressed it, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suppressed {
    pub by: String,
    pub reason: String,
}

const COLUMNS: &str = "message_id, facts, recipient, requested_at";
/// Messages that an export holds in memory at a time.
const EXPORT_PART: usize = 500;

impl Queries {
    /// A page of the log.
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<MessageSummary>, QueryError> {
        let limit = limit.clamp(1, LARGEST);
        let place = Place::parse(cursor)?;
        Ok(place.page(self.rows(filter, limit, &place).await?, limit))
    }

    /// The whole log, in parts that are read as they are asked for. Rows that are added meanwhile are newer than
    /// all that is read, and shift nothing.
    pub fn every_message(
        &self,
        filter: MessageFilter,
    ) -> Result<impl Stream<Item = Result<Vec<MessageSummary>, QueryError>> + Send + use<>, QueryError> {
        filter.condition(self.settings)?;
        let queries = self.clone();
        Ok(stream::try_unfold(Some(Place::Start), move |place: Option<Place>| {
            let (queries, filter) = (queries.clone(), filter.clone());
            async move {
                let Some(place) = place else { return Ok(None) };
                let mut rows = queries.rows(&filter, EXPORT_PART, &place).await?;
                let is_last = rows.len() <= EXPORT_PART;
                rows.truncate(EXPORT_PART);
                let next = rows.last().filter(|_| !is_last).map(|(cursor, _)| Place::After(cursor.clone()));
                Ok(Some((rows.into_iter().map(|(_, message)| message).collect(), next)))
            }
        }))
    }

    /// One row more than the page has, if there is one.
    async fn rows(
        &self,
        filter: &MessageFilter,
        limit: usize,
        place: &Place,
    ) -> Result<Vec<(Cursor, MessageSummary)>, QueryError> {
        let (condition, mut values) = filter.condition(self.settings)?;
        let mut sql = format!("SELECT {COLUMNS} FROM delivery_facts WHERE {condition}");
        place.end(&mut sql, &mut values, ("requested_at", "message_id"), limit);
        let rows = self.database.fetch_all(&sql, &values).await?;
        let cursor = |row: &Row| -> Result<Cursor, QueryError> {
            Ok(Cursor { at: row.int("requested_at")?, id: row.text("message_id")? })
        };
        rows.iter().map(|row| Ok((cursor(row)?, MessageSummary::of(row)?))).collect()
    }

    /// One mail; also one whose request has not been seen yet.
    pub async fn message(&self, id: MessageId) -> Result<Option<MessageSummary>, QueryError> {
        let sql = format!("SELECT {COLUMNS} FROM delivery_facts WHERE message_id = $1");
        let row = self.database.fetch_optional(&sql, &[id.to_string().into()]).await?;
        row.as_ref().map(MessageSummary::of).transpose()
    }
}

impl Queries {
    /// These mails by their ids, as far as they are known; for what a page of another list is about.
    pub async fn messages_of(&self, ids: &[String]) -> Result<HashMap<String, MessageSummary>, QueryError> {
        let ids = &ids[..ids.len().min(LARGEST)];
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<_> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let sql = format!("SELECT {COLUMNS} FROM delivery_facts WHERE message_id IN ({})", places.join(", "));
        let ids: Vec<_> = ids.iter().map(Into::into).collect();
        let rows = self.database.fetch_all(&sql, &ids).await?;
        rows.iter().map(|row| Ok((row.text("message_id")?, MessageSummary::of(row)?))).collect()
    }
}

impl MessageSummary {
    /// The last failure on its timeline, if it still matters.
    pub fn failure<'a>(&self, timeline: &'a [TimelineEntry]) -> Option<&'a TimelineEntry> {
        let matters = match self.outcome {
            Status::Bounced | Status::Deferred | Status::Suppressed => true,
            _ => self.flags.contains(&"bounce_contradicted"),
        };
        timeline.iter().rev().filter(|_| matters).find(|entry| {
            entry.meta.contains_key("category")
                && (entry.kind != "deferred" || self.outcome == Status::Deferred)
        })
    }

    /// Why it was never sent, if it was refused or canceled.
    pub fn unsent(&self) -> Option<Unsent<'_>> {
        match self.outcome {
            Status::Rejected => Some(Unsent::rejected(self.rejected_reason.as_deref()?)),
            Status::Canceled => Some(Unsent::canceled(self.canceled_reason.as_deref()?)),
            _ => None,
        }
    }

    fn of(row: &Row) -> Result<Self, QueryError> {
        let facts: Facts = serde_json::from_str(&row.text("facts")?)?;
        let outcome = Outcome::derive(&facts);
        let time = |at: Option<i64>| at.and_then(DateTime::from_timestamp_micros);
        let engagement = &outcome.engagement;
        let request = facts.request.as_ref();
        let text = |value: Option<&String>| value.cloned().unwrap_or_default();
        let bits = outcome.counters.values();
        let deferrals: Vec<i64> = facts.all_deferrals().map(|(at, _)| *at).collect();
        let loss = Loss::of(&facts, &outcome.counters);
        Ok(Self {
            id: row.text("message_id")?,
            template: text(request.map(|request| &request.template)),
            provider: text(request.map(|request| &request.provider)),
            mailbox_provider: facts.mailbox_provider().to_owned(),
            recipient_domain: text(request.map(|request| &request.recipient_domain)),
            recipient: row.optional_text("recipient")?,
            password_reset_id: belongs_to(request, RequestId::PREFIX),
            email_verification_id: belongs_to(request, VerificationId::PREFIX),
            outcome: outcome.status(),
            explanation: outcome.explanation(),
            requested_at: time(request.map(|request| request.at)),
            sent_at: time(facts.sent_at),
            first_deferred_at: time(deferrals.first().copied()),
            deferrals: deferrals.len(),
            delivered_at: time(facts.delivered_at),
            bounced_at: time(facts.bounced.map(|bounce| bounce.at)),
            bounce: facts.bounced.map(|bounce| BounceSummary {
                class: bounce.class,
                category: bounce.category,
                critical: bounce.category.is_critical(),
                meaning: bounce.category.meaning(),
            }),
            suppressed_at: time(facts.suppressed.as_ref().map(|suppression| suppression.at)),
            suppression: facts.suppressed.map(Suppressed::from),
            rejected_at: time(facts.rejected.as_ref().map(|(at, _)| *at)),
            rejected_reason: facts.rejected.as_ref().map(|(_, reason)| mask(reason)),
            canceled_at: time(facts.canceled.as_ref().map(|(at, _)| *at)),
            canceled_reason: facts.canceled.as_ref().map(|(_, reason)| mask(reason)),
            complained_at: time(facts.complained_at),
            unsubscribed_at: time(facts.unsubscribed_at),
            first_human_open_at: time(engagement.first_human_open_at),
            first_machine_open_at: time(engagement.first_machine_open_at),
            first_human_click_at: time(engagement.first_human_click_at),
            first_machine_click_at: time(engagement.first_machine_click_at),
            completed_at: time(facts.completed_at),
            opens_human: engagement.opens_human,
            opens_machine: engagement.opens_machine,
            clicks_human: engagement.clicks_human,
            clicks_machine: engagement.clicks_machine,
            lost_at: loss.map(|loss| loss.at),
            loss: loss.map(|loss| loss.reason),
            flags: Counters::FLAGS
                .iter()
                .zip(bits)
                .filter(|(_, bit)| *bit == 1)
                .map(|(name, _)| *name)
                .collect(),
        })
    }
}

/// The request that it belongs to, if it is of the kind whose ids begin so.
fn belongs_to(request: Option<&RequestFacts>, prefix: &str) -> Option<String> {
    request?.request_id.clone().filter(|id| id.starts_with(prefix))
}

impl From<Suppression> for Suppressed {
    fn from(suppression: Suppression) -> Self {
        Self { by: suppression.by, reason: suppression.reason }
    }
}
