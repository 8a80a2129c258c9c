//! An event as the log holds it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::email_verification::{EmailVerificationEvent, Verifying};
use crate::domain::id::{CommandId, DataKeyId, EventId};
use crate::domain::message::MessageEvent;
use crate::domain::message_engagement::MessageEngagementEvent;
use crate::domain::narration::{self, Told};
use crate::domain::one_time_link::{LinkEvent, LinkPurpose};
use crate::domain::password_reset::{PasswordResetEvent, Resetting};
use crate::domain::suppression::SuppressionEvent;

/// One event, opened and in today's shape.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Contiguous from 1, in commit order.
    pub position: i64,
    /// The id of its stream: a stream key or a message id.
    pub stream: String,
    /// Its place in its stream, from 1.
    pub sequence: i64,
    /// The permanent, dotted name, such as `message.sent`.
    pub event_type: String,
    /// What happened.
    pub event: LogEvent,
    /// Who caused it, and when it was written down.
    pub metadata: Metadata,
}

impl RecordedEvent {
    /// The name of its type without the aggregate, which its ids tell.
    pub fn kind(&self) -> &str {
        self.event_type.rsplit('.').next().unwrap_or_default()
    }

    /// The event in a sentence; none if there is nothing to say of it.
    pub fn told(&self) -> Option<Told> {
        match &self.event {
            LogEvent::PasswordReset(event) => narration::of_link(event),
            LogEvent::EmailVerification(event) => narration::of_link(event),
            LogEvent::Message(event) => narration::of_message(&self.stream, event),
            LogEvent::MessageEngagement(event) => narration::of_engagement(&self.stream, event),
            // Told in the list of suppressions.
            LogEvent::Suppression(_) | LogEvent::Unknown => None,
        }
    }
}

/// The events of all aggregates.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    /// Of the resets of one address.
    PasswordReset(PasswordResetEvent),
    /// Of the verifications of one address.
    EmailVerification(EmailVerificationEvent),
    /// Of one mail.
    Message(MessageEvent),
    /// Of the reading of one mail.
    MessageEngagement(MessageEngagementEvent),
    /// Of what holds mail back from one address.
    Suppression(SuppressionEvent),
    /// Written by newer code: whoever meets it stops and leaves the rest to newer code.
    Unknown,
}

impl LogEvent {
    /// Folds the aggregates' own `Unknown` variants into the one that consumers look for.
    pub(super) fn or_unknown(self) -> Self {
        match self {
            Self::PasswordReset(PasswordResetEvent::Unknown)
            | Self::EmailVerification(EmailVerificationEvent::Unknown)
            | Self::Message(MessageEvent::Unknown)
            | Self::MessageEngagement(MessageEngagementEvent::Unknown)
            | Self::Suppression(SuppressionEvent::Unknown) => Self::Unknown,
            known => known,
        }
    }

    /// Whether it says that the data of the person whose stream this is were erased.
    pub fn is_erasure(&self) -> bool {
        matches!(
            self,
            Self::PasswordReset(PasswordResetEvent::Erased { .. })
                | Self::EmailVerification(EmailVerificationEvent::Erased { .. })
        )
    }
}

/// A purpose whose links have streams in the log.
pub trait LoggedLinks: LinkPurpose {
    /// The event, if it is one of theirs.
    fn event(event: &LogEvent) -> Option<&LinkEvent<Self>>;
}

impl LoggedLinks for Resetting {
    fn event(event: &LogEvent) -> Option<&LinkEvent<Self>> {
        if let LogEvent::PasswordReset(event) = event { Some(event) } else { None }
    }
}

impl LoggedLinks for Verifying {
    fn event(event: &LogEvent) -> Option<&LinkEvent<Self>> {
        if let LogEvent::EmailVerification(event) = event { Some(event) } else { None }
    }
}

/// What stands beside every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The event itself.
    pub event_id: EventId,
    /// The command that led to it.
    pub command_id: CommandId,
    /// What made somebody give that command: an event (`evt_…`), a webhook (`whk_…`),
    /// what we found when we asked the provider (`events_api:whk_…`), a client (`http`).
    pub causation: String,
    /// The key that its personal data are sealed under.
    pub data_key: Option<DataKeyId>,
    /// When it was written down.
    pub recorded_at: DateTime<Utc>,
}

impl Metadata {
    /// Who made it happen: `client`, `provider` (it posted it), `events_api` (the provider knew it when we asked, and
    /// its webhook had not come), `operator` or `system`.
    pub fn source(&self) -> &'static str {
        let causation = self.causation.as_str();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| causation.starts_with(prefix));
        match () {
            () if causation == "http" => "client",
            () if begins(&["whk_"]) => "provider",
            () if begins(&["events_api:"]) => "events_api",
            () if begins(&["operator", "key_", "acc_", "cli"]) => "operator",
            () => "system",
        }
    }

    /// As cqrs-es carries it.
    pub fn to_map(&self) -> HashMap<String, String> {
        let mut map = HashMap::from([
            ("event_id".to_owned(), self.event_id.to_string()),
            ("command_id".to_owned(), self.command_id.to_string()),
            ("causation".to_owned(), self.causation.clone()),
            ("recorded_at".to_owned(), self.recorded_at.timestamp_micros().to_string()),
        ]);
        if let Some(data_key) = self.data_key {
            map.insert("data_key".to_owned(), data_key.to_string());
        }
        map
    }

    /// Back from what cqrs-es carried; `None` if it was never ours.
    pub fn from_map(map: &HashMap<String, String>) -> Option<Self> {
        Some(Self {
            event_id: map.get("event_id")?.parse().ok()?,
            command_id: map.get("command_id")?.parse().ok()?,
            causation: map.get("causation")?.clone(),
            data_key: map.get("data_key").and_then(|id| id.parse().ok()),
            recorded_at: DateTime::from_timestamp_micros(map.get("recorded_at")?.parse().ok()?)?,
        })
    }
}
