//! Where each request for a reset stands, for support. One stream's events come in order, so the newest one
//! tells. Must never hold an address.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Projection;
use crate::database::{Transaction, Value};
use crate::domain::narration::actor;
use crate::domain::password_reset::PasswordResetEvent as Event;
use crate::event_log::{ConsumeError, Consumer, LogEvent, RecordedEvent};

const COLUMNS: [&str; 11] = [
    "request_id",
    "stream",
    "recipient",
    "status",
    "reason",
    "message_id",
    "requested_at",
    "expires_at",
    "visited_at",
    "completed_at",
    "updated_at",
];

/// What is already known stays, but for the newest status and its reason.
const MERGE: &str = "ON CONFLICT (request_id) DO UPDATE SET \
    recipient = COALESCE(excluded.recipient, resets.recipient), \
    status = CASE excluded.status WHEN '' THEN resets.status ELSE excluded.status END, \
    reason = CASE excluded.status WHEN '' THEN resets.reason ELSE excluded.reason END, \
    message_id = COALESCE(excluded.message_id, resets.message_id), \
    requested_at = COALESCE(resets.requested_at, excluded.requested_at), \
    expires_at = COALESCE(excluded.expires_at, resets.expires_at), \
    visited_at = COALESCE(resets.visited_at, excluded.visited_at), \
    completed_at = COALESCE(resets.completed_at, excluded.completed_at), \
    updated_at = excluded.updated_at";

/// The projection behind support's view of resets.
#[derive(Debug, Clone, Copy)]
pub struct Resets;

/// What a batch tells about one request; absent is what it does not tell.
#[derive(Debug, Default)]
struct Change {
    stream: String,
    recipient: Option<String>,
    /// Empty where the events leave it as it was.
    status: &'static str,
    reason: Option<String>,
    message_id: Option<String>,
    requested_at: Option<i64>,
    expires_at: Option<i64>,
    visited_at: Option<i64>,
    completed_at: Option<i64>,
    updated_at: i64,
}

impl Projection for Resets {
    fn tables(&self) -> &'static [&'static str] {
        &["resets"]
    }
}

#[async_trait]
impl Consumer for Resets {
    fn name(&self) -> &'static str {
        "resets"
    }

    /// The newest event tells where a request stands.
    fn is_ordered(&self) -> bool {
        true
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        let mut changes: BTreeMap<String, Change> = BTreeMap::new();
        let mut erased = Vec::new();
        for recorded in events {
            let LogEvent::PasswordReset(event) = &recorded.event else { continue };
            if matches!(event, Event::Erased { .. }) {
                erased.push(recorded.stream.as_str());
            }
            if let Some(request_id) = event.request_id() {
                let change = changes.entry(request_id.to_string()).or_default();
                change.stream.clone_from(&recorded.stream);
                change.updated_at = recorded.metadata.recorded_at.timestamp_micros();
                change.take(event);
            }
        }
        let rows = changes.into_iter().map(|(request_id, change)| change.values(request_id)).collect();
        transaction.insert_many("resets", &COLUMNS, rows, MERGE).await?;
        for stream in erased {
            let forget = "UPDATE resets SET recipient = NULL WHERE stream = $1";
            transaction.execute(forget, &[stream.into()]).await?;
        }
        Ok(())
    }
}

impl Change {
    fn take(&mut self, event: &Event) {
        let mut stands = |status, reason| {
            self.status = status;
            self.reason = reason;
        };
        match event {
            Event::Requested(requested) => {
                stands("pending", None);
                self.recipient = requested.email.known().map(|email| email.masked());
                self.requested_at = Some(micros(requested.at));
                self.expires_at = Some(micros(requested.expires_at));
            }
            Event::Declined { reason, at, .. } => {
                stands("declined", Some(reason.as_str().to_owned()));
                // Over the limits nothing else tells of the request.
                self.requested_at.get_or_insert(micros(*at));
            }
            Event::Repeated(repeated) => {
                stands("repeated", Some(repeated.of.to_string()));
                self.recipient = repeated.email.known().map(|email| email.masked());
                self.requested_at = Some(micros(repeated.at));
                self.expires_at = Some(micros(repeated.expires_at));
            }
            Event::LinkResent { message_id, .. } => self.message_id = Some(message_id.to_string()),
            Event::LinkIssued(issued) => {
                stands("live", None);
                self.message_id = Some(issued.message_id.to_string());
                self.expires_at = Some(micros(issued.expires_at));
            }
            Event::LinkSuperseded { by, .. } => stands("superseded", Some(by.to_string())),
            Event::LinkRestored { .. } | Event::CompletionFailed(_) | Event::CompletionRefused(_) => {
                stands("live", None)
            }
            Event::LinkVisited { at, .. } => {
                self.visited_at.get_or_insert(micros(*at));
            }
            Event::CompletionStarted(_) => stands("completing", None),
            Event::Completed(completion) => {
                stands("completed", None);
                self.completed_at = Some(micros(completion.at));
            }
            Event::Expired { .. } => stands("expired", None),
            Event::Revoked { by, .. } => stands("revoked", Some(actor(by))),
            Event::Reported { .. } | Event::Erased { .. } | Event::Unknown => {}
        }
    }

    fn values(self, request_id: String) -> Vec<Value> {
        vec![
            request_id.into(),
            self.stream.into(),
            self.recipient.into(),
            self.status.into(),
            self.reason.into(),
            self.message_id.into(),
            self.requested_at.into(),
            self.expires_at.into(),
            self.visited_at.into(),
            self.completed_at.into(),
            self.updated_at.into(),
        ]
    }
}

fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}
