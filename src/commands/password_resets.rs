//! Asking for a reset.

use super::{Client, CommandError, Commands, LinkAccepted, UsableLink};
use crate::domain::address::EmailAddress;
use crate::domain::id::RequestId;
use crate::domain::password_reset::{PasswordResetCommand, ResetDetails, Resetting};

/// A client asks for a reset. Everything in it has been checked.
#[derive(Debug, Clone)]
pub struct RequestReset {
    /// Whose password.
    pub email: EmailAddress,
    /// Language tag.
    pub locale: Option<String>,
    /// Where to go afterwards; its origin is allowed.
    pub redirect_to: Option<String>,
    /// The browser, in rough words.
    pub browser: Option<String>,
    /// Who asks.
    pub client: Client,
}

/// An authentic token whose reset can be completed now.
pub type UsableReset = UsableLink<Resetting>;

impl Commands {
    /// Takes a request. What it costs and answers is the same for every address.
    pub async fn request_reset(
        &self,
        request: RequestReset,
    ) -> Result<LinkAccepted<RequestId>, CommandError> {
        let admitted = self.admit(&request.client).await?;
        let request_id = RequestId::from_uuid(self.clock().uuid());
        let RequestReset { email, locale, redirect_to, browser, .. } = request;
        let command = PasswordResetCommand::Request {
            request_id,
            email: email.clone(),
            locale,
            browser,
            details: ResetDetails { redirect_to },
            at: self.clock().now(),
        };
        self.request_link(&email, request_id, command, &admitted).await
    }
}
