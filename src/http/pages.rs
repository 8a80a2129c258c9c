//! The pages people meet: register, sign in, ask for a link, choose a password, look after an account. Every
//! one works without script, loads nothing from elsewhere, and tells the same to everybody about whether an
//! account exists.

pub(super) mod account;
pub(super) mod cookie;
mod dead_link;
mod forgot_password;
pub(super) mod form;
mod link;
mod login;
mod new_password;
mod next;
mod notice;
mod register;
mod reset_password;
pub(super) mod told;
mod verify_email;
mod visit;

use std::sync::Arc;

use poem::endpoint::make;
use poem::http::{HeaderName, HeaderValue, Method, header};
use poem::{Request, Response, Result};

pub(super) use self::visit::Visit;
use super::HttpState;
use super::problem::Problem;
use super::resource::Resource;
use crate::rendering::Asset;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Names change with content, so what was loaded once is right forever.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Where programs talk to us, and problems are told in their language.
const NOT_PAGES: [&str; 7] =
    ["/v1/", "/webhooks/", "/sandbox/api/", "/healthz", "/readyz", "/metrics", "/openapi.json"];

/// Every page with its path.
pub fn all(state: &Arc<HttpState>) -> Vec<(String, Resource)> {
    let at = |path: &str, resource| (path.to_owned(), resource);
    let mut pages = vec![
        at("/login", both(state, login::show, login::submit)),
        at("/logout", Resource::post_only(page(state, login::log_out))),
        at("/register", both(state, register::show, register::submit)),
        at("/verify-email", both(state, verify_email::show, verify_email::submit)),
        at("/verify-email/resend", both(state, verify_email::back, verify_email::submit_resend)),
        at("/forgot-password", both(state, forgot_password::show, forgot_password::submit)),
        at("/reset-password", both(state, reset_password::show, reset_password::submit)),
        at("/account", Resource::get(page(state, account::show))),
        at("/account/name", both(state, account::back, account::name::submit)),
        at("/account/address", both(state, account::back, account::address::submit)),
        at("/account/password", both(state, account::back, account::password::submit)),
        at("/account/sessions/revoke", both(state, account::back, account::sessions::revoke)),
        at("/account/delete", both(state, account::back, account::deletion::submit)),
        at("/.well-known/change-password", Resource::get(page(state, change_password))),
    ];
    pages.extend(state.renderer.assets().map(|one| (format!("/assets/{}", one.name), asset(one.clone()))));
    pages
}

/// `/` leads to where people begin: to their account, or to the mailbox where no mail leaves the machine.
pub fn start(state: &Arc<HttpState>, has_mailbox: bool) -> Resource {
    let path = if has_mailbox { "sandbox" } else { "account" };
    Resource::get(page(state, move |visit: Visit, _request: Request| async move { Ok(visit.go_to(path)) }))
}

/// The page for a refusal, if it is a browser that asks and a person who will read the answer.
pub fn refusal(visitor: &Option<Visit>, problem: &Problem) -> Option<Response> {
    visitor.as_ref().and_then(|visit| notice::of(visit, problem).ok())
}

/// Somebody who would rather have a page than a problem in JSON.
pub fn visitor(state: &Arc<HttpState>, request: &Request) -> Option<Visit> {
    let path = request.uri().path();
    let for_programs = NOT_PAGES.iter().any(|prefix| path.starts_with(prefix));
    let accepted = request.headers().get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let takes_html = accepted.flat_map(|line| line.split(',')).any(|range| {
        let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
        range.trim().eq_ignore_ascii_case("text/html") && !parameters.trim().starts_with("q=0")
    });
    (takes_html && !for_programs).then(|| Visit::passing(state, request))
}

/// A page that can be opened, and a form that can be sent there.
fn both<F, G, FutF, FutG>(state: &Arc<HttpState>, show: F, submit: G) -> Resource
where
    F: Fn(Visit, Request) -> FutF + Copy + Send + Sync + 'static,
    G: Fn(Visit, Request) -> FutG + Copy + Send + Sync + 'static,
    FutF: Future<Output = Result<Response, Problem>> + Send + 'static,
    FutG: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Resource::get(page(state, show)).post(page(state, submit))
}

/// A handler of a page: what it refuses is told in HTML.
fn page<F, Fut>(state: &Arc<HttpState>, handler: F) -> impl poem::Endpoint + use<F, Fut>
where
    F: Fn(Visit, Request) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let state = state.clone();
    make(move |request| {
        let visit = Visit::of(&state, &request);
        async move {
            if let Some(answer) = visit.choose_language().filter(|_| request.method() != Method::POST) {
                return Ok::<_, poem::Error>(answer);
            }
            match handler(visit.clone(), request).await {
                Ok(response) => Ok(response),
                Err(problem) => Ok(notice::of(&visit, &problem)?),
            }
        }
    })
}

/// Where password managers go (W3C, A Well-Known URL for Changing Passwords).
async fn change_password(visit: Visit, _request: Request) -> Result<Response, Problem> {
    Ok(visit.go_to("account"))
}

fn asset(asset: Asset) -> Resource {
    Resource::get(make(move |_| {
        let answer = Response::builder().content_type(asset.media_type);
        // A picture that is opened by itself could bring a script.
        let answer = answer.header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
        let answer = answer.header(header::CACHE_CONTROL, FOREVER).body(asset.content.clone());
        async move { Ok::<_, poem::Error>(answer) }
    }))
}

/// Adds the headers that every page carries.
fn guarded(response: Response) -> Response {
    guarded_by(POLICY, response)
}

/// The same with a policy of the page's own about what it may load.
pub(super) fn guarded_by(policy: &'static str, mut response: Response) -> Response {
    let guards: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in guards {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
