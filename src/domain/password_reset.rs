//! Resetting a password by a one-time link. By default an address has one live link: a newer one takes over.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::id::RequestId;
use super::one_time_link::{LinkCommand, LinkEvent, LinkPolicy, LinkPurpose, LinkRequests, RepeatRequest};
use super::token;

/// The links of this module change a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resetting;

/// All resets of one address that can still matter.
pub type PasswordReset = LinkRequests<Resetting>;
/// A command to the resets of one address.
pub type PasswordResetCommand = LinkCommand<Resetting>;
/// A fact in the stream of one address.
pub type PasswordResetEvent = LinkEvent<Resetting>;

/// What a reset knows besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetDetails {
    /// Where the frontend wants the person after the reset; its origin was checked.
    pub redirect_to: Option<String>,
}

impl LinkPurpose for Resetting {
    const TYPE: &'static str = "password_reset";
    const REQUESTED: &'static str = "password_reset.requested";
    const REPEATED: &'static str = "password_reset.repeated";
    const SUPERSEDES: bool = true;
    const TOKEN: token::Purpose = token::Purpose::PasswordReset;

    type Id = RequestId;
    type Details = ResetDetails;

    fn is_answered_by(_asked: &ResetDetails, _live: &ResetDetails, policy: &LinkPolicy) -> bool {
        policy.repeat == RepeatRequest::Resend
    }
}
