//! What is a purpose's own.

use std::fmt::{self, Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LinkPolicy;
use crate::domain::id::{RequestId, TypedId, VerificationId};
use crate::domain::token;

/// What links are for. Its types are in the log: names and shapes are permanent.
pub trait LinkPurpose: Debug + Clone + Copy + PartialEq + Send + Sync + 'static {
    /// Kind of stream; the names of its events begin with it.
    const TYPE: &'static str;
    /// The type of the event that begins a request. Loading a stream may start at the newest one.
    const REQUESTED: &'static str;
    /// The type of the event that answers a request by an earlier one's link.
    const REPEATED: &'static str;
    /// The types of the events that begin something new about a person.
    const BEGINNINGS: &'static [&'static str] = &[Self::REQUESTED, Self::REPEATED];
    /// Whether a newer link ends the older ones.
    const SUPERSEDES: bool;
    /// What its tokens are good for.
    const TOKEN: token::Purpose;

    /// Names one request.
    type Id: TypedId + Into<LinkRequestId>;
    /// What a request holds besides. Its members stand among those of the request.
    type Details: Debug + Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Whether asking is answered by mailing this live link again instead of making another.
    fn is_answered_by(asked: &Self::Details, live: &Self::Details, policy: &LinkPolicy) -> bool;
}

/// A request of any purpose, for those who only need to tell one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkRequestId {
    /// For a reset.
    PasswordReset(RequestId),
    /// For a verification.
    EmailVerification(VerificationId),
}

impl Display for LinkRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PasswordReset(id) => Display::fmt(id, f),
            Self::EmailVerification(id) => Display::fmt(id, f),
        }
    }
}

impl From<RequestId> for LinkRequestId {
    fn from(id: RequestId) -> Self {
        Self::PasswordReset(id)
    }
}

impl From<VerificationId> for LinkRequestId {
    fn from(id: VerificationId) -> Self {
        Self::EmailVerification(id)
    }
}
