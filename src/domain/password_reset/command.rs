//! What can be asked of the resets of one address.

use chrono::{DateTime, TimeDelta, Utc};

use super::event::{DeclineReason, VisitKind};
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId, RequestId};

/// The limits that every decision is made under.
#[derive(Debug, Clone)]
pub struct ResetPolicy {
    /// How long a link works.
    pub ttl: TimeDelta,
    /// The least time between two requests for one address.
    pub cooldown: TimeDelta,
    /// Requests for one address within any hour.
    pub per_hour: usize,
    /// After this long a started completion may be started again.
    pub completion_patience: TimeDelta,
}

impl Default for ResetPolicy {
    fn default() -> Self {
        Self {
            ttl: TimeDelta::hours(1),
            cooldown: TimeDelta::minutes(1),
            per_hour: 3,
            completion_patience: TimeDelta::seconds(30),
        }
    }
}

/// A command to the stream of one address. Time, ids and salt come in from outside.
#[derive(Debug, Clone)]
pub enum PasswordResetCommand {
    /// Somebody asks for a reset.
    Request {
        request_id: RequestId,
        email: EmailAddress,
        locale: Option<String>,
        redirect_to: Option<String>,
        at: DateTime<Utc>,
    },
    /// No mail shall be made.
    Decline { request_id: RequestId, reason: DeclineReason, at: DateTime<Utc> },
    /// The account was found.
    IssueLink {
        request_id: RequestId,
        message_id: MessageId,
        account_id: AccountId,
        credential_version: i64,
        salt: [u8; 16],
        email: EmailAddress,
        name: Option<String>,
        at: DateTime<Utc>,
    },
    /// The mail of this request is about to be handed over: older links end.
    SupersedeOlder { request_id: RequestId, at: DateTime<Utc> },
    /// The mail of this request definitely failed: the links that it ended work again.
    RestoreOlder { request_id: RequestId, at: DateTime<Utc> },
    /// The link was followed; its token was authentic.
    Visit { request_id: RequestId, kind: VisitKind, user_agent: Option<String>, at: DateTime<Utc> },
    /// The password shall change now; the token was authentic and the new password is acceptable.
    StartCompletion { request_id: RequestId, at: DateTime<Utc> },
    /// The directory took this attempt's password.
    Complete { request_id: RequestId, attempt: u32, at: DateTime<Utc> },
    /// The directory definitely did not take it.
    FailCompletion { request_id: RequestId, attempt: u32, at: DateTime<Utc> },
    /// The link's time is over.
    Expire { request_id: RequestId, at: DateTime<Utc> },
    /// The link shall not work any more, or not be made.
    Revoke { request_id: RequestId, by: String, at: DateTime<Utc> },
}
