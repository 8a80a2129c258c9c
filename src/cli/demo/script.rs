//! What happens, step by step: commands of the past, and what was posted about mails.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::{Clock, FixedClock};
use crate::domain::email_verification::EmailVerificationCommand;
use crate::domain::id::{MessageId, TypedId};
use crate::domain::keys::IndexKey;
use crate::domain::message::MessageCommand;
use crate::domain::password_reset::PasswordResetCommand;
use crate::domain::suppression::SuppressionCommand;

/// Something that happens at a time.
pub struct Step {
    pub at: DateTime<Utc>,
    pub what: What,
}

/// What can happen.
pub enum What {
    Reset {
        stream: String,
        command: PasswordResetCommand,
    },
    Verification {
        stream: String,
        command: EmailVerificationCommand,
    },
    Message {
        id: MessageId,
        command: MessageCommand,
        sealed: SealedBy,
    },
    Suppression {
        stream: String,
        command: SuppressionCommand,
        /// The mail that is the evidence, whose key seals it.
        message: Option<MessageId>,
    },
    /// Mailgun posts this event.
    Post {
        event_data: Value,
        /// The mail that it has an effect on.
        on: Option<MessageId>,
        also: Again,
    },
}

/// What else comes under the signature of a post.
#[derive(Debug, Clone, PartialEq)]
pub enum Again {
    Nothing,
    /// The same once more.
    Same,
    /// Another event: somebody has tried.
    Other(Value),
}

/// Whose key seals what is personal in the events of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedBy {
    /// The mail's own stream has one already.
    Stream,
    /// That of the reset that it belongs to, whose stream this is.
    Reset(String),
    Verification(String),
    /// A new one, for the person whose stream key this is.
    Fresh(String),
}

/// The steps of all stories, in no order.
pub struct Script {
    steps: Vec<Step>,
    ids: FixedClock,
    index: IndexKey,
    mail_domain: String,
}

impl Script {
    /// An empty one.
    pub fn new(index: IndexKey, mail_domain: &str, start: DateTime<Utc>) -> Self {
        Self { steps: Vec::new(), ids: FixedClock::at(start), index, mail_domain: mail_domain.to_owned() }
    }

    /// A fresh id of this time.
    pub fn id<T: TypedId>(&self, at: DateTime<Utc>) -> T {
        self.ids.set(at);
        T::from_uuid(self.ids.uuid())
    }

    /// Random bytes for the token of a link; nobody will ever hold one.
    pub fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.ids.fill(&mut salt);
        salt
    }

    /// The keyed hash of an address.
    pub fn index(&self) -> &IndexKey {
        &self.index
    }

    /// By which the provider knows a mail.
    pub fn header(&self, id: MessageId) -> String {
        self.index.message_id_header(id, &self.mail_domain)
    }

    /// Adds a step.
    pub fn add(&mut self, at: DateTime<Utc>, what: What) {
        self.steps.push(Step { at, what });
    }

    /// The steps up to this instant, in the order in which they happen.
    pub fn until(self, now: DateTime<Utc>) -> Vec<Step> {
        let mut steps = self.steps;
        steps.retain(|step| step.at <= now);
        // Stable: what a story tells of one instant stays in its order.
        steps.sort_by_key(|step| step.at);
        steps
    }
}
