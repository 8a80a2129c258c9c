//! When mails were handed over: what the health of the way out and back is read from.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Queries, QueryError};

/// A mail is handed over within this time of its request, or not at all.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(2);

impl Queries {
    /// When a mail was handed over last, going by the newest that was.
    pub async fn last_sent(&self) -> Result<Option<DateTime<Utc>>, QueryError> {
        let sql = "SELECT sent_at FROM delivery_facts WHERE sent_at IS NOT NULL \
                   ORDER BY requested_at DESC, message_id DESC LIMIT 1";
        let row = self.database.fetch_optional(sql, &[]).await?;
        Ok(row.map(|row| row.int("sent_at")).transpose()?.and_then(DateTime::from_timestamp_micros))
    }

    /// When the first mail was handed over, after this instant, of which nothing was heard. Mails that nobody tells
    /// about are left out.
    pub async fn first_unreported(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, QueryError> {
        let sql = "SELECT MIN(sent_at) AS first FROM delivery_facts \
                   WHERE status = 'sent' AND provider <> 'smtp' AND requested_at > $1 AND sent_at > $2";
        let requested = after.checked_sub_signed(LONGEST_WAIT).unwrap_or(after);
        let values = [requested.timestamp_micros().into(), after.timestamp_micros().into()];
        let first = self.database.fetch_one(sql, &values).await?.optional_int("first")?;
        Ok(first.and_then(DateTime::from_timestamp_micros))
    }
}
