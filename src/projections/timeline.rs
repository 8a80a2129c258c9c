//! The timeline: every event of a reset or a verification and of its mails, told so that an operator understands it.
//!
//! One row per event, in no order: readers sort by time. Which of them a mail belongs to is looked up when it is
//! read, so events may arrive in any order. Must never hold an address, a token, or an unmasked diagnostic.

use async_trait::async_trait;
use serde_json::Value as Json;

use super::Projection;
use crate::database::{Transaction, Value};
use crate::domain::message::{MessageEvent, Requested};
use crate::event_log::{ConsumeError, Consumer, LogEvent, RecordedEvent};

const COLUMNS: [&str; 9] =
    ["position", "message_id", "request_id", "at", "kind", "text", "source", "meta", "diagnostic"];

/// The projection behind timelines.
#[derive(Debug, Clone, Copy)]
pub struct Timeline;

impl Projection for Timeline {
    fn tables(&self) -> &'static [&'static str] {
        &["timeline", "timeline_messages"]
    }
}

#[async_trait]
impl Consumer for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        // Whoever asks anew after an erasure is not erased with it, whatever batch both are in.
        for stretch in events.split_inclusive(|event| event.event.is_erasure()) {
            save(stretch, transaction).await?;
            if let Some(erasure) = stretch.last().filter(|event| event.event.is_erasure()) {
                forget(&erasure.stream, transaction).await?;
            }
        }
        Ok(())
    }
}

async fn save(events: &[RecordedEvent], transaction: &mut Transaction) -> Result<(), ConsumeError> {
    let rows: Vec<Vec<Value>> = events.iter().filter_map(row).collect();
    transaction.insert_many("timeline", &COLUMNS, rows, "ON CONFLICT (position) DO NOTHING").await?;

    let messages: Vec<Vec<Value>> = events.iter().filter_map(message).collect();
    let columns = ["message_id", "request_id", "recipient_key"];
    let once = "ON CONFLICT (message_id) DO NOTHING";
    transaction.insert_many("timeline_messages", &columns, messages, once).await?;
    Ok(())
}

fn row(event: &RecordedEvent) -> Option<Vec<Value>> {
    let told = event.told()?;
    Some(vec![
        event.position.into(),
        told.message_id.into(),
        told.request_id.into(),
        told.at.timestamp_micros().into(),
        event.kind().into(),
        told.text.into(),
        event.metadata.source().into(),
        Json::Object(told.meta).to_string().into(),
        told.diagnostic.into(),
    ])
}

fn message(event: &RecordedEvent) -> Option<Vec<Value>> {
    let LogEvent::Message(MessageEvent::Requested(Requested { cause, recipient_key, .. })) = &event.event
    else {
        return None;
    };
    let request_id = cause.request_id().map(|id| id.to_string());
    Some(vec![event.stream.as_str().into(), request_id.into(), recipient_key.into()])
}

/// A masked diagnostic can still name a person in words.
async fn forget(recipient_key: &str, transaction: &mut Transaction) -> Result<(), ConsumeError> {
    let sql = "UPDATE timeline SET diagnostic = NULL WHERE message_id IN \
               (SELECT message_id FROM timeline_messages WHERE recipient_key = $1)";
    transaction.execute(sql, &[recipient_key.into()]).await?;
    Ok(())
}
