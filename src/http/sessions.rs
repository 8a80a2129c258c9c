//! Signing in and out.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::HttpState;
use super::browser::browser;
use super::client_address::client_key;
use super::docs::Tags;
use super::fields::{self, Faults};
use super::json::Strict;
use super::log_in::{LogIn, log_in};
use super::problem::Problem;
use super::session::{Session, User};
use crate::accounts::Account;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Credentials {
    /// The account's address.
    #[oai(validator(max_length = 254))]
    email: String,
    /// Taken as it is: nothing is trimmed.
    #[oai(validator(max_length = 8192))]
    password: String,
}

/// An account, as its owner sees it.
#[derive(Object)]
pub struct AccountView {
    id: String,
    email: String,
    name: Option<String>,
    /// `user`, `operator` or `admin`.
    role: String,
    verified_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.address.as_str().to_owned(),
            name: account.name,
            role: account.role.to_string(),
            verified_at: account.verified_at,
            created_at: account.created_at,
        }
    }
}

#[derive(Object)]
struct Begun {
    /// Shown this once: `Authorization: Bearer bss_…`.
    token: String,
    /// When the session ends unless it is used before; every use moves it on, up to a limit.
    expires_at: DateTime<Utc>,
    account: AccountView,
}

#[derive(ApiResponse)]
enum BeginResponse {
    /// Signed in.
    #[oai(status = 201)]
    Begun(Json<Begun>),
}

/// Nothing to say but that it is done.
#[derive(ApiResponse)]
pub enum Done {
    /// Done.
    #[oai(status = 204)]
    Done,
}

pub struct SessionsApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/sessions", tag = "Tags::Accounts")]
impl SessionsApi {
    /// Sign in
    ///
    /// A wrong address, a wrong password and a closed account answer alike: 401 `invalid_credentials`. A right
    /// password of an account whose address was not verified yet: 403 `account_not_verified`, with what to do.
    #[oai(path = "/", method = "post", operation_id = "begin_session")]
    async fn begin(&self, request: &Request, body: Strict<Credentials>) -> Result<BeginResponse, Problem> {
        let Self(state) = self;
        let Credentials { email, password } = body.0;
        let mut faults = Faults::default();
        let email = faults.take("/email", fields::email(&email));
        let fits = faults.take("/password", fields::password(&password));
        let (Some(email), Some(_)) = (email, fits) else { return Err(faults.into()) };
        let client = client_key(request, &state.settings.trusted_proxies);
        let wanted = LogIn {
            email,
            password: SecretString::from(password),
            client,
            browser: browser(request.headers()),
        };
        let opened = log_in(state, wanted).await?;
        Ok(BeginResponse::Begun(Json(Begun {
            token: opened.token.expose_secret().to_owned(),
            expires_at: opened.session.expires_at,
            account: opened.account.into(),
        })))
    }

    /// Sign out
    ///
    /// Ends the session that the call is made with.
    #[oai(path = "/current", method = "delete", operation_id = "end_session")]
    async fn end(&self, #[oai(scope = "User")] session: Session<User>) -> Result<Done, Problem> {
        let signed_in = session.signed_in;
        self.0.sessions.revoke(signed_in.account.id, signed_in.session.id).await?;
        Ok(Done::Done)
    }
}
