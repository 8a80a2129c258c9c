//! The timeline: every event of a reset or a verification and of its mails, told so that an operator understands it.
//!
//! One row per event, in no order: readers sort by time. Which of them a mail belongs to is looked up when it is
//! read, so events may arrive in any order. Must never hold an address, a token, or an unmasked diagnostic.

mod link;
mod mail;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};

use super::Projection;
use crate::database::{Transaction, Value};
use crate::domain::message::{MessageEvent, Requested};
use crate::event_log::{ConsumeError, Consumer, LogEvent, RecordedEvent};

const COLUMNS: [&str; 9] =
    ["position", "message_id", "request_id", "at", "kind", "text", "source", "meta", "diagnostic"];

/// The projection behind timelines.
#[derive(Debug, Clone, Copy)]
pub struct Timeline;

/// What a row tells.
#[derive(Debug)]
struct Entry {
    message_id: Option<String>,
    request_id: Option<String>,
    at: DateTime<Utc>,
    text: String,
    meta: Map<String, Json>,
    diagnostic: Option<String>,
}

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
        let rows: Vec<Vec<Value>> = events.iter().filter_map(row).collect();
        transaction.insert_many("timeline", &COLUMNS, rows, "ON CONFLICT (position) DO NOTHING").await?;

        let messages: Vec<Vec<Value>> = events.iter().filter_map(message).collect();
        let columns = ["message_id", "request_id", "recipient_key"];
        let once = "ON CONFLICT (message_id) DO NOTHING";
        transaction.insert_many("timeline_messages", &columns, messages, once).await?;
        forget_the_erased(events, transaction).await
    }
}

fn row(event: &RecordedEvent) -> Option<Vec<Value>> {
    let entry = match &event.event {
        LogEvent::PasswordReset(told) => link::entry(told)?,
        LogEvent::EmailVerification(told) => link::entry(told)?,
        LogEvent::Message(told) => mail::entry(&event.stream, told)?,
        LogEvent::MessageEngagement(told) => mail::reading(&event.stream, told)?,
        LogEvent::Unknown => return None,
    };
    // The permanent name without the aggregate, which the ids tell.
    let kind = event.event_type.rsplit('.').next().unwrap_or_default();
    Some(vec![
        event.position.into(),
        entry.message_id.into(),
        entry.request_id.into(),
        entry.at.timestamp_micros().into(),
        kind.into(),
        entry.text.into(),
        source(&event.metadata.causation).into(),
        Json::Object(entry.meta).to_string().into(),
        entry.diagnostic.into(),
    ])
}

/// Who made it happen.
fn source(causation: &str) -> &'static str {
    match causation {
        "http" => "client",
        _ if causation.starts_with("whk_") => "provider",
        // The provider knew it and its webhook never came.
        _ if causation.starts_with("events_api:") => "events_api",
        _ if ["operator", "key_", "acc_", "cli"].iter().any(|prefix| causation.starts_with(prefix)) => {
            "operator"
        }
        _ => "system",
    }
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
async fn forget_the_erased(
    events: &[RecordedEvent],
    transaction: &mut Transaction,
) -> Result<(), ConsumeError> {
    for event in events {
        if event.event.is_erasure() {
            transaction
                .execute(
                    "UPDATE timeline SET diagnostic = NULL WHERE message_id IN \
                     (SELECT message_id FROM timeline_messages WHERE recipient_key = $1)",
                    &[event.stream.as_str().into()],
                )
                .await?;
        }
    }
    Ok(())
}

/// Values for people; what is absent is left out.
fn meta<const N: usize>(members: [(&str, Json); N]) -> Map<String, Json> {
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
