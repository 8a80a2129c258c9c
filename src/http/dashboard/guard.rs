//! Who may enter: an API key with the scope, or an operator who is signed in. A browser without either is led to
//! the page for signing in, and comes back from there; one of somebody else is told what is missing. A program is told
//! as everywhere.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::{Request, Response};
use serde::Serialize;

use super::super::HttpState;
use super::super::auth::{Gate, Principal, role_with};
use super::super::pages::{self, Visit, account, cookie, told};
use super::super::problem::{Code, Problem};
use super::super::session;
use crate::accounts::SignedIn;
use crate::api_keys::Scope;

/// Somebody who may see the dashboard.
#[derive(Clone)]
pub struct Operator {
    /// Who it is, as causes in the log and records of disclosures name them.
    pub by: String,
    /// None for the holder of a key.
    session: Option<SignedIn>,
}

/// What became of a request.
pub enum Admission {
    Operator(Operator),
    /// The answer for a browser of somebody else: it leads to the page for signing in, or says what is missing.
    Refused(Response),
}

/// The page for somebody who is signed in and may not enter.
#[derive(Serialize)]
struct NoOperator {
    csrf_token: String,
    email: String,
    role: &'static str,
    /// The account's id, by which an administrator finds it.
    account_id: String,
}

impl Operator {
    /// What this operator's forms are about: nobody else's session takes them.
    pub fn subject(&self) -> String {
        self.session.as_ref().map_or_else(|| format!("operator {}", self.by), account::subject)
    }

    /// Whether there is a session that can be ended.
    pub fn is_signed_in(&self) -> bool {
        self.session.is_some()
    }
}

/// Lets in whoever may do this.
pub async fn admit(state: &Arc<HttpState>, request: &Request, needed: Scope) -> Result<Admission, Problem> {
    match Gate::of(request).admit(request, needed).await {
        Ok(principal) => {
            let session = match principal {
                Principal::Account(_) => Some(session::signed_in(state, request).await?),
                Principal::Operator | Principal::ApiKey(_) => None,
            };
            Ok(Admission::Operator(Operator { by: principal.to_string(), session }))
        }
        Err(problem) if request.headers().contains_key(header::AUTHORIZATION) => Err(problem),
        Err(problem) => {
            let Some(visit) = pages::visitor(state, request) else { return Err(problem) };
            match problem.code() {
                Code::Unauthorized | Code::AccountNotVerified => {
                    Ok(Admission::Refused(to_sign_in(&visit, request)))
                }
                Code::Forbidden => no_operator(&visit, request, needed).await.map(Admission::Refused),
                _ => Err(problem),
            }
        }
    }
}

/// Says which role is missing, and offers to sign in as somebody else.
async fn no_operator(visit: &Visit, request: &Request, needed: Scope) -> Result<Response, Problem> {
    let signed_in = session::signed_in(&visit.state, request).await?;
    let page = NoOperator {
        csrf_token: visit.form_token(&account::subject(&signed_in)),
        email: signed_in.account.address.as_str().to_owned(),
        role: role_with(needed).as_str(),
        account_id: signed_in.account.id.to_string(),
    };
    let mut answer = visit.render(StatusCode::FORBIDDEN, "no-operator", page)?;
    visit.keep_nonce(&mut answer);
    Ok(answer)
}

/// Says that the session has ended, if there was one.
fn to_sign_in(visit: &Visit, request: &Request) -> Response {
    let settings = &visit.state.settings;
    let mut answer = visit.sign_in();
    if cookie::get(request, settings, session::COOKIE).is_some() {
        cookie::set(&mut answer, &told::Told::Ended.cookie(visit));
        cookie::set(&mut answer, &cookie::expired(settings, session::COOKIE));
    }
    answer
}
