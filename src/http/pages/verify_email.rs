//! `/verify-email`: where the link of a verification leads, and where a new one is asked for.

use poem::http::StatusCode;
use poem::{Request, Response};
use secrecy::SecretString;
use serde::Serialize;

use super::super::browser::browser;
use super::super::client_address::client_key;
use super::super::email_verifications::{Resending, resend};
use super::super::fields;
use super::super::password_resets::record_visit;
use super::super::problem::Problem;
use super::super::verify::{self, Found, Refused};
use super::form::{self, Received, Refusal, Wrong};
use super::link::{self, Link};
use super::visit::Plain;
use super::{Visit, cookie, dead_link};
use crate::domain::email_verification::{Verifies, Verifying};
use crate::domain::one_time_link::VisitKind;
use crate::rendering::Text;

const LINK: Link = Link { path: "verify-email", cookie: "backstamp-verification" };
/// What the form for a new link is about: nobody in particular.
pub const RESEND_SUBJECT: &str = "verify-email/resend";

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    account: String,
    intro: Text,
    hint: Text,
    asks_for_password: bool,
}

#[derive(Serialize)]
struct Resend {
    csrf_token: String,
    email: String,
}

#[derive(Serialize)]
struct Sent {
    csrf_token: String,
    words: &'static str,
    email: String,
    expires_in_minutes: u64,
}

/// The link itself, the page behind it, or the form for a new one.
pub async fn show(visit: Visit, request: Request) -> Result<Response, Problem> {
    if let Some(token) = LINK.followed(&visit) {
        if let Ok(verification) = visit.state.commands.find_link::<Verifying>(token).await {
            record_visit(&visit.state, &verification, link::kind_of_visit(&request), request.headers()).await;
        }
        return Ok(LINK.keep(&visit, token));
    }
    let Some(token) = LINK.token(&visit, &request) else {
        return ask_for_another(&visit, String::new(), Refusal::none());
    };
    match verify::find(&visit.state, &token).await {
        Ok(found) => {
            record_visit(&visit.state, &found.verification, VisitKind::Page, request.headers()).await;
            ask(&visit, &token, &found, Refusal::none())
        }
        Err(error) => dead_link::page(&visit, dead_link::VERIFICATION, &error.into()),
    }
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let Some(token) = LINK.token(&visit, &request) else {
        return dead_link::none(&visit, dead_link::VERIFICATION);
    };
    let received = form::receive(&visit, request, &token).await?;
    let found = match verify::find(&visit.state, &token).await {
        Ok(found) => found,
        Err(error) => return dead_link::page(&visit, dead_link::VERIFICATION, &error.into()),
    };
    let again = |refusal| ask(&visit, &token, &found, refusal);
    let wrong = |text| again(Refusal::wrong(vec![Wrong::field("password", Text::new(text))]));
    let Received::Sent(mut form) = received else { return again(Refusal::stale()) };

    let password = form.take("password");
    if let Err(fault) = fields::password(&password) {
        return again(Refusal::wrong(vec![Wrong::value("password", &fault)]));
    }
    let password = Some(password).filter(|password| !password.is_empty()).map(SecretString::from);
    match verify::confirm(visit.state.clone(), token.clone(), password).await {
        Ok(()) => {
            let page = if is_change(&found) { "address-changed" } else { "verified" };
            let mut response = visit.render(StatusCode::OK, page, Plain {})?;
            cookie::set(&mut response, &LINK.forgotten(&visit));
            Ok(response)
        }
        Err(Refused::PasswordMissing) => wrong("fault-no-password"),
        Err(Refused::WrongPassword) if is_change(&found) => wrong("fault-wrong-password"),
        Err(Refused::WrongPassword) => wrong("fault-wrong-registration-password"),
        Err(Refused::Link(error)) => match Problem::from(error) {
            later if later.status().is_server_error() || later.status() == StatusCode::TOO_MANY_REQUESTS => {
                again(Refusal::problem(&later))
            }
            dead => dead_link::page(&visit, dead_link::VERIFICATION, &dead),
        },
    }
}

/// The sent form for a new link.
pub async fn submit_resend(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies).into();
    let browser = browser(request.headers());
    let mut form = match form::receive(&visit, request, RESEND_SUBJECT).await? {
        Received::Sent(form) => form,
        Received::Stale(mut form) => return ask_for_another(&visit, form.take("email"), Refusal::stale()),
    };
    let given = form.take("email");
    let email = match fields::email(&given) {
        Ok(email) => email,
        Err(fault) => {
            return ask_for_another(&visit, given, Refusal::wrong(vec![Wrong::value("email", &fault)]));
        }
    };
    let locale = Some(visit.language.tag().to_owned());
    match resend(&visit.state, Resending { email, locale, browser, client }).await {
        Ok(accepted) => sent(&visit, "resent-text", given, accepted.expires_in),
        Err(error) => ask_for_another(&visit, given, Refusal::problem(&error.into())),
    }
}

/// The form for a new link was opened by its path.
pub async fn back(visit: Visit, _request: Request) -> Result<Response, Problem> {
    Ok(visit.go_to("verify-email"))
}

/// A mail is on its way to the address, if there is anything to say to it; the page is the same for each.
pub fn sent(visit: &Visit, words: &'static str, email: String, expires_in: u64) -> Result<Response, Problem> {
    let csrf_token = visit.form_token(RESEND_SUBJECT);
    let page = Sent { csrf_token, words, email, expires_in_minutes: expires_in.div_ceil(60) };
    visit.ask("verification-sent", page, Refusal::none())
}

fn ask(visit: &Visit, token: &str, found: &Found, refusal: Refusal) -> Result<Response, Problem> {
    let account = found.verification.email.masked();
    let (intro, hint) = match found.verification.details {
        Verifies::AddressChange { .. } => ("verify-change-intro", "verify-account-hint"),
        Verifies::Account => ("verify-intro", "verify-account-hint"),
        Verifies::Registration => ("verify-intro", "verify-registration-hint"),
    };
    let page = Page {
        csrf_token: visit.form_token(token),
        account,
        intro: Text::new(intro),
        hint: Text::new(hint),
        asks_for_password: found.needs_password,
    };
    visit.ask("verify-email", page, refusal)
}

fn ask_for_another(visit: &Visit, email: String, refusal: Refusal) -> Result<Response, Problem> {
    visit.ask("resend-verification", Resend { csrf_token: visit.form_token(RESEND_SUBJECT), email }, refusal)
}

fn is_change(found: &Found) -> bool {
    matches!(found.verification.details, Verifies::AddressChange { .. })
}
