//! What can happen to the links of one address. Type names are permanent; a change of shape is an upcast.
//! Members that came later are left out where they are empty, so that older events keep their shape.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::aggregate::LinkRequest;
use super::purpose::LinkPurpose;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId};
use crate::domain::sealed::Sealed;

/// A fact in the stream of one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case", bound = "")]
pub enum LinkEvent<P: LinkPurpose> {
    /// Somebody asked for a link, within the limits.
    Requested(Requested<P>),
    /// Somebody asked again, within the limits, while an earlier link worked: that one is mailed once more.
    Repeated(Repeated<P>),
    /// No mail will be made for this request.
    Declined { request_id: P::Id, reason: DeclineReason, at: DateTime<Utc> },
    /// An account was found and a link exists; the token follows from it and is stored nowhere.
    LinkIssued(LinkIssued<P>),
    /// Another mail carries the same link, because `by` asked again.
    LinkResent { request_id: P::Id, by: P::Id, message_id: MessageId, at: DateTime<Utc> },
    /// A newer link took over, just before its mail was handed over.
    LinkSuperseded { request_id: P::Id, by: P::Id, at: DateTime<Utc> },
    /// The mail of the newer link definitely failed, so the older link works again.
    LinkRestored { request_id: P::Id, at: DateTime<Utc> },
    /// Somebody, or something, followed the link.
    LinkVisited {
        request_id: P::Id,
        message_id: MessageId,
        kind: VisitKind,
        user_agent: Option<String>,
        at: DateTime<Utc>,
    },
    /// The one attempt that may change the account now.
    CompletionStarted(Completion<P>),
    /// That attempt definitely changed nothing; the link is free again.
    CompletionFailed(Completion<P>),
    /// Whoever made that attempt did not know the password; the link is free again.
    CompletionRefused(Completion<P>),
    /// The link has done its work: the account was changed.
    Completed(Completion<P>),
    /// The link's time ran out unused.
    Expired { request_id: P::Id, at: DateTime<Utc> },
    /// An operator, or a change of the account, ended the link.
    Revoked { request_id: P::Id, by: String, at: DateTime<Utc> },
    /// The owner said that it was not they who asked.
    Reported { request_id: P::Id, at: DateTime<Utc> },
    /// The person's data were erased.
    Erased { at: DateTime<Utc> },
    /// Written by newer code than this.
    #[serde(other)]
    Unknown,
}

/// A request that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Requested<P: LinkPurpose> {
    pub request_id: P::Id,
    /// The address as it was submitted. Mail goes to the account's stored address, never to this one.
    pub email: Sealed<EmailAddress>,
    /// BCP 47 language tag that the requester asked for.
    pub locale: Option<String>,
    /// The browser that asked, in rough words of a closed set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// What its purpose knows about it.
    #[serde(flatten)]
    pub details: P::Details,
    pub at: DateTime<Utc>,
    /// When the link of this request will die.
    pub expires_at: DateTime<Utc>,
    /// Earlier requests that count for the hourly limit.
    pub recent: Vec<DateTime<Utc>>,
    /// Earlier requests whose links could still be followed, so that loading can start here.
    pub carried: Vec<LinkRequest<P>>,
}

/// A request that was taken and needs no link of its own, unless the earlier one turns out to be dead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Repeated<P: LinkPurpose> {
    pub request_id: P::Id,
    /// The request whose link works.
    pub of: P::Id,
    pub email: Sealed<EmailAddress>,
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    #[serde(flatten)]
    pub details: P::Details,
    pub at: DateTime<Utc>,
    /// When a link of its own would die.
    pub expires_at: DateTime<Utc>,
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
    /// A registration for an address whose owner has an account; they are told by another mail.
    AlreadyRegistered,
    /// Nothing is left to verify.
    AlreadyVerified,
    /// The new address is somebody else's; they are told by another mail.
    AddressTaken,
    /// The account has changed since.
    AccountChanged,
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
            Self::AlreadyRegistered => "already_registered",
            Self::AlreadyVerified => "already_verified",
            Self::AddressTaken => "address_taken",
            Self::AccountChanged => "account_changed",
        }
    }
}

/// A link that can be mailed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct LinkIssued<P: LinkPurpose> {
    pub request_id: P::Id,
    /// The mail that carries the link.
    pub message_id: MessageId,
    pub account_id: AccountId,
    /// The account's credential version when the link was made; another version kills the link.
    pub credential_version: i64,
    /// 16 random bytes in hexadecimal: without them nobody can make the token, key or no key.
    pub salt: Sealed<String>,
    /// Where the mail goes: the account's stored address, or the new one that shall be verified.
    pub email: Sealed<EmailAddress>,
    /// The account's name, for the salutation.
    pub name: Sealed<Option<String>>,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// One attempt at changing the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Completion<P: LinkPurpose> {
    pub request_id: P::Id,
    /// The newest mail that carries the link.
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

impl VisitKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prefetch => "prefetch",
            Self::Link => "link",
            Self::Page => "page",
            Self::Inspect => "inspect",
        }
    }
}

impl<P: LinkPurpose> LinkEvent<P> {
    /// The request that the event is about; none for `Erased` and `Unknown`.
    pub fn request_id(&self) -> Option<P::Id> {
        match self {
            Self::Requested(requested) => Some(requested.request_id),
            Self::Repeated(repeated) => Some(repeated.request_id),
            Self::LinkIssued(issued) => Some(issued.request_id),
            Self::CompletionStarted(completion)
            | Self::CompletionFailed(completion)
            | Self::CompletionRefused(completion)
            | Self::Completed(completion) => Some(completion.request_id),
            Self::Declined { request_id, .. }
            | Self::LinkResent { request_id, .. }
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

impl<P: LinkPurpose> DomainEvent for LinkEvent<P> {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Requested(_) => return P::REQUESTED.to_owned(),
            Self::Repeated(_) => return P::REPEATED.to_owned(),
            Self::Declined { .. } => "declined",
            Self::LinkIssued(_) => "link_issued",
            Self::LinkResent { .. } => "link_resent",
            Self::LinkSuperseded { .. } => "link_superseded",
            Self::LinkRestored { .. } => "link_restored",
            Self::LinkVisited { .. } => "link_visited",
            Self::CompletionStarted(_) => "completion_started",
            Self::CompletionFailed(_) => "completion_failed",
            Self::CompletionRefused(_) => "completion_refused",
            Self::Completed(_) => "completed",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
            Self::Reported { .. } => "reported",
            Self::Erased { .. } => "erased",
            Self::Unknown => "unknown",
        };
        format!("{}.{name}", P::TYPE)
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
