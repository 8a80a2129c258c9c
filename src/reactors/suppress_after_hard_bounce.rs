//! When a mail bounced for good because its address is dead, send no more there; when its reader complained or
//! unsubscribed, send no more bulk mail there.
//!
//! A bounce that its own story contradicts, because a link that was mailed there has done its work since,
//! suppresses nobody. A crash midway: it is decided again and finds nothing to do.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{NewWork, Reactor, Verdict, Work, verdict_of, verdict_of_stream};
use crate::commands::{Commands, Context, KeyChoice, LinkStreamsOf};
use crate::domain::bounce::{Category, classify};
use crate::domain::email_verification::Verifying;
use crate::domain::id::{EventId, MessageId};
use crate::domain::message::MessageEvent;
use crate::domain::one_time_link::Status;
use crate::domain::password_reset::Resetting;
use crate::domain::suppression::{Added, Blocks, Reason, SuppressionCommand};
use crate::event_log::{LogEvent, RecordedEvent, StreamError};

/// Holds mail back.
pub struct SuppressAfterHardBounce {
    pub commands: Commands,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    message_id: MessageId,
    reason: Reason,
    category: Option<Category>,
    caused_by: EventId,
    at: DateTime<Utc>,
}

#[async_trait]
impl Reactor for SuppressAfterHardBounce {
    fn kind(&self) -> &'static str {
        "suppress_address"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::Message(told) = &event.event else { return None };
        let (reason, category, at) = match told {
            MessageEvent::Bounced { diagnostic, at, .. } => {
                let verdict = classify(diagnostic, true);
                verdict.suppress.then_some((Reason::HardBounce, Some(verdict.category), *at))?
            }
            MessageEvent::Complained { at } => (Reason::Complaint, None, *at),
            MessageEvent::Unsubscribed { at } => (Reason::Unsubscribe, None, *at),
            _ => return None,
        };
        let message_id = event.stream.parse().ok()?;
        let caused_by = event.metadata.event_id;
        let payload = Payload { message_id, reason, category, caused_by, at };
        Some(NewWork::new(caused_by, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let now = self.commands.clock().now();
        let Ok(payload) = work.payload::<Payload>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let message = match self.commands.load_message(payload.message_id).await {
            Ok(message) => message,
            Err(error) => return verdict_of_stream(error, work, now),
        };
        let Some(requested) = message.aggregate.request() else { return Verdict::Done };
        let stream = &requested.recipient_key;
        if payload.reason == Reason::HardBounce {
            match self.is_contradicted(stream, payload.at).await {
                Ok(false) => {}
                Ok(true) => return Verdict::Done,
                Err(error) => return verdict_of_stream(error, work, now),
            }
        }
        let added = Added {
            reason: payload.reason,
            blocks: blocks(payload.reason),
            address: requested.recipient.clone(),
            category: payload.category,
            message_id: Some(payload.message_id),
            by: "provider".to_owned(),
            at: payload.at,
        };
        let context = Context {
            causation: payload.caused_by.to_string(),
            key: KeyChoice::Given(message.data_key),
            ..Context::default()
        };
        let command = SuppressionCommand::Add(Box::new(added));
        match self.commands.suppression(stream, command, context).await {
            Ok(_) => Verdict::Done,
            Err(error) => verdict_of(&error, work, now),
        }
    }
}

impl SuppressAfterHardBounce {
    /// Whether the owner of the address has shown that mail arrives there, by a link that was asked for around
    /// the time of the bounce or later and has done its work.
    async fn is_contradicted(&self, stream: &str, at: DateTime<Utc>) -> Result<bool, StreamError> {
        Ok(self.was_completed::<Resetting>(stream, at).await?
            || self.was_completed::<Verifying>(stream, at).await?)
    }

    async fn was_completed<P: LinkStreamsOf>(
        &self,
        stream: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, StreamError> {
        let links = self.commands.load_links::<P>(stream).await?.aggregate;
        Ok(links.requests().any(|request| request.status == Status::Completed && request.expires_at > at))
    }
}

/// What an owner says about mail never blocks the mail that lets them in.
fn blocks(reason: Reason) -> Blocks {
    match reason {
        Reason::HardBounce | Reason::Manual => Blocks::Everything,
        Reason::Complaint | Reason::Unsubscribe => Blocks::Bulk,
    }
}
