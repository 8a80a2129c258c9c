//! `/forgot-password`: ask for a link. The answer is the same for every well-formed address.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::browser::browser;
use super::super::client_address::client_key;
use super::super::fields;
use super::super::problem::Problem;
use super::Visit;
use super::form::{self, Received, Wrong};
use crate::commands::RequestReset;

/// What the form is about: nobody in particular.
pub const SUBJECT: &str = "forgot-password";

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    email: String,
    faults: Vec<Wrong>,
}

#[derive(Serialize)]
struct Sent {
    expires_in_minutes: u64,
}

/// The empty form.
pub async fn show(visit: Visit, _request: Request) -> Result<Response, Problem> {
    ask(&visit, StatusCode::OK, String::new(), None)
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies);
    let browser = browser(request.headers());
    let mut form = match form::receive(&visit, request, SUBJECT).await? {
        Received::Sent(form) => form,
        Received::Stale(mut form) => {
            return ask(&visit, StatusCode::FORBIDDEN, form.take("email"), Some(Wrong::stale()));
        }
    };

    let given = form.take("email");
    let email = match fields::email(&given) {
        Ok(email) => email,
        Err(fault) => {
            let wrong = Wrong::value("email", &fault);
            return ask(&visit, StatusCode::UNPROCESSABLE_ENTITY, given, Some(wrong));
        }
    };
    let locale = Some(visit.language.tag().to_owned());
    let request = RequestReset { email, locale, redirect_to: None, browser, client: client.into() };
    let accepted = visit.state.commands.request_reset(request).await?;
    let sent = Sent { expires_in_minutes: accepted.expires_in.div_ceil(60) };
    visit.render(StatusCode::OK, "mail-sent", sent)
}

fn ask(visit: &Visit, status: StatusCode, email: String, wrong: Option<Wrong>) -> Result<Response, Problem> {
    let page = Page { csrf_token: visit.form_token(SUBJECT), email, faults: wrong.into_iter().collect() };
    visit.render_form(status, "forgot-password", page)
}
