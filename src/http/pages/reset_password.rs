//! `/reset-password`: where the mailed link leads. Fetching it changes nothing about the link, however often
//! scanners do so; the token moves from the address bar into a cookie on the first answer.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{Method, StatusCode, header};
use poem::{Request, Response};
use secrecy::SecretString;
use serde::Serialize;
use url::form_urlencoded;

use super::super::HttpState;
use super::super::confirm::{self, Refused};
use super::super::fields;
use super::super::password_resets::record_visit;
use super::super::problem::{Code, Problem};
use super::form::{self, FormToken};
use super::{fault_text, guarded, language, render};
use crate::domain::password::{PasswordPolicy, PasswordRejection};
use crate::domain::password_reset::VisitKind;
use crate::rendering::{Language, Text};

const COOKIE: &str = "backstamp-reset";
/// What is longer is no token, and no cookie should hold it.
const MAX_TOKEN: usize = 512;
const COOKIE_LIVES: Duration = Duration::from_secs(15 * 60);

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    account: String,
    min_length: usize,
    errors: Vec<Text>,
}

#[derive(Serialize)]
struct Changed {
    login_url: String,
}

/// The link itself, or the page behind it.
pub async fn show(state: Arc<HttpState>, request: Request) -> Result<Response, Problem> {
    let query = request.uri().query().unwrap_or_default();
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token") {
        Some((_, token)) => Ok(follow(&state, &request, &token).await),
        None => open(&state, &request).await,
    }
}

/// Whether the link works is told by the page, after the token has left the address bar.
async fn follow(state: &HttpState, request: &Request, token: &str) -> Response {
    let is_plausible = token.len() <= MAX_TOKEN && token.bytes().all(is_base64url) && !token.is_empty();
    let cookie = if is_plausible {
        if let Ok(reset) = state.commands.find_reset(token).await {
            record_visit(state, &reset, link_visit(request), request.headers()).await;
        }
        let mut cookie = form::new_cookie(&state.settings, COOKIE, token);
        cookie.set_max_age(COOKIE_LIVES);
        cookie
    } else {
        form::expired_cookie(&state.settings, COOKIE)
    };
    let bare = format!("{}/reset-password", state.settings.public_url.path().trim_end_matches('/'));
    let redirect = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, bare).finish();
    let mut response = guarded(redirect);
    form::set_cookie(&mut response, &cookie);
    response
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn link_visit(request: &Request) -> VisitKind {
    let announces = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().contains("pre"))
    };
    let is_prefetch = ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(announces);
    if is_prefetch || request.method() == Method::HEAD { VisitKind::Prefetch } else { VisitKind::Link }
}

async fn open(state: &HttpState, request: &Request) -> Result<Response, Problem> {
    let token = token(state, request)?;
    let (reset, account) = confirm::find(state, &token).await?;
    record_visit(state, &reset, VisitKind::Page, request.headers()).await;
    let form_token = FormToken::issue(state, request, &token);
    let language = language(state, request);
    ask(state, &language, form_token, StatusCode::OK, account.address.masked(), Vec::new())
}

/// The sent form.
pub async fn submit(state: Arc<HttpState>, request: Request) -> Result<Response, Problem> {
    let token = token(&state, &request)?;
    let form_token = FormToken::issue(&state, &request, &token);
    let language = language(&state, &request);
    let mut form = form::receive(&state, request, &token).await?;
    let password = form.take("new_password");
    let matches = password == form.take("new_password_again");

    let (_, account) = confirm::find(&state, &token).await?;
    let again = |errors| {
        let account = account.address.masked();
        ask(&state, &language, form_token, StatusCode::UNPROCESSABLE_ENTITY, account, errors)
    };
    if !matches {
        return again(vec![Text::new("password-mismatch")]);
    }
    if let Err(fault) = fields::new_password(&password) {
        return again(vec![fault_text(&fault)]);
    }
    match confirm::confirm(state.clone(), token, SecretString::from(password)).await {
        Ok(login_url) => {
            let mut response =
                render(&state, &language, StatusCode::OK, "password-changed", Changed { login_url })?;
            form::set_cookie(&mut response, &form::expired_cookie(&state.settings, COOKIE));
            Ok(response)
        }
        Err(Refused::Password(rejections)) => {
            again(rejections.iter().map(|rejection| rejection_text(rejection, &state.policy)).collect())
        }
        Err(refused @ Refused::Link(_)) => Err(refused.into()),
    }
}

/// Why a password was refused, for the one who chose it.
fn rejection_text(rejection: &PasswordRejection, policy: &PasswordPolicy) -> Text {
    Text::new(format!("password-{}", rejection.code.replace('_', "-")))
        .with("min", policy.min_length)
        .with("max", policy.max_length)
}

fn token(state: &HttpState, request: &Request) -> Result<String, Problem> {
    form::cookie(request, &state.settings, COOKIE).ok_or_else(|| Problem::new(Code::TokenInvalid))
}

fn ask(
    state: &HttpState,
    language: &Language,
    token: FormToken,
    status: StatusCode,
    account: String,
    errors: Vec<Text>,
) -> Result<Response, Problem> {
    let page = Page { csrf_token: token.value, account, min_length: state.policy.min_length, errors };
    let mut response = render(state, language, status, "reset-password", page)?;
    form::set_cookie(&mut response, &token.cookie);
    Ok(response)
}
