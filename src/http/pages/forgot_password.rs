//! `/forgot-password`: ask for a link. The answer is the same for every well-formed address.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::browser::browser;
use super::super::client_address::client_key;
use super::super::fields;
use super::super::problem::Problem;
use super::Visit;
use super::form::{self, Received, Refusal, Wrong};
use crate::commands::RequestReset;

/// What the form is about: nobody in particular.
pub const SUBJECT: &str = "forgot-password";

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    email: String,
}

#[derive(Serialize)]
struct Sent {
    expires_in_minutes: u64,
}

/// The empty form.
pub async fn show(visit: Visit, _request: Request) -> Result<Response, Problem> {
    ask(&visit, String::new(), Refusal::none())
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies).into();
    let browser = browser(request.headers());
    let mut form = match form::receive(&visit, request, SUBJECT).await? {
        Received::Sent(form) => form,
        Received::Stale(mut form) => return ask(&visit, form.take("email"), Refusal::stale()),
    };

    let given = form.take("email");
    let email = match fields::email(&given) {
        Ok(email) => email,
        Err(fault) => return ask(&visit, given, Refusal::wrong(vec![Wrong::value("email", &fault)])),
    };
    let locale = Some(visit.language.tag().to_owned());
    let request = RequestReset { email, locale, redirect_to: None, browser, client };
    match visit.state.commands.request_reset(request).await {
        Ok(accepted) => {
            let sent = Sent { expires_in_minutes: accepted.expires_in.div_ceil(60) };
            visit.render(StatusCode::OK, "mail-sent", sent)
        }
        Err(error) => ask(&visit, given, Refusal::problem(&error.into())),
    }
}

fn ask(visit: &Visit, email: String, refusal: Refusal) -> Result<Response, Problem> {
    visit.ask("forgot-password", Page { csrf_token: visit.form_token(SUBJECT), email }, refusal)
}
