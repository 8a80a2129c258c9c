//! Refusals in HTML: what happened, in a person's words, and the next step.

use poem::Response;
use serde::Serialize;

use super::super::HttpState;
use super::super::problem::{Code, Problem};
use super::render;

#[derive(Serialize)]
struct Notice {
    title: &'static str,
    text: &'static str,
    next: Option<Step>,
}

#[derive(Serialize, Clone, Copy)]
struct Step {
    label: &'static str,
    href: &'static str,
}

const ASK_AGAIN: Option<Step> = Some(Step { label: "Ask for a new link", href: "forgot-password" });

/// The page for this problem, under its status and headers.
pub fn of(state: &HttpState, problem: &Problem) -> Result<Response, Problem> {
    let (title, text, next) = words(problem.code());
    let mut response = render(state, problem.status(), "notice", Notice { title, text, next })?;
    response.headers_mut().extend(problem.headers().iter().cloned());
    Ok(response)
}

fn words(code: Code) -> (&'static str, &'static str, Option<Step>) {
    let sign_in = Some(Step { label: "Sign in", href: "login" });
    match code {
        Code::TokenInvalid => (
            "This link is not valid",
            "It may be incomplete. Open it from the mail again, or ask for a new one.",
            ASK_AGAIN,
        ),
        Code::TokenExpired => {
            ("This link has expired", "For your safety links work for a limited time only.", ASK_AGAIN)
        }
        Code::TokenUsed => (
            "This link was used already",
            "Each link works once. If it was you, sign in with your new password.",
            sign_in,
        ),
        Code::TokenSuperseded => (
            "This link no longer works",
            "A newer link was mailed to you, or the account has changed since. Use the newest mail, or ask again.",
            ASK_AGAIN,
        ),
        Code::TokenRevoked => ("This link was revoked", "It can no longer be used.", ASK_AGAIN),
        Code::Forbidden => (
            "That did not come from our page",
            "Open the page again and send the form from there; cookies must be allowed.",
            ASK_AGAIN,
        ),
        Code::RateLimited => ("Too many requests", "Wait a while, then try again.", None),
        Code::Busy | Code::Unavailable => {
            ("We cannot do that right now", "Nothing is lost. Try again in a minute.", None)
        }
        Code::Internal => ("Something went wrong here", "Nothing you did. Try again in a minute.", None),
        _ => ("We cannot read that", "Go back and send the form again.", None),
    }
}
