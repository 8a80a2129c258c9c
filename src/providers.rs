//! Whoever carries our mail, behind one small trait: hand a mail over, and ask whether it was taken.
//!
//! Everything here speaks to the outside and remembers nothing. It must never retry by itself (whether a
//! second call is safe is decided by whoever keeps the log), never touch the database, and never put a body,
//! an address or a key into an error or a log line.

mod counted;
pub mod mailgun;
pub mod smtp;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::address::EmailAddress;
use crate::domain::id::MessageId;
use crate::domain::provider_event::Diagnostic;

pub use counted::Counted;

/// One rendered mail to one recipient.
#[derive(Clone)]
pub struct OutgoingMail {
    /// Our id of it; travels with the mail and comes back in every webhook.
    pub message_id: MessageId,
    /// The Message-ID header, without angle brackets.
    pub message_id_header: String,
    /// The sender, as `Name <address>`.
    pub from: String,
    /// The recipient.
    pub to: EmailAddress,
    /// One line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The template's name, by which the provider's own statistics group.
    pub tag: String,
    /// Whether the provider may add its open pixel. Links are never rewritten: they carry tokens.
    pub track_opens: bool,
}

impl fmt::Debug for OutgoingMail {
    /// The recipient and the bodies, with the token in them, stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMail")
            .field("message_id", &self.message_id)
            .field("tag", &self.tag)
            .field("track_opens", &self.track_opens)
            .finish_non_exhaustive()
    }
}

/// The provider has taken a message; it says nothing about delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The Message-ID header the mail goes out with, without angle brackets.
    pub provider_message_id: String,
    /// What was said to it, such as the id in the provider's queue. May name a person.
    pub reply: Option<String>,
}

impl Accepted {
    /// Taken under this id, and nothing else said.
    pub fn as_message(provider_message_id: String) -> Self {
        Self { provider_message_id, reply: None }
    }
}

/// Why a call did not end in [`Accepted`], by what may be done next. Reasons are safe to store and to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// This message will never be taken.
    #[error("refused: {reason}")]
    Refused { reason: String },
    /// Whoever takes mail for this recipient refused it for good, and said why: a bounce without a detour.
    #[error("bounced: {}", codes(diagnostic))]
    Bounced { diagnostic: Box<Diagnostic> },
    /// Whoever takes mail for this recipient did not take it yet, and said why.
    #[error("deferred: {}", codes(diagnostic))]
    Deferred { diagnostic: Box<Diagnostic> },
    /// Nothing will be taken until an operator acts; the message itself may be fine.
    #[error("not accepted until the configuration changes: {reason}")]
    Configuration { reason: String },
    /// Too much for now; not taken, and not to be tried again before the given delay.
    #[error("throttled for {} s: {reason}", retry_after.as_secs())]
    Throttled { reason: String, retry_after: Duration },
    /// The request definitely never reached the provider.
    #[error("not sent: {reason}")]
    NotSent { reason: String },
    /// The provider may or may not have taken the message.
    #[error("outcome unknown: {reason}")]
    Ambiguous { reason: String },
}

/// SMTP's reply code for "closing the connection" (RFC 5321 §3.8): said of the server, not of a message.
const GOING_AWAY: u16 = 421;

impl SendError {
    /// Whether the provider itself is in trouble, so that other mails had better wait too.
    pub fn is_of_the_provider(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::Ambiguous { .. } => true,
            Self::Deferred { diagnostic } => diagnostic.code == Some(GOING_AWAY),
            Self::Refused { .. }
            | Self::Bounced { .. }
            | Self::Configuration { .. }
            | Self::Throttled { .. } => false,
        }
    }
}

/// The words could name a person; the codes cannot.
fn codes(diagnostic: &Diagnostic) -> String {
    let reply = diagnostic.code.map(|code| code.to_string());
    [reply.as_deref(), diagnostic.enhanced.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Why the provider did not tell whether it has a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookUpError {
    /// Not now; asking again may help.
    #[error("the provider does not answer: {reason}")]
    Unavailable { reason: String },
    /// Not this provider, or not with this key; asking again is useless.
    #[error("the provider cannot be asked: {reason}")]
    Unsupported { reason: String },
}

/// One way to get mail out of the house.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The word for it in events, logs and metrics: `mailgun`, `smtp`, `sandbox`.
    fn name(&self) -> &'static str;

    /// Hands one mail over. Exactly one request; dropping the future leaves the outcome unknown.
    async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError>;

    /// Whether the provider has taken this message, asked after a call whose outcome is unknown. `None` means
    /// "not that it knows of by now": providers index with minutes of delay.
    async fn find_accepted(
        &self,
        message_id: MessageId,
        message_id_header: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<Accepted>, LookUpError>;

    /// Everything that the provider knows of what happened to this message, each event in its own words, as it
    /// would have posted it. Providers that post nothing have nothing to tell.
    async fn events_of(
        &self,
        _message_id: MessageId,
        _message_id_header: &str,
        _since: DateTime<Utc>,
    ) -> Result<Vec<Map<String, Value>>, LookUpError> {
        Err(LookUpError::Unsupported { reason: "it keeps no events".to_owned() })
    }
}
