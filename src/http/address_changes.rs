//! Moving an account to another address: asked for by its owner, who is signed in and gives the password
//! again; done once the link that is mailed to the new address was followed. Until then mail goes to the old one.

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;
use serde::Deserialize;

use super::HttpState;
use super::browser::browser;
use super::client_address::client_key;
use super::docs::Tags;
use super::email_verifications::Accepted;
use super::fields::{self, Fault, Faults};
use super::json::Strict;
use super::log_in::{self, confirm_password, wrong_current_password};
use super::problem::Problem;
use super::session::{Session, User};
use crate::accounts::SignedIn;
use crate::commands::{CommandError, LinkAccepted, RequestVerification};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::Verifies;
use crate::domain::id::VerificationId;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct AddressUpdate {
    /// The new address: one bare e-mail address.
    #[oai(validator(max_length = 254))]
    email: String,
    #[oai(validator(max_length = 8192))]
    current_password: String,
    /// A language tag (BCP 47) for the mails.
    #[oai(validator(max_length = 35))]
    locale: Option<String>,
}

#[derive(ApiResponse)]
enum AddressChangeResponse {
    /// Taken. A link is on its way to the new address, unless somebody else has it.
    #[oai(status = 202)]
    Accepted(Json<Accepted>),
}

pub struct AddressChangesApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/me", tag = "Tags::Accounts")]
impl AddressChangesApi {
    /// Change the address
    ///
    /// A link goes to the new address; following it with the account's password moves the account there, ends
    /// every session and link, and tells the old address. The answer is the same whoever has the new address.
    #[oai(path = "/email", method = "post", operation_id = "change_my_email")]
    async fn change(
        &self,
        request: &Request,
        #[oai(scope = "User")] session: Session<User>,
        body: Strict<AddressUpdate>,
    ) -> Result<AddressChangeResponse, Problem> {
        let AddressUpdate { email, current_password, locale } = body.0;
        let mut faults = Faults::default();
        let checked = (
            faults.take("/email", fields::email(&email)),
            faults.take("/current_password", fields::password(&current_password).map(|_| ())),
            faults.take("/locale", locale.as_deref().map(fields::locale).transpose()),
        );
        let (Some(email), Some(()), Some(locale)) = checked else { return Err(faults.into()) };
        let moving = Moving {
            email,
            current_password: SecretString::from(current_password),
            locale,
            browser: browser(request.headers()),
            client: client_key(request, &self.0.settings.trusted_proxies),
        };
        let accepted = change(&self.0, session.signed_in, moving).await?;
        Ok(AddressChangeResponse::Accepted(Json(accepted.into())))
    }
}

/// An owner wants to be reached elsewhere. The form of everything in it has been checked.
pub struct Moving {
    pub email: EmailAddress,
    pub current_password: SecretString,
    pub locale: Option<String>,
    /// The browser, in rough words.
    pub browser: Option<String>,
    /// The client's address, or its network.
    pub client: String,
}

/// Why no link was sent.
#[derive(Debug)]
pub enum Refused {
    /// It is the account's address already. Another spelling of the same mailbox is none of this.
    Unchanged,
    /// The current password is not right, or cannot be looked at now.
    Current(log_in::Refused),
    /// Nobody can say right now, or this was asked for too often.
    Later(CommandError),
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        Self::Later(error)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unchanged => {
                let mut faults = Faults::default();
                faults.note("/email", Fault("unchanged", "is the address of the account already".into()));
                faults.into()
            }
            Refused::Current(refused) => wrong_current_password(refused),
            Refused::Later(error) => error.into(),
        }
    }
}

/// Takes the request; nobody looks who has the new address.
pub async fn change(
    state: &HttpState,
    signed_in: SignedIn,
    moving: Moving,
) -> Result<LinkAccepted<VerificationId>, Refused> {
    let Moving { email, current_password, locale, browser, client } = moving;
    let account = signed_in.account;
    if email.as_str() == account.address.as_str() {
        return Err(Refused::Unchanged);
    }
    let admitted = state.commands.admit(&client.as_str().into()).await?;
    confirm_password(state, &account, current_password, &client).await.map_err(Refused::Current)?;
    let verifies = Verifies::AddressChange {
        account_id: account.id,
        credential_version: account.credential_version,
        previous: account.address.into(),
    };
    let request_id = VerificationId::from_uuid(state.clock.uuid());
    let request = RequestVerification { request_id, email, verifies, locale, browser };
    Ok(state.commands.request_verification(request, &admitted).await?)
}
