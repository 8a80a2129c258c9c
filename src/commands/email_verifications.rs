//! Asking for the verification of an address.

use super::{Admitted, CommandError, Commands, LinkAccepted, UsableLink};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::{EmailVerificationCommand, Verifies, Verifying};
use crate::domain::id::VerificationId;

/// Somebody wants an address verified. Everything in it has been checked.
#[derive(Debug, Clone)]
pub struct RequestVerification {
    /// Names it; what the directory keeps for it has the same name.
    pub request_id: VerificationId,
    /// Which address.
    pub email: EmailAddress,
    /// What of.
    pub verifies: Verifies,
    /// Language tag.
    pub locale: Option<String>,
    /// The browser, in rough words.
    pub browser: Option<String>,
}

/// An authentic token whose verification can be completed now.
pub type UsableVerification = UsableLink<Verifying>;

impl Commands {
    /// Takes a request that was admitted. What it costs and answers is the same for every address.
    pub async fn request_verification(
        &self,
        request: RequestVerification,
        admitted: &Admitted<'_>,
    ) -> Result<LinkAccepted<VerificationId>, CommandError> {
        let RequestVerification { request_id, email, verifies, locale, browser } = request;
        let command = EmailVerificationCommand::Request {
            request_id,
            email: email.clone(),
            locale,
            browser,
            details: verifies,
            at: self.clock().now(),
        };
        self.request_link(&email, request_id, command, admitted).await
    }
}
