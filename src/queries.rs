//! Stand-in with the agreed signatures; the real module replaces it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::database::DatabaseError;
use crate::domain::id::{MessageId, RequestId};

#[derive(Clone)]
pub struct Queries;

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the cursor is not one that a page gave")]
    BadCursor,
    #[error("the range is empty")]
    EmptyRange,
    #[error("the series would have more than {limit} points: choose a longer interval or a shorter range")]
    TooManyPoints { limit: i64 },
    #[error("there is no such outcome")]
    UnknownOutcome,
    #[error("a row cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    pub recipient_key: Option<String>,
    pub template: Option<String>,
    pub outcome: Option<String>,
    pub mailbox_provider: Option<String>,
    pub bounce_category: Option<String>,
    pub after: Option<DateTime<Utc>>,
    pub before: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Default)]
pub struct ResetFilter {
    pub recipient_key: Option<String>,
    pub status: Option<String>,
    pub after: Option<DateTime<Utc>>,
    pub before: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub struct DeliveryQuery {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub interval: Interval,
    pub group_by: Option<Dimension>,
    pub template: Option<String>,
    pub provider: Option<String>,
    pub mailbox_provider: Option<String>,
    pub recipient_domain: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    Minute,
    Hour,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Template,
    Provider,
    MailboxProvider,
    RecipientDomain,
}

#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Row {}

impl Queries {
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        _limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Row>, QueryError> {
        match (cursor, filter.outcome.as_deref()) {
            (Some(_), _) => Err(QueryError::BadCursor),
            (None, Some("nonsense")) => Err(QueryError::UnknownOutcome),
            (None, _) => Ok(Page { data: Vec::new(), next_cursor: None }),
        }
    }

    pub async fn message(&self, _id: MessageId) -> Result<Option<Row>, QueryError> {
        Ok(None)
    }

    pub async fn message_timeline(&self, _id: MessageId) -> Result<Vec<Row>, QueryError> {
        Ok(Vec::new())
    }

    pub async fn resets(
        &self,
        _filter: &ResetFilter,
        _limit: usize,
        _cursor: Option<&str>,
    ) -> Result<Page<Row>, QueryError> {
        Ok(Page { data: Vec::new(), next_cursor: None })
    }

    pub async fn reset(&self, _id: RequestId) -> Result<Option<Row>, QueryError> {
        Ok(None)
    }

    pub async fn reset_timeline(&self, _id: RequestId) -> Result<Vec<Row>, QueryError> {
        Ok(Vec::new())
    }

    pub async fn delivery(&self, query: &DeliveryQuery) -> Result<Row, QueryError> {
        if query.to <= query.from { Err(QueryError::EmptyRange) } else { Ok(Row {}) }
    }
}
