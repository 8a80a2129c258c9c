//! `/reset-password`: where the link of a reset leads, and where the new password is chosen.

use poem::http::StatusCode;
use poem::{Request, Response};

use serde::Serialize;

use super::super::confirm::{self, Refused};
use super::super::password_resets::record_visit;
use super::super::problem::Problem;
use super::form::{self, Received, Wrong};
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
    faults: Vec<Wrong>,
}

#[derive(Serialize)]
struct Changed {
    login_url: String,
}

/// The link itself, or the page behind it.
pub async fn show(visit: Visit, request: Request) -> Result<Response, Problem> {
    if let Some(token) = LINK.followed(&visit) {
        if let Ok(reset) = visit.state.commands.find_link::<Resetting>(token).await {
            let kind = if link::is_prefetch(&request) { VisitKind::Prefetch } else { VisitKind::Link };
            record_visit(&visit.state, &reset, kind, request.headers()).await;
        }
        return Ok(LINK.keep(&visit, token));
    }
    let Some(token) = LINK.token(&visit, &request) else { return dead_link::none(&visit, dead_link::RESET) };
    match confirm::find(&visit.state, &token).await {
        Ok((reset, account)) => {
            record_visit(&visit.state, &reset, VisitKind::Page, request.headers()).await;
            ask(&visit, &token, &account, StatusCode::OK, Vec::new())
        }
        Err(error) => dead_link::page(&visit, dead_link::RESET, error.into()),
    }
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let Some(token) = LINK.token(&visit, &request) else { return dead_link::none(&visit, dead_link::RESET) };
    let received = form::receive(&visit, request, &token).await?;
    let account = match confirm::find(&visit.state, &token).await {
        Ok((_, account)) => account,
        Err(error) => return dead_link::page(&visit, dead_link::RESET, error.into()),
    };
    let mut form = match received {
        Received::Sent(form) => form,
        Received::Stale(_) => {
            return ask(&visit, &token, &account, StatusCode::FORBIDDEN, vec![Wrong::stale()]);
        }
    };

    let again = |faults| ask(&visit, &token, &account, StatusCode::UNPROCESSABLE_ENTITY, faults);
    let password = match new_password::take(&mut form, "new_password", "new_password_again") {
        Ok(password) => password,
        Err(wrong) => return again(vec![wrong]),
    };
    match confirm::confirm(visit.state.clone(), token.clone(), password).await {
        Ok(login_url) => {
            let mut response = visit.render(StatusCode::OK, "password-changed", Changed { login_url })?;
            cookie::set(&mut response, &LINK.forgotten(&visit));
            Ok(response)
        }
        Err(Refused::Password(rejections)) => {
            again(new_password::rejected(&visit, "new_password", &rejections))
        }
        Err(Refused::Link(error)) => dead_link::page(&visit, dead_link::RESET, error.into()),
    }
}

fn ask(
    visit: &Visit,
    token: &str,
    account: &Account,
    status: StatusCode,
    faults: Vec<Wrong>,
) -> Result<Response, Problem> {
    let page = Page {
        csrf_token: visit.form_token(token),
        account: account.address.masked(),
        min_length: visit.state.policy.min_length,
        faults,
    };
    visit.render_form(status, "reset-password", page)
}
