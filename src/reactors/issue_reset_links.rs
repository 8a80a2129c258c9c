//! A reset's link goes to the account that has the address, verified or not, unless it is disabled.

use std::sync::Arc;

use async_trait::async_trait;

use super::issue_links::{Decision, LinkIssuer};
use crate::accounts::{Directory, DirectoryError};
use crate::domain::message::Cause;
use crate::domain::one_time_link::{DeclineReason, LinkRequest};
use crate::domain::password_reset::Resetting;

/// Decides about resets.
pub struct ResetLinks {
    pub directory: Arc<dyn Directory>,
}

#[async_trait]
impl LinkIssuer for ResetLinks {
    type Purpose = Resetting;

    const KIND: &'static str = "issue_reset_link";
    const TEMPLATE: &'static str = "password-reset";

    fn cause(request: &LinkRequest<Resetting>, stream: &str) -> Cause {
        Cause::PasswordReset { request_id: request.request_id, stream: stream.to_owned() }
    }

    async fn decide(&self, request: &LinkRequest<Resetting>) -> Result<Decision, DirectoryError> {
        // Erased before anyone looked: there is nobody to write to.
        let Some(email) = request.email.known() else {
            return Ok(Decision::Decline(DeclineReason::UnknownAddress));
        };
        Ok(match self.directory.lookup(email).await? {
            Some(account) if !account.disabled => Decision::Issue {
                account_id: account.id,
                credential_version: account.credential_version,
                to: account.address,
                name: account.name,
            },
            Some(_) => Decision::Decline(DeclineReason::AccountDisabled),
            None => Decision::Decline(DeclineReason::UnknownAddress),
        })
    }
}
