//! What can happen to the resets of one address. Type names are permanent; a change of shape is an upcast.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::aggregate::ResetRequest;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId, RequestId};
use crate::domain::sealed::Sealed;

/// A fact in the stream of one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum PasswordResetEvent {
    /// Somebody asked for a reset, within the limits.
    Requested(Requested),
    /// No mail will be made for this request.
    Declined { request_id: RequestId, reason: DeclineReason, at: DateTime<Utc> },
    /// An account was found and a link exists; the token follows from it and is stored nowhere.
    LinkIssued(LinkIssued),
    /// A newer link took over, just before its mail was handed over.
    LinkSuperseded { request_id: RequestId, by: RequestId, at: DateTime<Utc> },
    /// The mail of the newer link definitely failed, so the older link works again.
    LinkRestored { request_id: RequestId, at: DateTime<Utc> },
    /// Somebody, or something, followed the link.
    LinkVisited {
        request_id: RequestId,
        message_id: MessageId,
        kind: VisitKind,
        user_agent: Option<String>,
        at: DateTime<Utc>,
    },
    /// The one attempt that may change the password now.
    CompletionStarted(Completion),
    /// That attempt definitely changed nothing; the link is free again.
    CompletionFailed(Completion),
    /// The password was changed.
    Completed(Completion),
    /// The link's time ran out unused.
    Expired { request_id: RequestId, at: DateTime<Utc> },
    /// An operator, or a change of the account, ended the link.
    Revoked { request_id: RequestId, by: String, at: DateTime<Utc> },
    /// The owner said that it was not they who asked.
    Reported { request_id: RequestId, at: DateTime<Utc> },
    /// The person's data were erased.
    Erased { at: DateTime<Utc> },
    /// Written by newer code than this.
    #[serde(other)]
    Unknown,
}

/// A request that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    pub request_id: RequestId,
    /// The address as it was submitted. Mail goes to the account's stored address, never to this one.
    pub email: Sealed<EmailAddress>,
    /// BCP 47 language tag that the requester asked for.
    pub locale: Option<String>,
    /// Where the frontend wants the person after the reset; its origin was checked.
    pub redirect_to: Option<String>,
    pub at: DateTime<Utc>,
    /// When the link of this request will die.
    pub expires_at: DateTime<Utc>,
    /// Earlier requests that count for the hourly limit.
    pub recent: Vec<DateTime<Utc>>,
    /// Earlier requests whose links could still be followed, so that loading can start here.
    pub carried: Vec<ResetRequest>,
}

/// Why a request leads to no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// Too soon after the one before.
    Cooldown,
    /// Too many within an hour.
    HourlyLimit,
    /// No account has this address.
    UnknownAddress,
    /// The account is disabled.
    AccountDisabled,
    /// The directory could not be asked before the link would have expired.
    Expired,
}

impl DeclineReason {
    /// The word for it in timelines and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cooldown => "cooldown",
            Self::HourlyLimit => "hourly_limit",
            Self::UnknownAddress => "unknown_address",
            Self::AccountDisabled => "account_disabled",
            Self::Expired => "expired",
        }
    }
}

/// A link that can be mailed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkIssued {
    pub request_id: RequestId,
    /// The mail that carries the link.
    pub message_id: MessageId,
    pub account_id: AccountId,
    /// The account's credential version when the link was made; another version kills the link.
    pub credential_version: i64,
    /// 16 random bytes in hexadecimal: without them nobody can make the token, key or no key.
    pub salt: Sealed<String>,
    /// The account's stored address; the mail goes there.
    pub email: Sealed<EmailAddress>,
    /// The account's name, for the salutation.
    pub name: Sealed<Option<String>>,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// One attempt at changing the password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    pub request_id: RequestId,
    pub message_id: MessageId,
    pub account_id: AccountId,
    /// Counted from 1 within the request. Fences the write in the directory.
    pub attempt: u32,
    pub at: DateTime<Utc>,
}

/// How a link was followed: evidence for telling people from machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitKind {
    /// `HEAD`, a prefetch header: nobody looked.
    Prefetch,
    /// The link itself was fetched.
    Link,
    /// The page behind it was fetched with the cookie that the link had set.
    Page,
    /// A frontend asked whether the link works, which it does when its page is opened.
    Inspect,
}

impl PasswordResetEvent {
    /// The request that the event is about; none for `Erased` and `Unknown`.
    pub fn request_id(&self) -> Option<RequestId> {
        match self {
            Self::Requested(requested) => Some(requested.request_id),
            Self::LinkIssued(issued) => Some(issued.request_id),
            Self::CompletionStarted(completion)
            | Self::CompletionFailed(completion)
            | Self::Completed(completion) => Some(completion.request_id),
            Self::Declined { request_id, .. }
            | Self::LinkSuperseded { request_id, .. }
            | Self::LinkRestored { request_id, .. }
            | Self::LinkVisited { request_id, .. }
            | Self::Expired { request_id, .. }
            | Self::Revoked { request_id, .. }
            | Self::Reported { request_id, .. } => Some(*request_id),
            Self::Erased { .. } | Self::Unknown => None,
        }
    }
}

impl DomainEvent for PasswordResetEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Requested(_) => "requested",
            Self::Declined { .. } => "declined",
            Self::LinkIssued(_) => "link_issued",
            Self::LinkSuperseded { .. } => "link_superseded",
            Self::LinkRestored { .. } => "link_restored",
            Self::LinkVisited { .. } => "link_visited",
            Self::CompletionStarted(_) => "completion_started",
            Self::CompletionFailed(_) => "completion_failed",
            Self::Completed(_) => "completed",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
            Self::Reported { .. } => "reported",
            Self::Erased { .. } => "erased",
            Self::Unknown => "unknown",
        };
        format!("password_reset.{name}")
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
