//! What can happen to an address. Type names are permanent; a change of shape is an upcast.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::domain::address::EmailAddress;
use crate::domain::bounce::Category;
use crate::domain::id::MessageId;
use crate::domain::message::Cause;
use crate::domain::provider_event::SuppressionReason;
use crate::domain::sealed::Sealed;

/// A fact in the stream of one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum SuppressionEvent {
    /// The address gets less mail from now on.
    Added(Added),
    /// Reasons that do not hold any more.
    Lifted(Lifted),
    /// Written by newer code than this.
    #[serde(other)]
    Unknown,
}

/// A reason that holds from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Added {
    pub reason: Reason,
    pub blocks: Blocks,
    pub address: Sealed<EmailAddress>,
    /// Why it bounced.
    pub category: Option<Category>,
    /// The mail that is the evidence.
    pub message_id: Option<MessageId>,
    /// `provider` for what it reported, else who did it.
    pub by: String,
    /// When it happened: the provider's time of the evidence.
    pub at: DateTime<Utc>,
}

/// An end of reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lifted {
    pub reasons: Vec<Reason>,
    /// `proof` if the owner showed that mail arrives, else who did it.
    pub by: String,
    pub at: DateTime<Utc>,
}

/// Why an address gets less mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It does not exist, or not any more.
    HardBounce,
    /// Its owner called our mail spam.
    Complaint,
    /// Its owner wants no more mail.
    Unsubscribe,
    /// An operator decided so.
    Manual,
}

/// Which mail is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// What services send to lists.
    Bulk,
    /// That, and the mail of people's own accounts.
    Everything,
}

/// The text names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such word")]
pub struct UnknownWord;

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::HardBounce, Self::Complaint, Self::Unsubscribe, Self::Manual];

    /// The word for it, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::Manual => "manual",
        }
    }

    /// What a mail that is held back for it records.
    pub fn of_message(self) -> SuppressionReason {
        match self {
            Self::HardBounce => SuppressionReason::Bounce,
            Self::Complaint => SuppressionReason::Complaint,
            Self::Unsubscribe => SuppressionReason::Unsubscribe,
            Self::Manual => SuppressionReason::Manual,
        }
    }
}

impl FromStr for Reason {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(UnknownWord)
    }
}

impl Blocks {
    /// What must be blocked for a mail of this cause to be held back.
    pub fn of(cause: &Cause) -> Self {
        if cause.is_bulk() { Self::Bulk } else { Self::Everything }
    }

    /// The word for it, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Everything => "everything",
        }
    }
}

impl FromStr for Blocks {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Bulk, Self::Everything].into_iter().find(|blocks| blocks.as_str() == text).ok_or(UnknownWord)
    }
}

impl DomainEvent for SuppressionEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Added(_) => "added",
            Self::Lifted(_) => "lifted",
            Self::Unknown => "unknown",
        };
        format!("suppression.{name}")
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
