//! What can be asked of the links of one address.

use chrono::{DateTime, TimeDelta, Utc};

use super::event::{DeclineReason, VisitKind};
use super::purpose::LinkPurpose;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId};

/// The limits that every decision is made under.
#[derive(Debug, Clone)]
pub struct LinkPolicy {
    /// How long a link works.
    pub ttl: TimeDelta,
    /// The least time between two requests for one address.
    pub cooldown: TimeDelta,
    /// Requests for one address within any hour.
    pub per_hour: usize,
    /// What a second request does while the first link works.
    pub repeat: RepeatRequest,
    /// After this long a started completion may be started again.
    pub completion_patience: TimeDelta,
    /// Wrong passwords that one link takes within any hour, where it asks for one.
    pub wrong_passwords_per_hour: usize,
}

/// What a second request does while the first link works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepeatRequest {
    /// Another link, which ends the first one.
    Supersede,
    /// The same link is mailed again.
    Resend,
}

impl Default for LinkPolicy {
    fn default() -> Self {
        Self {
            ttl: TimeDelta::hours(1),
            cooldown: TimeDelta::minutes(1),
            per_hour: 3,
            repeat: RepeatRequest::Supersede,
            completion_patience: TimeDelta::seconds(30),
            wrong_passwords_per_hour: 10,
        }
    }
}

/// A command to the stream of one address. Time, ids and salt come in from outside.
#[derive(Debug, Clone)]
pub enum LinkCommand<P: LinkPurpose> {
    /// Somebody asks for a link.
    Request {
        request_id: P::Id,
        email: EmailAddress,
        locale: Option<String>,
        browser: Option<String>,
        details: P::Details,
        at: DateTime<Utc>,
    },
    /// No mail shall be made.
    Decline { request_id: P::Id, reason: DeclineReason, at: DateTime<Utc> },
    /// The account was found.
    IssueLink {
        request_id: P::Id,
        message_id: MessageId,
        account_id: AccountId,
        credential_version: i64,
        salt: [u8; 16],
        email: EmailAddress,
        name: Option<String>,
        at: DateTime<Utc>,
    },
    /// The link of this request, or the one that it repeats, shall be mailed once more.
    ResendLink { request_id: P::Id, message_id: MessageId, at: DateTime<Utc> },
    /// This mail of the link is about to be handed over: with the first one older links end, if the purpose
    /// says so.
    SupersedeOlder { request_id: P::Id, message_id: MessageId, at: DateTime<Utc> },
    /// This mail of the link definitely failed: the links that it ended work again.
    RestoreOlder { request_id: P::Id, message_id: MessageId, at: DateTime<Utc> },
    /// The link was followed; its token was authentic.
    Visit { request_id: P::Id, kind: VisitKind, user_agent: Option<String>, at: DateTime<Utc> },
    /// The account shall change now; the token was authentic and what came with it is acceptable.
    StartCompletion { request_id: P::Id, at: DateTime<Utc> },
    /// The directory took this attempt.
    Complete { request_id: P::Id, attempt: u32, at: DateTime<Utc> },
    /// The directory definitely did not take it.
    FailCompletion { request_id: P::Id, attempt: u32, at: DateTime<Utc> },
    /// Whoever made this attempt did not know the password.
    RefuseCompletion { request_id: P::Id, attempt: u32, at: DateTime<Utc> },
    /// The link's time is over.
    Expire { request_id: P::Id, at: DateTime<Utc> },
    /// The link shall not work any more, or not be made.
    Revoke { request_id: P::Id, by: String, at: DateTime<Utc> },
}
