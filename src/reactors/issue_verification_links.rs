//! A verification's link goes to the address that shall be verified, unless somebody has verified it already.
//!
//! A registration for an address that nobody has makes an account, which nobody can use before its link is
//! followed. Whoever has the address already is told by another reactor.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::issue_links::{Decision, LinkIssuer};
use super::mails::data;
use crate::accounts::{Account, Directory, DirectoryError, Registrations};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::{Verifies, Verifying};
use crate::domain::id::AccountId;
use crate::domain::message::Cause;
use crate::domain::one_time_link::{DeclineReason, LinkRequest};

/// Decides about verifications.
pub struct VerificationLinks {
    pub directory: Arc<dyn Directory>,
    pub registrations: Registrations,
}

#[async_trait]
impl LinkIssuer for VerificationLinks {
    type Purpose = Verifying;

    const KIND: &'static str = "issue_verification_link";
    const TEMPLATE: &'static str = "email-verification";

    fn cause(request: &LinkRequest<Verifying>, stream: &str) -> Cause {
        Cause::EmailVerification { request_id: request.request_id, stream: stream.to_owned() }
    }

    fn remarks(carrier: &LinkRequest<Verifying>) -> Map<String, Value> {
        let moves_an_account = matches!(carrier.details, Verifies::AddressChange { .. });
        data([("reset_confirms", json!(!moves_an_account))])
    }

    async fn decide(&self, request: &LinkRequest<Verifying>) -> Result<Decision, DirectoryError> {
        let Some(email) = request.email.known() else {
            return Ok(Decision::Decline(DeclineReason::UnknownAddress));
        };
        match &request.details {
            Verifies::Registration => self.registration(request, email).await,
            Verifies::Account => self.account(request, email).await,
            Verifies::AddressChange { account_id, credential_version, .. } => {
                self.address_change(*account_id, *credential_version, email).await
            }
        }
    }
}

impl VerificationLinks {
    async fn registration(
        &self,
        request: &LinkRequest<Verifying>,
        email: &EmailAddress,
    ) -> Result<Decision, DirectoryError> {
        let account = match self.directory.lookup(email).await? {
            Some(account) if account.disabled => {
                return Ok(Decision::Decline(DeclineReason::AccountDisabled));
            }
            Some(account) if account.is_verified() => {
                return Ok(Decision::Decline(DeclineReason::AlreadyRegistered));
            }
            _ => match self.registrations.open_account(request.request_id).await? {
                Some(account) => account,
                // Its time is over, or somebody verified the address this very moment.
                None => return Ok(Decision::Decline(DeclineReason::AccountChanged)),
            },
        };
        let registration = self.registrations.find(request.request_id).await?;
        let name = registration.and_then(|registration| registration.name);
        Ok(issue(Account { name, ..account }))
    }

    async fn account(
        &self,
        request: &LinkRequest<Verifying>,
        email: &EmailAddress,
    ) -> Result<Decision, DirectoryError> {
        Ok(match self.directory.lookup(email).await? {
            None => Decision::Decline(DeclineReason::UnknownAddress),
            Some(account) if account.disabled => Decision::Decline(DeclineReason::AccountDisabled),
            Some(account) if account.is_verified() => Decision::Decline(DeclineReason::AlreadyVerified),
            Some(account) => {
                self.registrations.keep_account(account.id, request.expires_at).await?;
                issue(account)
            }
        })
    }

    async fn address_change(
        &self,
        account_id: AccountId,
        credential_version: i64,
        new_address: &EmailAddress,
    ) -> Result<Decision, DirectoryError> {
        let account = self.directory.find(account_id).await?;
        let unchanged =
            |account: &Account| !account.disabled && account.credential_version == credential_version;
        let Some(account) = account.filter(unchanged) else {
            return Ok(Decision::Decline(DeclineReason::AccountChanged));
        };
        let other = self.directory.lookup(new_address).await?.filter(|other| other.id != account_id);
        Ok(match other {
            Some(other) if other.disabled || !self.registrations.is_provisional(other.id).await? => {
                Decision::Decline(DeclineReason::AddressTaken)
            }
            _ => Decision::Issue {
                account_id,
                credential_version,
                to: new_address.clone(),
                name: account.name,
            },
        })
    }
}

fn issue(account: Account) -> Decision {
    Decision::Issue {
        account_id: account.id,
        credential_version: account.credential_version,
        to: account.address,
        name: account.name,
    }
}
