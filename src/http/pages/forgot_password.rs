//! `/forgot-password`: ask for a link. The answer is the same for every well-formed address.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::HttpState;
use super::super::client_address::client_key;
use super::super::fields;
use super::super::problem::Problem;
use super::form::{self, FormToken};
use super::{fault_text, language, render};
use crate::commands::RequestReset;
use crate::rendering::{Language, Text};

/// What the form is about: nobody in particular.
const SUBJECT: &str = "forgot-password";

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    email: String,
    errors: Vec<Text>,
}

#[derive(Serialize)]
struct Sent {
    expires_in_minutes: u64,
}

/// The empty form.
pub async fn show(state: Arc<HttpState>, request: Request) -> Result<Response, Problem> {
    let token = FormToken::issue(&state, &request, SUBJECT);
    ask(&state, &language(&state, &request), token, StatusCode::OK, String::new(), Vec::new())
}

/// The sent form.
pub async fn submit(state: Arc<HttpState>, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &state.settings.trusted_proxies);
    let token = FormToken::issue(&state, &request, SUBJECT);
    let language = language(&state, &request);
    let mut form = form::receive(&state, request, SUBJECT).await?;

    let given = form.take("email");
    let email = match fields::email(&given) {
        Ok(email) => email,
        Err(fault) => {
            let errors = vec![fault_text(&fault)];
            return ask(&state, &language, token, StatusCode::UNPROCESSABLE_ENTITY, given, errors);
        }
    };
    let locale = Some(language.tag().to_owned());
    let request = RequestReset { email, locale, redirect_to: None, client: client.into() };
    let accepted = state.commands.request_reset(request).await?;
    let sent = Sent { expires_in_minutes: accepted.expires_in.div_ceil(60) };
    render(&state, &language, StatusCode::OK, "mail-sent", sent)
}

fn ask(
    state: &HttpState,
    language: &Language,
    token: FormToken,
    status: StatusCode,
    email: String,
    errors: Vec<Text>,
) -> Result<Response, Problem> {
    let page = Page { csrf_token: token.value, email, errors };
    let mut response = render(state, language, status, "forgot-password", page)?;
    form::set_cookie(&mut response, &token.cookie);
    Ok(response)
}
