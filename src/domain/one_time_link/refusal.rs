//! Why a command about a link is not allowed.

use chrono::{DateTime, Utc};

use crate::domain::refusal::Refusal;

/// In domain words; only `http` makes statuses of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// The stream knows no such request, or no link was issued for it.
    #[error("no link was issued for this request")]
    NoLink,
    /// The link has done its work.
    #[error("the link was used")]
    Used,
    /// A newer link, or a change of the account, has taken over.
    #[error("the link was superseded")]
    Superseded,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// It was ended on purpose.
    #[error("the link was revoked")]
    Revoked,
    /// An attempt at completion is under way.
    #[error("the link is being used right now")]
    Completing,
    /// Whoever follows the link does not know its password; more may be tried then.
    #[error("too many wrong passwords")]
    TooManyPasswords { until: DateTime<Utc> },
    /// Another attempt than the one named is, or was, the valid one.
    #[error("another attempt took over")]
    StaleAttempt,
    /// Newer code wrote an event that this code does not know; it must leave the decision to newer code.
    #[error("this stream was written by a newer version")]
    NewerCode,
}

impl Refusal for LinkRefusal {
    fn is_for_newer_code(&self) -> bool {
        *self == Self::NewerCode
    }
}
