//! Refusals in HTML: what happened, in a person's words, and the next step.

use poem::Response;
use serde::Serialize;

use super::super::problem::{Code, Problem};
use super::Visit;
use crate::rendering::Text;

#[derive(Serialize)]
struct Notice {
    title: Text,
    words: Text,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    label: Text,
    path: &'static str,
}

/// The page for this problem, under its status and headers.
pub fn of(visit: &Visit, problem: &Problem) -> Result<Response, Problem> {
    let (id, steps) = words(problem.code());
    let text = |part| Text::new(format!("notice-{id}-{part}"));
    let step = |&(label, path): &(&str, _)| Step { label: Text::new(label), path };
    let notice =
        Notice { title: text("title"), words: text("text"), steps: steps.iter().map(step).collect() };
    let mut response = visit.render(problem.status(), "notice", notice)?;
    response.headers_mut().extend(problem.headers().iter().cloned());
    Ok(response)
}

/// The middle of the names of its texts, and the next steps: their labels and where they lead.
fn words(code: Code) -> (&'static str, &'static [(&'static str, &'static str)]) {
    match code {
        Code::NotFound => {
            ("not-found", &[("notice-account", "account"), ("notice-forgot", "forgot-password")])
        }
        Code::MethodNotAllowed => ("method", &[("notice-account", "account")]),
        Code::Forbidden => ("forbidden", &[("notice-account", "account")]),
        Code::Unauthorized => ("unauthorized", &[("notice-sign-in", "login")]),
        Code::RateLimited => ("rate-limited", &[]),
        Code::Busy | Code::Unavailable | Code::RequestTimeout => ("unavailable", &[]),
        Code::Internal => ("internal", &[]),
        _ => ("unreadable", &[]),
    }
}
