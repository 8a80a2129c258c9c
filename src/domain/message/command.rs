//! What can be asked of one mail.

use chrono::{DateTime, Utc};

use super::event::Requested;
use crate::domain::provider_event::{Delivery, Diagnostic, SuppressionReason};
use crate::domain::refusal::Refusal;

/// A command to the stream of one mail. Times come in from outside.
#[derive(Debug, Clone)]
pub enum MessageCommand {
    /// A mail shall go out.
    Request(Box<Requested>),
    /// A mail shall go out, but its recipient gets none of its kind.
    RequestSuppressed { requested: Box<Requested>, reason: SuppressionReason },
    /// The recipient gets no mail of this kind any more.
    Suppress { reason: SuppressionReason, at: DateTime<Utc> },
    /// What it is about has died; it shall not go out any more.
    Cancel { reason: String, at: DateTime<Utc> },
    /// The provider is about to be called.
    RecordCalling { at: DateTime<Utc> },
    /// The provider took it.
    RecordSent { attempt: u32, provider_message_id: String, reply: Option<String>, at: DateTime<Utc> },
    /// The call failed, or nobody knows whether it did.
    RecordSendFailed {
        attempt: u32,
        error: String,
        ambiguous: bool,
        retry_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    /// The call was answered with "later": nobody has the mail.
    RecordCallDeferred { attempt: u32, diagnostic: Diagnostic, at: DateTime<Utc> },
    /// The call was answered with "never": a bounce without a detour.
    RecordCallBounced { attempt: u32, diagnostic: Diagnostic, at: DateTime<Utc> },
    /// It will never be handed over.
    RecordRejected { reason: String, at: DateTime<Utc> },
    /// The provider reports a temporary failure.
    RecordDeferred { diagnostic: Diagnostic, at: DateTime<Utc> },
    /// The provider reports that the receiving server took it.
    RecordDelivered { delivery: Delivery, at: DateTime<Utc> },
    /// The provider reports a permanent failure.
    RecordBounced { diagnostic: Diagnostic, delayed: bool, at: DateTime<Utc> },
    /// The provider reports that it did not try.
    RecordSuppressed { reason: SuppressionReason, diagnostic: Diagnostic, at: DateTime<Utc> },
    /// The recipient called it spam.
    RecordComplained { at: DateTime<Utc> },
    /// The recipient wants no more mail.
    RecordUnsubscribed { at: DateTime<Utc> },
    /// The provider reports that it accepted the call: proof when our own answer was lost.
    RecordAccepted { provider_message_id: Option<String>, at: DateTime<Utc> },
}

/// Why a command to a mail is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefusal {
    /// No such mail was ever asked for.
    #[error("no such message")]
    NoSuchMessage,
    /// It was handed over, refused, suppressed or canceled before.
    #[error("the message is settled")]
    Settled,
    /// Newer code wrote an event that this code does not know.
    #[error("this stream was written by a newer version")]
    NewerCode,
}

impl Refusal for MessageRefusal {
    fn is_for_newer_code(&self) -> bool {
        *self == Self::NewerCode
    }
}
