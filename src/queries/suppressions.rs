//! The list of suppressions, the newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Queries, QueryError};
use crate::database::page::{Count, Cursor, LARGEST, Page, Place};
use crate::database::{Row, Value};

/// Which suppressions. Every given field must hold.
#[derive(Debug, Clone, Default)]
pub struct SuppressionFilter {
    /// The keyed hash of the address.
    pub recipient_key: Option<String>,
    /// `hard_bounce`, `complaint`, `unsubscribe` or `manual`.
    pub reason: Option<String>,
    /// `everything` or `bulk`.
    pub blocks: Option<String>,
    /// Those that were lifted, instead of those that hold.
    pub is_lifted: bool,
    /// Since this instant or later.
    pub after: Option<DateTime<Utc>>,
    /// Since before this instant.
    pub before: Option<DateTime<Utc>>,
}

/// Why one address gets less mail, or did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuppressionSummary {
    /// Names the address; the same for all its reasons.
    pub id: String,
    /// Masked; absent when it was erased.
    pub recipient: Option<String>,
    pub reason: String,
    pub blocks: String,
    /// Why it bounced.
    pub bounce_category: Option<String>,
    /// The mail that is the evidence.
    pub message_id: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub added_by: String,
    pub lifted_at: Option<DateTime<Utc>>,
    pub lifted_by: Option<String>,
}

/// What every id in the list starts with.
pub const SUPPRESSION_ID: &str = "sup_";

/// The address's key in an id; none if it is no such id.
pub fn suppressed_key(id: &str) -> Option<&str> {
    let key = id.strip_prefix(SUPPRESSION_ID)?;
    let is_key = key.len() == 32 && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_key.then_some(key)
}

impl Queries {
    /// A page of the list.
    pub async fn suppressions(
        &self,
        filter: &SuppressionFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<SuppressionSummary>, QueryError> {
        let limit = limit.clamp(1, LARGEST);
        let (mut sql, mut values) = filter.statement("*");
        let place = Place::parse(cursor)?;
        place.end(&mut sql, &mut values, ("since", "recipient_key || '_' || reason"), limit);
        let rows = self.database.fetch_all(&sql, &values).await?;
        let cursor = |row: &Row| -> Result<Cursor, QueryError> {
            let id = format!("{}_{}", row.text("recipient_key")?, row.text("reason")?);
            Ok(Cursor { at: row.int("since")?, id })
        };
        let rows = rows.iter().map(|row| Ok((cursor(row)?, SuppressionSummary::of(row)?)));
        Ok(place.page(rows.collect::<Result<_, QueryError>>()?, limit))
    }

    /// The number of its entries over all pages.
    pub async fn count_suppressions(&self, filter: &SuppressionFilter) -> Result<Count, QueryError> {
        let (sql, values) = filter.statement("1 AS one");
        Ok(Count::read(&self.database.fetch_one(&Count::statement(&sql), &values).await?)?)
    }
}

impl SuppressionFilter {
    fn statement(&self, columns: &str) -> (String, Vec<Value>) {
        let after = self.after.map_or(0, |at| at.timestamp_micros());
        let before = self.before.map_or(i64::MAX, |at| at.timestamp_micros());
        let lifted = if self.is_lifted { "IS NOT NULL" } else { "IS NULL" };
        let mut sql = format!(
            "SELECT {columns} FROM suppressions WHERE since >= $1 AND since < $2 AND lifted_at {lifted}"
        );
        let mut values: Vec<Value> = vec![after.into(), before.into()];
        for (column, value) in
            [("recipient_key", &self.recipient_key), ("reason", &self.reason), ("blocks", &self.blocks)]
        {
            if let Some(value) = value {
                values.push(value.into());
                sql.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        (sql, values)
    }
}

impl SuppressionSummary {
    fn of(row: &Row) -> Result<Self, QueryError> {
        let time = |at: Option<i64>| at.and_then(DateTime::from_timestamp_micros);
        Ok(Self {
            id: format!("{SUPPRESSION_ID}{}", row.text("recipient_key")?),
            recipient: row.optional_text("recipient")?,
            reason: row.text("reason")?,
            blocks: row.text("blocks")?,
            bounce_category: row.optional_text("category")?,
            message_id: row.optional_text("message_id")?,
            since: time(Some(row.int("since")?)),
            added_by: row.text("added_by")?,
            lifted_at: time(row.optional_int("lifted_at")?),
            lifted_by: row.optional_text("lifted_by")?,
        })
    }
}
