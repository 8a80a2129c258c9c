//! `/reset-password`: where the link of a reset leads, and where the new password is chosen.

use poem::http::StatusCode;
use poem::{Request, Response};

use serde::Serialize;

use super::super::client_address::client_key;
use super::super::confirm::{self, Refused};
use super::super::password_resets::record_visit;
use super::super::problem::Problem;
use super::form::{self, Received, Refusal};
use super::link::{self, Link};

use super::{Visit, cookie, dead_link, new_password};
use crate::accounts::Account;
use crate::domain::one_time_link::VisitKind;
use crate::domain::password_reset::Resetting;

const LINK: Link = Link { path: "reset-password", cookie: "backstamp-reset" };

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    account: String,
    min_length: usize,
}

#[derive(Serialize)]
struct Changed {
    login_url: String,
}

/// The link itself, or the page behind it.
pub async fn show(visit: Visit, request: Request) -> Result<Response, Problem> {
    if let Some(token) = LINK.followed(&visit) {
        if let Ok(reset) = visit.state.commands.find_link::<Resetting>(token).await {
            record_visit(&visit.state, &reset, link::kind_of_visit(&request), request.headers()).await;
        }
        return Ok(LINK.keep(&visit, token));
    }
    let Some(token) = LINK.token(&visit, &request) else { return dead_link::none(&visit, dead_link::RESET) };
    match confirm::find(&visit.state, &token).await {
        Ok((reset, account)) => {
            record_visit(&visit.state, &reset, VisitKind::Page, request.headers()).await;
            ask(&visit, &token, &account, Refusal::none())
        }
        Err(error) => dead_link::page(&visit, dead_link::RESET, &error.into()),
    }
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let Some(token) = LINK.token(&visit, &request) else { return dead_link::none(&visit, dead_link::RESET) };
    let client = client_key(&request, &visit.state.settings.trusted_proxies);
    let received = form::receive(&visit, request, &token).await?;
    let account = match confirm::find(&visit.state, &token).await {
        Ok((_, account)) => account,
        Err(error) => return dead_link::page(&visit, dead_link::RESET, &error.into()),
    };
    let again = |refusal| ask(&visit, &token, &account, refusal);
    let Received::Sent(mut form) = received else { return again(Refusal::stale()) };

    let password = match new_password::take(&mut form, "new_password", "new_password_again") {
        Ok(password) => password,
        Err(wrong) => return again(Refusal::wrong(vec![wrong])),
    };
    match confirm::confirm(visit.state.clone(), token.clone(), password, client).await {
        Ok(login_url) => {
            let mut response = visit.render(StatusCode::OK, "password-changed", Changed { login_url })?;
            cookie::set(&mut response, &LINK.forgotten(&visit));
            Ok(response)
        }
        Err(Refused::Password(rejections)) => {
            again(Refusal::wrong(new_password::rejected(&visit, "new_password", &rejections)))
        }
        Err(Refused::Link(error)) => match Problem::from(error) {
            later if later.status().is_server_error() => again(Refusal::problem(&later)),
            dead => dead_link::page(&visit, dead_link::RESET, &dead),
        },
    }
}

fn ask(visit: &Visit, token: &str, account: &Account, refusal: Refusal) -> Result<Response, Problem> {
    let page = Page {
        csrf_token: visit.form_token(token),
        account: account.address.masked(),
        min_length: visit.state.policy.min_length,
    };
    visit.ask("reset-password", page, refusal)
}
