//! Support's view of resets: where each request stands, newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Queries, QueryError};
use crate::database::page::{Cursor, LARGEST, Page, Place};
use crate::database::{Row, Value};
use crate::domain::id::RequestId;

/// Which requests. Every given field must hold.
#[derive(Debug, Clone, Default)]
pub struct ResetFilter {
    /// The keyed hash of the address.
    pub recipient_key: Option<String>,
    /// `pending`, `repeated`, `declined`, `live`, `superseded`, `completing`, `completed`, `expired` or `revoked`.
    pub status: Option<String>,
    /// Requested at this instant or later.
    pub after: Option<DateTime<Utc>>,
    /// Requested before this instant.
    pub before: Option<DateTime<Utc>>,
}

/// One request and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResetSummary {
    pub id: String,
    /// The status by its events; a live link past `expires_at` is `expired`.
    pub status: String,
    /// Why it was declined, who revoked it, which request superseded it or was repeated by it.
    pub reason: Option<String>,
    /// Masked; absent when it was erased.
    pub recipient: Option<String>,
    pub message_id: Option<String>,
    pub requested_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub visited_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
}

impl Queries {
    /// A page of requests.
    pub async fn resets(
        &self,
        filter: &ResetFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<ResetSummary>, QueryError> {
        let limit = limit.clamp(1, LARGEST);
        let now = self.clock.now();
        let (mut sql, mut values) = filter.statement(now);
        let place = Place::parse(cursor)?;
        place.end(&mut sql, &mut values, ("requested_at", "request_id"), limit);

        let rows = self.database.fetch_all(&sql, &values).await?;
        let cursor = |row: &Row| -> Result<Cursor, QueryError> {
            Ok(Cursor { at: row.int("requested_at")?, id: row.text("request_id")? })
        };
        let rows = rows.iter().map(|row| Ok((cursor(row)?, ResetSummary::of(row, now)?)));
        Ok(place.page(rows.collect::<Result<_, QueryError>>()?, limit))
    }

    /// One request.
    pub async fn reset(&self, id: RequestId) -> Result<Option<ResetSummary>, QueryError> {
        let sql = "SELECT * FROM resets WHERE request_id = $1";
        let row = self.database.fetch_optional(sql, &[id.to_string().into()]).await?;
        row.map(|row| ResetSummary::of(&row, self.clock.now())).transpose()
    }

    /// The stream that a request is told in.
    pub async fn reset_stream(&self, id: RequestId) -> Result<Option<String>, QueryError> {
        let sql = "SELECT stream FROM resets WHERE request_id = $1";
        let row = self.database.fetch_optional(sql, &[id.to_string().into()]).await?;
        Ok(row.map(|row| row.text("stream")).transpose()?)
    }
}

impl ResetFilter {
    fn statement(&self, now: DateTime<Utc>) -> (String, Vec<Value>) {
        let after = self.after.map_or(0, |at| at.timestamp_micros());
        let before = self.before.map_or(i64::MAX, |at| at.timestamp_micros());
        let mut sql = "SELECT * FROM resets WHERE requested_at >= $1 AND requested_at < $2".to_owned();
        let mut values: Vec<Value> = vec![after.into(), before.into()];
        if let Some(stream) = &self.recipient_key {
            values.push(stream.into());
            sql.push_str(&format!(" AND stream = ${}", values.len()));
        }
        if let Some(status) = &self.status {
            values.extend([status.into(), now.timestamp_micros().into()]);
            let (status_at, now_at) = (values.len() - 1, values.len());
            // A link dies by the clock; the event that says so comes later.
            let overdue = format!("status = 'live' AND expires_at <= ${now_at}");
            sql.push_str(&match status.as_str() {
                "expired" => format!(" AND (status = ${status_at} OR ({overdue}))"),
                _ => format!(" AND status = ${status_at} AND NOT ({overdue})"),
            });
        }
        (sql, values)
    }
}

impl ResetSummary {
    fn of(row: &Row, now: DateTime<Utc>) -> Result<Self, QueryError> {
        let time = |column: &str| -> Result<Option<DateTime<Utc>>, QueryError> {
            Ok(row.optional_int(column)?.and_then(DateTime::from_timestamp_micros))
        };
        let expires_at = time("expires_at")?;
        let mut status = row.text("status")?;
        if status == "live" && expires_at.is_some_and(|expires_at| expires_at <= now) {
            status = "expired".into();
        }
        Ok(Self {
            id: row.text("request_id")?,
            status,
            reason: row.optional_text("reason")?,
            recipient: row.optional_text("recipient")?,
            message_id: row.optional_text("message_id")?,
            requested_at: time("requested_at")?,
            expires_at,
            visited_at: time("visited_at")?,
            completed_at: time("completed_at")?,
        })
    }
}
