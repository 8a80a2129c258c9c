//! `/account`: what owners see of their account, and the forms that change it, each with a path below.

pub mod address;
pub mod deletion;
pub mod name;
pub mod password;
pub mod sessions;
mod typed;

use chrono::SecondsFormat;
use poem::{Request, Response};
use secrecy::SecretString;
use serde::Serialize;

use super::super::fields;
use super::super::problem::{Code, Problem};
use super::super::session;
use super::form::{self, Form, Received, Refusal, Wrong};
use super::told::{self, Told};
use super::{Visit, cookie, login};
use crate::accounts::{Role, Session, SignedIn};
use crate::rendering::Text;

pub use typed::Typed;

#[derive(Serialize)]
struct Page {
    csrf_token: String,
    /// Whether it opens the dashboard.
    is_operator: bool,
    account: Owner,
    sessions: Vec<SessionLine>,
    min_length: usize,
    typed: Typed,
    /// The part that stands open; the others are folded.
    open: &'static str,
    told: Option<Text>,
}

#[derive(Serialize)]
struct Owner {
    email: String,
    created_at: String,
}

#[derive(Serialize)]
struct SessionLine {
    id: String,
    browser: Option<String>,
    created_at: String,
    last_used_at: String,
    is_current: bool,
}

/// A form that its owner sent.
pub struct OwnForm {
    pub signed_in: SignedIn,
    pub form: Form,
    /// What it holds that may be shown again.
    pub typed: Typed,
}

/// Whoever visits, if signed in.
pub async fn signed_in(visit: &Visit, request: &Request) -> Result<Option<SignedIn>, Problem> {
    match session::signed_in(&visit.state, request).await {
        Ok(signed_in) => Ok(Some(signed_in)),
        Err(problem) if matches!(problem.code(), Code::Unauthorized | Code::AccountNotVerified) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// What the forms of somebody who is signed in are about: a later session takes none of this one's.
pub fn subject(signed_in: &SignedIn) -> String {
    format!("account {}", signed_in.session.id)
}

/// The page.
pub async fn show(visit: Visit, request: Request) -> Result<Response, Problem> {
    let Some(signed_in) = signed_in(&visit, &request).await? else {
        let mut response = visit.go_to(&format!("login?next={}account", visit.root()));
        if cookie::get(&request, &visit.state.settings, session::COOKIE).is_some() {
            cookie::set(&mut response, &Told::Ended.cookie(&visit));
            cookie::set(&mut response, &cookie::expired(&visit.state.settings, session::COOKIE));
        }
        return Ok(response);
    };
    let draft = Typed::kept(&visit, &request);
    let told = if draft.is_some() { Some(Told::Draft) } else { told::take(&visit, &request) };
    let has_draft = draft.is_some();
    let shown = Shown { typed: draft.unwrap_or_default(), told: told.map(Told::text), ..Shown::default() };
    let mut response = page(&visit, &signed_in, shown, Refusal::none()).await?;
    if has_draft {
        cookie::set(&mut response, &Typed::forgotten(&visit));
    } else if told.is_some() {
        cookie::set(&mut response, &told::taken(&visit));
    }
    Ok(response)
}

/// The paths below are for forms; whoever opens one comes back here.
pub async fn back(visit: Visit, _request: Request) -> Result<Response, Problem> {
    Ok(visit.go_to("account"))
}

/// Takes a form of this page, or answers: with the page to sign in, if the session has ended meanwhile, with
/// this one, if it is from another time; either keeps what was typed.
pub async fn receive(visit: &Visit, request: Request, open: &'static str) -> Result<OwnForm, Answered> {
    let Some(signed_in) = signed_in(visit, &request).await? else {
        let (Received::Sent(mut form) | Received::Stale(mut form)) =
            form::receive(visit, request, "").await?;
        return Err(Answered::with(login::ended(visit, Typed::take(&mut form, ""))));
    };
    match form::receive(visit, request, &subject(&signed_in)).await? {
        Received::Sent(mut form) => {
            let typed = Typed::take(&mut form, "");
            Ok(OwnForm { signed_in, form, typed })
        }
        Received::Stale(mut form) => {
            let shown = Shown { typed: Typed::take(&mut form, ""), open, ..Shown::default() };
            Err(Answered::with(page(visit, &signed_in, shown, Refusal::stale()).await))
        }
    }
}

/// There is nothing left to do but to answer.
pub struct Answered(pub Result<Response, Problem>);

impl Answered {
    fn with(answer: Result<Response, Problem>) -> Self {
        Self(answer)
    }
}

impl From<Problem> for Answered {
    fn from(problem: Problem) -> Self {
        Self(Err(problem))
    }
}

/// What differs from one showing to the next.
#[derive(Default)]
pub struct Shown {
    pub typed: Typed,
    pub open: &'static str,
    pub told: Option<Text>,
}

/// Shows the page as the account stands now.
pub async fn page(
    visit: &Visit,
    signed_in: &SignedIn,
    shown: Shown,
    refusal: Refusal,
) -> Result<Response, Problem> {
    let account = &signed_in.account;
    let sessions = visit.state.sessions.list(account.id).await?;
    let line = |session: Session| SessionLine {
        is_current: session.id == signed_in.session.id,
        id: session.id.to_string(),
        browser: session.browser,
        created_at: moment(session.created_at),
        last_used_at: moment(session.last_used_at),
    };
    let Shown { mut typed, open, told } = shown;
    let open = if typed.new_email.is_some() { address::OPEN } else { open };
    typed.name.get_or_insert_with(|| account.name.clone().unwrap_or_default());
    let page = Page {
        csrf_token: visit.form_token(&subject(signed_in)),
        is_operator: account.role != Role::User,
        account: Owner { email: account.address.as_str().to_owned(), created_at: moment(account.created_at) },
        sessions: sessions.into_iter().map(line).collect(),
        min_length: visit.state.policy.min_length,
        open,
        typed,
        told,
    };
    visit.ask("account", page, refusal)
}

/// Back to the page, with a word about what was done.
fn done(visit: &Visit, told: Told) -> Response {
    let mut response = visit.go_to("account");
    cookie::set(&mut response, &told.cookie(visit));
    response
}

fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The password that owners prove themselves with; every such field has this name in its form.
fn current_password(form: &mut Form, field: &'static str) -> Result<SecretString, Wrong> {
    let password = form.take("current_password");
    if password.is_empty() {
        return Err(Wrong::field(field, Text::new("fault-no-password")));
    }
    fields::password(&password).map_err(|fault| Wrong::value(field, &fault))?;
    Ok(password.into())
}
