//! What can be appended, and what can become of it.

use crate::database::DatabaseError;
use crate::domain::id::{CommandId, DataKeyId, MessageId, WebhookId};

use super::keyring::NewDataKey;

/// One command's events, with everything that must happen together with them.
#[derive(Clone)]
pub struct Append {
    /// Kind of stream.
    pub aggregate_type: &'static str,
    /// The stream's id.
    pub stream: String,
    /// What the stream must look like for the decision to hold.
    pub expected: Expected,
    /// Makes a repetition recognisable.
    pub command_id: CommandId,
    /// May be empty: then only what goes with it is written.
    pub events: Vec<NewEvent>,
    /// The key that the events are sealed under.
    pub data_key: Option<DataKeyId>,
    /// The same key, when it was made for these events.
    pub new_data_key: Option<NewDataKey>,
    /// What else happens in the same transaction.
    pub beside: Beside,
}

/// What goes into the same transaction as the events of a command.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// An outside event that takes effect by this append, and never again.
    pub effect: Option<String>,
    /// The stored webhook that this append settles.
    pub webhook: Option<SettledWebhook>,
    /// The client whose request this was.
    pub client: Option<ClientRequest>,
}

impl Beside {
    /// Whether there is nothing of the kind.
    pub fn is_empty(&self) -> bool {
        self.effect.is_none() && self.webhook.is_none() && self.client.is_none()
    }
}

/// A stored webhook that has been understood.
#[derive(Debug, Clone)]
pub struct SettledWebhook {
    /// Which one.
    pub id: WebhookId,
    /// The message that it was about.
    pub message_id: MessageId,
}

/// One request of one client.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// The keyed hash of its address.
    pub client: String,
    /// The start of the hour that it counts for, in microseconds.
    pub window_start: i64,
}

/// One event, ready to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub event_type: String,
    pub event_version: String,
    /// JSON, sealed.
    pub payload: String,
    /// JSON.
    pub metadata: String,
    /// Microseconds.
    pub recorded_at: i64,
}

/// What a decision was based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The last sequence of the stream; 0 when it is empty.
    Sequence(i64),
    /// Nothing: the stream takes facts in any order.
    Any,
}

impl Expected {
    /// As the statements take it: −1 stands for any.
    pub(super) fn as_number(self) -> i64 {
        match self {
            Self::Sequence(sequence) => sequence,
            Self::Any => -1,
        }
    }
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The events are in the log. Sequence of the first of them; 0 when there were none.
    Stored { first_sequence: i64 },
    /// This very command had been appended before; its first result stands.
    Duplicate,
    /// The outside event has taken effect before; only the webhook was settled.
    EffectKnown,
}

/// Why an append did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended to the stream first: load it again and decide again.
    #[error("the stream has moved on")]
    Conflict,
    /// Too much is waiting to be written.
    #[error("the write queue is full")]
    QueueFull,
    /// Nothing was written; trying again later may help.
    #[error("nothing was written: {0}")]
    Transient(String),
    /// The connection was lost at the commit and the database could not be asked since. The same command
    /// may be given again: its id tells whether it had been written.
    #[error("it is unknown whether the events were written: {0}")]
    Ambiguous(String),
    /// The database will not take these events, now or later.
    #[error("the events were refused: {0}")]
    Permanent(String),
}

impl From<&DatabaseError> for AppendError {
    fn from(error: &DatabaseError) -> Self {
        let text = error.to_string();
        match error {
            DatabaseError::Unavailable(_) => Self::Transient(text),
            DatabaseError::Ambiguous(_) => Self::Ambiguous(text),
            DatabaseError::Refused { .. } | DatabaseError::Permanent(_) => Self::Permanent(text),
        }
    }
}
