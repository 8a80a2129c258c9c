//! Who may enter: an API key with the scope, or an operator who is signed in. A browser without either is led to
//! the page for signing in, and comes back from there; a program is told as everywhere.

use std::sync::Arc;

use poem::http::header;
use poem::{Request, Response};

use super::super::HttpState;
use super::super::auth::{Gate, Principal};
use super::super::pages::{self, Visit, account, cookie, told};
use super::super::problem::{Code, Problem};
use super::super::session;
use crate::accounts::SignedIn;
use crate::api_keys::Scope;

/// Somebody who may see the dashboard.
pub struct Operator {
    /// Who it is, as causes in the log and records of disclosures name them.
    pub by: String,
    /// None for the holder of a key.
    session: Option<SignedIn>,
}

/// What became of a request.
pub enum Admission {
    Operator(Operator),
    /// The answer that leads there.
    ToSignIn(Response),
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
        Err(problem) if is_nobody(&problem) && !request.headers().contains_key(header::AUTHORIZATION) => {
            match pages::visitor(state, request) {
                Some(visit) => Ok(Admission::ToSignIn(to_sign_in(&visit, request))),
                None => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    }
}

fn is_nobody(problem: &Problem) -> bool {
    matches!(problem.code(), Code::Unauthorized | Code::AccountNotVerified)
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
