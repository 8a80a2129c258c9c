//! Proving by a one-time link that mail to an address is received: of a registration, of an account that was
//! made otherwise, or of an account's new address.
//!
//! Links live side by side: a stranger who registers somebody else's address must not end the owner's link.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::address::EmailAddress;
use super::id::{AccountId, VerificationId};
use super::one_time_link::{LinkCommand, LinkEvent, LinkPolicy, LinkPurpose, LinkRequests};
use super::sealed::Sealed;
use super::token;

/// The links of this module verify an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verifying;

/// All verifications of one address that can still matter.
pub type EmailVerification = LinkRequests<Verifying>;
/// A command to the verifications of one address.
pub type EmailVerificationCommand = LinkCommand<Verifying>;
/// A fact in the stream of one address.
pub type EmailVerificationEvent = LinkEvent<Verifying>;

/// What is verified, and so what completing it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verifies", rename_all = "snake_case")]
pub enum Verifies {
    /// A registration: the directory keeps it under the id of the request until it has ended. Completing it
    /// gives the account that registration's password and no other's.
    Registration,
    /// An account that exists, whoever made it: its password is its own.
    Account,
    /// A new address for an account. Until it is completed the account is reached at its previous one.
    AddressChange {
        account_id: AccountId,
        /// The account's credential version when it was asked for; another version kills the link.
        credential_version: i64,
        previous: Sealed<EmailAddress>,
    },
}

impl LinkPurpose for Verifying {
    const TYPE: &'static str = "email_verification";
    const REQUESTED: &'static str = "email_verification.requested";
    const REPEATED: &'static str = "email_verification.repeated";
    const SUPERSEDES: bool = false;
    const TOKEN: token::Purpose = token::Purpose::EmailVerification;

    type Id = VerificationId;
    type Details = Verifies;

    /// Who asks for the mail of a registration again gets the link that they have; a new registration has a
    /// password of its own, and so a link of its own.
    fn is_answered_by(asked: &Verifies, live: &Verifies, _policy: &LinkPolicy) -> bool {
        matches!((asked, live), (Verifies::Account, Verifies::Registration | Verifies::Account))
    }
}
