//! What can happen to one mail. Type names are permanent; a change of shape is an upcast.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId, SendingId, VerificationId};
use crate::domain::one_time_link::LinkRequestId;
use crate::domain::provider_event::{Delivery, Diagnostic, SuppressionReason};
use crate::domain::sealed::Sealed;

/// A fact in the stream of one mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum MessageEvent {
    /// A mail shall go out.
    Requested(Requested),
    /// It was not tried: the address gets no mail.
    Suppressed {
        by: SuppressedBy,
        reason: SuppressionReason,
        diagnostic: Option<Diagnostic>,
        at: DateTime<Utc>,
    },
    /// The next byte may reach the provider: from here on only its answer tells what happened.
    Calling { attempt: u32, at: DateTime<Utc> },
    /// The provider took it.
    Sent {
        attempt: u32,
        /// The Message-ID by which the provider knows it, without angle brackets.
        provider_message_id: String,
        /// What the provider said to it, such as the id in its queue; none if nothing was recorded.
        reply: Option<Sealed<String>>,
        at: DateTime<Utc>,
    },
    /// The hand-over failed, or its outcome is unknown (`ambiguous`); it will be tried, or looked up, again.
    SendFailed { attempt: u32, error: String, ambiguous: bool, retry_at: DateTime<Utc>, at: DateTime<Utc> },
    /// It will never be handed over: it could not be rendered, or the provider refused it.
    Rejected { reason: String, at: DateTime<Utc> },
    /// The receiving server asked to come back later.
    Deferred {
        diagnostic: Diagnostic,
        /// The call of ours that was answered so, when nobody has the mail and it will be called again; none
        /// if the provider has it and reports this.
        at_hand_over: Option<u32>,
        at: DateTime<Utc>,
    },
    /// The receiving server took it.
    Delivered { delivery: Delivery, at: DateTime<Utc> },
    /// It failed for good.
    Bounced {
        diagnostic: Diagnostic,
        delayed: bool,
        /// The call of ours that was answered so; none if the provider has the mail and reports this.
        at_hand_over: Option<u32>,
        at: DateTime<Utc>,
    },
    /// The recipient called it spam.
    Complained { at: DateTime<Utc> },
    /// The recipient wants no more mail.
    Unsubscribed { at: DateTime<Utc> },
    /// It was not sent because what it is about had died before.
    Canceled { reason: String, at: DateTime<Utc> },
    /// Written by newer code than this.
    #[serde(other)]
    Unknown,
}

/// A mail that shall go out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// The template's name, such as `password-reset`.
    pub template: String,
    pub recipient: Sealed<EmailAddress>,
    /// The keyed hash of the recipient's address, in hexadecimal.
    pub recipient_key: String,
    /// From the recipient's domain: the closed set of mailbox providers.
    pub mailbox_provider: String,
    /// The mail provider it goes through: `sandbox`, `mailgun`, `smtp`.
    pub provider: String,
    pub cause: Cause,
    pub locale: Option<String>,
    /// Values for the template. Never a token: the link is made while rendering.
    pub data: Sealed<Map<String, Value>>,
    /// Whether the provider's open pixel is asked for.
    pub opens_tracked: bool,
    /// Whether clicks can be seen: a link to our own page, or click tracking.
    pub clicks_tracked: bool,
    /// After this instant it is of no use to anyone.
    pub send_before: Option<DateTime<Utc>>,
    pub at: DateTime<Utc>,
}

/// What a mail is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// It carries the link of a reset. `stream` is the reset's stream key.
    PasswordReset { request_id: RequestId, stream: String },
    /// It tells the owner that the password was changed by this reset.
    PasswordChanged { request_id: RequestId },
    /// It carries the link of a verification. `stream` is the verification's stream key.
    EmailVerification { request_id: VerificationId, stream: String },
    /// It tells the owner of an address that somebody else tried to register it, or to move there.
    AlreadyRegistered { request_id: VerificationId },
    /// It welcomes the owner of an address that this verified.
    Welcome { request_id: VerificationId },
    /// It tells the owner of a change of the account that was made while signed in.
    AccountChanged { account_id: AccountId },
    /// A service asked for it by the API, with others in the same call. `by` names who: a key, an operator.
    Api { sending: SendingId, by: String },
}

impl Cause {
    /// Whether a service sends it to a list; all other mail is about the recipient's own account.
    pub fn is_bulk(&self) -> bool {
        matches!(self, Self::Api { .. })
    }

    /// The reset or the verification that the mail belongs to.
    pub fn request_id(&self) -> Option<LinkRequestId> {
        match self {
            Self::PasswordReset { request_id, .. } | Self::PasswordChanged { request_id } => {
                Some((*request_id).into())
            }
            Self::EmailVerification { request_id, .. }
            | Self::AlreadyRegistered { request_id }
            | Self::Welcome { request_id } => Some((*request_id).into()),
            Self::AccountChanged { .. } | Self::Api { .. } => None,
        }
    }
}

/// Who decided that an address gets no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressedBy {
    /// This program.
    Us,
    /// The mail provider.
    Provider,
}

impl DomainEvent for MessageEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Requested(_) => "requested",
            Self::Suppressed { .. } => "suppressed",
            Self::Calling { .. } => "calling",
            Self::Sent { .. } => "sent",
            Self::SendFailed { .. } => "send_failed",
            Self::Rejected { .. } => "rejected",
            Self::Deferred { .. } => "deferred",
            Self::Delivered { .. } => "delivered",
            Self::Bounced { .. } => "bounced",
            Self::Complained { .. } => "complained",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::Canceled { .. } => "canceled",
            Self::Unknown => "unknown",
        };
        format!("message.{name}")
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
