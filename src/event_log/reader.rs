//! The log in position order.

use chrono::{DateTime, Utc};

use super::EventLog;
use super::codec::{self, Undecodable};
use super::recorded::RecordedEvent;
use super::stored::serialized;
use crate::database::{DatabaseError, Row, Value};
use crate::domain::id::{DataKeyId, MessageId};

const AFTER: &str = "
SELECT e.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version,
       CAST(e.payload AS TEXT) AS payload, CAST(e.metadata AS TEXT) AS metadata, e.data_key, k.wrapped
FROM events e LEFT JOIN data_keys k ON k.id = e.data_key
WHERE e.position > $1 ORDER BY e.position LIMIT $2";

/// A stretch of the log.
#[derive(Debug)]
pub struct Stretch {
    /// Events in order, up to the first that cannot be read.
    pub events: Vec<RecordedEvent>,
    /// The event that cannot be read, with its position, if the stretch ends at one.
    pub unreadable: Option<(i64, Undecodable)>,
}

impl EventLog {
    /// Up to `limit` events after a position.
    pub async fn read_after(&self, position: i64, limit: usize) -> Result<Stretch, DatabaseError> {
        let rows = self.database.fetch_all(AFTER, &[position.into(), Value::from(limit)]).await?;
        self.stretch(&rows)
    }

    /// The last position; 0 when the log is empty.
    pub async fn last_position(&self) -> Result<i64, DatabaseError> {
        let sql = "SELECT coalesce(max(position), 0) AS position FROM events";
        self.database.fetch_one(sql, &[]).await?.int("position")
    }

    /// When an event of this type was last written down; looks backwards, so for what happens often.
    pub async fn last_recorded(&self, event_type: &str) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        let sql = "SELECT recorded_at FROM events WHERE event_type = $1 ORDER BY position DESC LIMIT 1";
        let row = self.database.fetch_optional(sql, &[event_type.into()]).await?;
        let at = row.map(|row| row.int("recorded_at")).transpose()?;
        Ok(at.and_then(DateTime::from_timestamp_micros))
    }

    /// The mail that a provider knows by this Message-ID.
    pub async fn find_message(&self, provider_message_id: &str) -> Result<Option<MessageId>, DatabaseError> {
        let sql = self.database.dialect().pick(
            "SELECT aggregate_id FROM events WHERE event_type = 'message.sent'
             AND (payload #>> '{data,provider_message_id}') = $1 LIMIT 1",
            "SELECT aggregate_id FROM events WHERE event_type = 'message.sent'
             AND json_extract(payload, '$.data.provider_message_id') = $1 LIMIT 1",
        );
        let row = self.database.fetch_optional(sql, &[provider_message_id.into()]).await?;
        Ok(row.map(|row| row.text("aggregate_id")).transpose()?.and_then(|id| id.parse().ok()))
    }

    fn stretch(&self, rows: &[Row]) -> Result<Stretch, DatabaseError> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let position = row.int("position")?;
            match self.read(position, row)? {
                Ok(event) => events.push(event),
                Err(error) => return Ok(Stretch { events, unreadable: Some((position, error)) }),
            }
        }
        Ok(Stretch { events, unreadable: None })
    }

    fn read(&self, position: i64, row: &Row) -> Result<Result<RecordedEvent, Undecodable>, DatabaseError> {
        let stored = serialized(row)?;
        let id: Option<DataKeyId> = row.optional_text("data_key")?.and_then(|id| id.parse().ok());
        let secret = match (id, row.optional_bytes("wrapped")?) {
            (Some(id), Some(wrapped)) => self.keyring.unwrap(&id.to_string(), &wrapped),
            _ => None,
        };
        let opened = codec::open(stored, id.zip(secret.as_ref()), &self.upcasters);
        Ok(opened.and_then(|opened| codec::record(position, &opened)))
    }
}
