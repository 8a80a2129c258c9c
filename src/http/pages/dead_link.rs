//! A link that does not work, or not any more: why, and the next step, with a form for a new one at hand.

use poem::Response;
use poem::http::StatusCode;
use serde::Serialize;

use super::super::problem::{Code, Problem};
use super::form::Refusal;
use super::{Visit, forgot_password, notice, verify_email};
use crate::rendering::Text;

/// What the link was for, and where a new one is asked for.
#[derive(Clone, Copy)]
pub struct Purpose {
    /// The middle of the names of its texts.
    texts: &'static str,
    /// The page that takes the form.
    ask_at: &'static str,
    /// What that form is about.
    subject: &'static str,
}

pub const RESET: Purpose =
    Purpose { texts: "reset", ask_at: "forgot-password", subject: forgot_password::SUBJECT };

pub const VERIFICATION: Purpose =
    Purpose { texts: "verify", ask_at: "verify-email/resend", subject: verify_email::RESEND_SUBJECT };

#[derive(Serialize)]
struct Page {
    title: Text,
    words: Text,
    /// Whether signing in may be all that is left to do.
    is_done: bool,
    ask_at: &'static str,
    ask: Text,
    csrf_token: String,
}

/// The page for a link that was refused.
pub fn page(visit: &Visit, purpose: Purpose, problem: &Problem) -> Result<Response, Problem> {
    match problem.code() {
        Code::TokenInvalid => told(visit, purpose, problem.status(), "invalid"),
        Code::TokenExpired => told(visit, purpose, problem.status(), "expired"),
        Code::TokenUsed => told(visit, purpose, problem.status(), "used"),
        Code::TokenSuperseded => told(visit, purpose, problem.status(), "superseded"),
        Code::TokenRevoked => told(visit, purpose, problem.status(), "revoked"),
        // It may work in a moment.
        _ => notice::of(visit, problem),
    }
}

/// The page for somebody who comes without a link, or whose cookie is over.
pub fn none(visit: &Visit, purpose: Purpose) -> Result<Response, Problem> {
    told(visit, purpose, StatusCode::BAD_REQUEST, "missing")
}

fn told(visit: &Visit, purpose: Purpose, status: StatusCode, why: &str) -> Result<Response, Problem> {
    let text = |part: &str| Text::new(format!("link-{why}-{part}"));
    let page = Page {
        title: text("title"),
        words: if why == "used" { Text::new(format!("link-used-{}", purpose.texts)) } else { text("text") },
        is_done: why == "used",
        ask_at: purpose.ask_at,
        ask: Text::new(format!("link-ask-{}", purpose.texts)),
        csrf_token: visit.form_token(purpose.subject),
    };
    visit.ask("dead-link", page, Refusal::told(status))
}
