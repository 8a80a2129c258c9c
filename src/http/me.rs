//! What owners do with their own account. Whatever could take an account away asks for the current password
//! again, so that a stolen session alone is not enough.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;
use serde::Deserialize;

use super::HttpState;
use super::answers::id;
use super::change_password::{self, NewPassword};
use super::client_address::client_key;
use super::docs::Tags;
use super::fields::{self, Faults};
use super::json::Strict;
use super::log_in::{confirm_password, wrong_current_password};
use super::problem::{Code, Problem};
use super::session::{Session, User};
use super::sessions::{AccountView, Done};

#[derive(ApiResponse)]
enum MeResponse {
    /// The account.
    #[oai(status = 200)]
    Found(Json<AccountView>),
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Profile {
    /// What to be called in mails and on pages; empty for nothing.
    #[oai(validator(max_length = 400))]
    name: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct PasswordUpdate {
    #[oai(validator(max_length = 8192))]
    current_password: String,
    /// Taken as it is: nothing is trimmed.
    #[oai(validator(max_length = 8192))]
    new_password: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Deletion {
    #[oai(validator(max_length = 8192))]
    current_password: String,
}

#[derive(Object)]
struct SessionView {
    id: String,
    /// Whether it is the session of this call.
    current: bool,
    /// Rough words such as `Firefox on Windows`, where the browser said what it is.
    browser: Option<String>,
    created_at: DateTime<Utc>,
    /// To some minutes.
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

#[derive(Object)]
struct SessionList {
    data: Vec<SessionView>,
    /// Always null: there is one page.
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum SessionsResponse {
    /// Newest first.
    #[oai(status = 200)]
    Found(Json<SessionList>),
}

pub struct MeApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/me", tag = "Tags::Accounts")]
impl MeApi {
    /// The account
    ///
    /// Of whoever makes the call.
    #[oai(path = "/", method = "get", operation_id = "get_me")]
    async fn get(&self, #[oai(scope = "User")] session: Session<User>) -> MeResponse {
        MeResponse::Found(Json(session.signed_in.account.into()))
    }

    /// Change the profile
    ///
    /// Only the name so far. The address is changed by a link that is mailed to the new one.
    #[oai(path = "/", method = "patch", operation_id = "update_me")]
    async fn update(
        &self,
        #[oai(scope = "User")] session: Session<User>,
        body: Strict<Profile>,
    ) -> Result<MeResponse, Problem> {
        let mut faults = Faults::default();
        let name = faults.take("/name", fields::name(&body.0.name));
        let Some(name) = name else { return Err(faults.into()) };
        let mut account = session.signed_in.account;
        if !self.0.accounts.set_name(account.id, name.clone()).await? {
            return Err(Problem::unauthorized());
        }
        account.name = name;
        Ok(MeResponse::Found(Json(account.into())))
    }

    /// Delete the account
    ///
    /// Its sessions and links end with it. Asks for the password again.
    #[oai(path = "/", method = "delete", operation_id = "delete_me")]
    async fn delete(
        &self,
        request: &Request,
        #[oai(scope = "User")] session: Session<User>,
        body: Strict<Deletion>,
    ) -> Result<Done, Problem> {
        let Self(state) = self;
        let current = body.0.current_password;
        let mut faults = Faults::default();
        faults.take("/current_password", fields::password(&current));
        faults.none()?;
        let (account, client) =
            (session.signed_in.account, client_key(request, &state.settings.trusted_proxies));
        confirm_password(state, &account, SecretString::from(current), &client)
            .await
            .map_err(wrong_current_password)?;
        state.accounts.delete(account.id).await?;
        Ok(Done::Done)
    }

    /// Change the password
    ///
    /// Every other session and every outstanding reset ends with it; the session of this call goes on. The
    /// owner is told by mail.
    #[oai(path = "/password", method = "put", operation_id = "change_my_password")]
    async fn change_password(
        &self,
        request: &Request,
        #[oai(scope = "User")] session: Session<User>,
        body: Strict<PasswordUpdate>,
    ) -> Result<Done, Problem> {
        let Self(state) = self;
        let PasswordUpdate { current_password, new_password } = body.0;
        let mut faults = Faults::default();
        faults.take("/current_password", fields::password(&current_password));
        faults.take("/new_password", fields::password(&new_password));
        faults.none()?;
        let change = NewPassword {
            current: SecretString::from(current_password),
            new: SecretString::from(new_password),
            client: client_key(request, &state.settings.trusted_proxies),
            locale: None,
        };
        change_password::change(state.clone(), session.signed_in, change).await?;
        Ok(Done::Done)
    }

    /// The sessions
    ///
    /// Every place where the account is signed in, the newest first.
    #[oai(path = "/sessions", method = "get", operation_id = "list_my_sessions")]
    async fn sessions(
        &self,
        #[oai(scope = "User")] session: Session<User>,
    ) -> Result<SessionsResponse, Problem> {
        let signed_in = session.signed_in;
        let sessions = self.0.sessions.list(signed_in.account.id).await?;
        let view = |session: crate::accounts::Session| SessionView {
            current: session.id == signed_in.session.id,
            id: session.id.to_string(),
            browser: session.browser,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        };
        let data = sessions.into_iter().map(view).collect();
        Ok(SessionsResponse::Found(Json(SessionList { data, next_cursor: None })))
    }

    /// End all other sessions
    ///
    /// The session of this call goes on.
    #[oai(path = "/sessions", method = "delete", operation_id = "end_my_other_sessions")]
    async fn end_others(&self, #[oai(scope = "User")] session: Session<User>) -> Result<Done, Problem> {
        let signed_in = session.signed_in;
        self.0.sessions.revoke_others(signed_in.account.id, signed_in.session.id).await?;
        Ok(Done::Done)
    }

    /// End a session
    ///
    /// One of the account's own.
    #[oai(path = "/sessions/:id", method = "delete", operation_id = "end_my_session")]
    async fn end(
        &self,
        #[oai(scope = "User")] session: Session<User>,
        #[oai(name = "id")] ended: Path<String>,
    ) -> Result<Done, Problem> {
        let account = session.signed_in.account.id;
        if self.0.sessions.revoke(account, id(&ended)?).await? {
            Ok(Done::Done)
        } else {
            Err(Problem::new(Code::NotFound))
        }
    }
}
