//! The list of suppressions: one row per address and reason, as it stands. A lifted one stays, with who lifted
//! it and when. Must never hold an address.

use async_trait::async_trait;

use super::Projection;
use crate::database::{Transaction, Value};
use crate::domain::narration::actor;
use crate::domain::suppression::{Added, Lifted, SuppressionEvent};
use crate::event_log::{ConsumeError, Consumer, LogEvent, RecordedEvent};

const ADD: &str = "
    INSERT INTO suppressions (recipient_key, reason, recipient, blocks, category, message_id, added_by, since)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (recipient_key, reason) DO UPDATE SET
        recipient = coalesce(excluded.recipient, suppressions.recipient), blocks = excluded.blocks,
        category = excluded.category, message_id = excluded.message_id, added_by = excluded.added_by,
        since = CASE WHEN suppressions.lifted_at IS NULL THEN suppressions.since ELSE excluded.since END,
        lifted_at = NULL, lifted_by = NULL";

/// The projection behind the list of suppressions.
#[derive(Debug, Clone, Copy)]
pub struct Suppressions;

impl Projection for Suppressions {
    fn tables(&self) -> &'static [&'static str] {
        &["suppressions"]
    }
}

#[async_trait]
impl Consumer for Suppressions {
    fn name(&self) -> &'static str {
        "suppressions"
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        // They are few; one after the other keeps what a later one says about an earlier one.
        for event in events {
            match &event.event {
                LogEvent::Suppression(SuppressionEvent::Added(added)) => {
                    transaction.execute(ADD, &values(&event.stream, added)).await?;
                }
                LogEvent::Suppression(SuppressionEvent::Lifted(lifted)) => {
                    lift(&event.stream, lifted, transaction).await?;
                }
                erasure if erasure.is_erasure() => {
                    let forget = "UPDATE suppressions SET recipient = NULL WHERE recipient_key = $1";
                    transaction.execute(forget, &[event.stream.as_str().into()]).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn values(stream: &str, added: &Added) -> [Value; 8] {
    [
        stream.into(),
        added.reason.as_str().into(),
        added.address.known().map(|address| address.masked()).into(),
        added.blocks.as_str().into(),
        added.category.map(|category| category.as_str()).into(),
        added.message_id.map(|id| id.to_string()).into(),
        actor(&added.by).into(),
        added.at.timestamp_micros().into(),
    ]
}

async fn lift(stream: &str, lifted: &Lifted, transaction: &mut Transaction) -> Result<(), ConsumeError> {
    for reason in &lifted.reasons {
        let sql =
            "UPDATE suppressions SET lifted_at = $3, lifted_by = $4 WHERE recipient_key = $1 AND reason = $2";
        let values = [
            stream.into(),
            reason.as_str().into(),
            lifted.at.timestamp_micros().into(),
            actor(&lifted.by).into(),
        ];
        transaction.execute(sql, &values).await?;
    }
    Ok(())
}
