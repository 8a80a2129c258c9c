//! `/login` and `/logout`.

use poem::http::StatusCode;
use poem::{Request, Response};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::super::browser::browser;
use super::super::client_address::client_key;
use super::super::fields;
use super::super::log_in::{LogIn, Refused, log_in};
use super::super::problem::{Code, Problem};
use super::super::session;
use super::account::{self, Typed};
use super::form::{self, Form, Received, Refusal, Wrong};
use super::told::{self, Told};
use super::{Visit, cookie, next, verify_email};
use crate::accounts::{Opened, SignedIn};
use crate::rendering::Text;

const SUBJECT: &str = "login";
const NEXT: &str = "next";

/// The form, with what is kept while it is refused.
#[derive(Serialize)]
struct Page {
    csrf_token: String,
    email: String,
    next: String,
    /// What was typed into another form when the session had ended.
    draft: Typed,
    has_draft: bool,
    told: Option<Text>,
}

#[derive(Serialize)]
struct AlreadyIn {
    csrf_token: String,
    email: String,
    next: String,
}

#[derive(Serialize)]
struct NotVerified {
    csrf_token: String,
    email: String,
}

/// What a form of this page brings along besides the password.
struct Given {
    email: String,
    next: String,
    draft: Typed,
}

impl Given {
    fn take(form: &mut Form) -> Self {
        let draft = Typed::take(form, "draft_");
        Self { email: form.take("email"), next: form.take(NEXT), draft }
    }
}

/// The form, or who is signed in already.
pub async fn show(visit: Visit, request: Request) -> Result<Response, Problem> {
    let next = visit.parameter(NEXT).unwrap_or_default().to_owned();
    if let Some(signed_in) = account::signed_in(&visit, &request).await? {
        return already_in(&visit, &signed_in, &next, Refusal::none());
    }
    let told = told::take(&visit, &request);
    let given = Given { email: String::new(), next, draft: Typed::default() };
    let mut response = ask(&visit, given, told, Refusal::none())?;
    if told.is_some() {
        cookie::set(&mut response, &told::taken(&visit));
    }
    Ok(response)
}

/// The same page for a form that came when its session had ended: what was typed into it goes along.
pub fn ended(visit: &Visit, draft: Typed) -> Result<Response, Problem> {
    let mut refusal = Refusal::problem(&Problem::unauthorized());
    refusal.faults.clear();
    let next = format!("{}account", visit.root());
    ask(visit, Given { email: String::new(), next, draft }, Some(Told::Ended), refusal)
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies);
    let browser = browser(request.headers());
    let before = account::signed_in(&visit, &request).await?;
    let mut form = match form::receive(&visit, request, SUBJECT).await? {
        Received::Sent(form) => form,
        Received::Stale(mut form) => return ask(&visit, Given::take(&mut form), None, Refusal::stale()),
    };
    let given = Given::take(&mut form);
    let password = form.take("password");

    let mut faults = Vec::new();
    let email = fields::email(&given.email).map_err(|fault| faults.push(Wrong::value("email", &fault)));
    if password.is_empty() {
        faults.push(Wrong::field("password", Text::new("fault-no-password")));
    } else if let Err(fault) = fields::password(&password) {
        faults.push(Wrong::value("password", &fault));
    }
    let email = match email {
        Ok(email) if faults.is_empty() => email,
        _ => return ask(&visit, given, None, Refusal::wrong(faults)),
    };
    match log_in(&visit.state, LogIn { email, password: password.into(), client, browser }).await {
        Ok(opened) => let_in(&visit, &opened, before, &given).await,
        Err(Refused::NotVerified) => {
            let page = NotVerified {
                csrf_token: visit.form_token(verify_email::RESEND_SUBJECT),
                email: given.email,
            };
            visit.ask("not-verified", page, Refusal::told(StatusCode::FORBIDDEN))
        }
        Err(refused) => {
            let problem = Problem::from(refused);
            let mut refusal = Refusal::problem(&problem);
            if problem.code() == Code::InvalidCredentials {
                refusal.faults = vec![Wrong::field("email", Text::new("fault-credentials"))];
            }
            ask(&visit, given, None, refusal)
        }
    }
}

/// Ends the session of this browser.
pub async fn log_out(visit: Visit, request: Request) -> Result<Response, Problem> {
    if let Some(signed_in) = account::signed_in(&visit, &request).await? {
        let subject = account::subject(&signed_in);
        if let Received::Stale(_) = form::receive(&visit, request, &subject).await? {
            return already_in(&visit, &signed_in, "", Refusal::stale());
        }
        visit.state.sessions.revoke(signed_in.account.id, signed_in.session.id).await?;
    }
    let mut response = visit.go_to("login");
    cookie::set(&mut response, &cookie::expired(&visit.state.settings, session::COOKIE));
    cookie::set(&mut response, &Told::SignedOut.cookie(&visit));
    Ok(response)
}

/// The new session takes the place of the one that this browser had.
async fn let_in(
    visit: &Visit,
    opened: &Opened,
    before: Option<SignedIn>,
    given: &Given,
) -> Result<Response, Problem> {
    if let Some(before) = before {
        visit.state.sessions.revoke(before.account.id, before.session.id).await?;
    }
    let mut response = visit.redirect(&next::local(visit, &given.next));
    // Without an age of its own: it ends with the browser, and earlier where the session does.
    let token = opened.token.expose_secret();
    cookie::set(&mut response, &cookie::new(&visit.state.settings, session::COOKIE, token));
    if let Some(draft) = given.draft.cookie(visit) {
        cookie::set(&mut response, &draft);
    }
    Ok(response)
}

fn already_in(
    visit: &Visit,
    signed_in: &SignedIn,
    next: &str,
    refusal: Refusal,
) -> Result<Response, Problem> {
    let page = AlreadyIn {
        csrf_token: visit.form_token(&account::subject(signed_in)),
        email: signed_in.account.address.as_str().to_owned(),
        next: next::local(visit, next),
    };
    visit.ask("signed-in", page, refusal)
}

fn ask(visit: &Visit, given: Given, told: Option<Told>, refusal: Refusal) -> Result<Response, Problem> {
    let page = Page {
        csrf_token: visit.form_token(SUBJECT),
        email: given.email,
        next: given.next,
        has_draft: !given.draft.is_empty(),
        draft: given.draft,
        told: told.map(Told::text),
    };
    visit.ask("login", page, refusal)
}
