//! Why a command to a reset is not allowed.

use crate::domain::refusal::Refusal;

/// In domain words; only `http` makes statuses of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordResetRefusal {
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
    #[error("the password is being changed right now")]
    Completing,
    /// Another attempt than the one named is, or was, the valid one.
    #[error("another attempt took over")]
    StaleAttempt,
    /// Newer code wrote an event that this code does not know; it must leave the decision to newer code.
    #[error("this stream was written by a newer version")]
    NewerCode,
}

impl Refusal for PasswordResetRefusal {
    fn is_for_newer_code(&self) -> bool {
        *self == Self::NewerCode
    }
}
