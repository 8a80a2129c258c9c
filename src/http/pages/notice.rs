//! Refusals in HTML: what happened, in a person's words, and the next step.

use poem::Response;
use serde::Serialize;

use super::super::HttpState;
use super::super::problem::{Code, Problem};
use super::render;
use crate::rendering::{Language, Text};

#[derive(Serialize)]
struct Notice {
    title: Text,
    detail: Text,
    next: Option<Step>,
}

#[derive(Serialize)]
struct Step {
    label: Text,
    href: &'static str,
}

/// The page for this problem, under its status and headers.
pub fn of(state: &HttpState, language: &Language, problem: &Problem) -> Result<Response, Problem> {
    let mut response = render(state, language, problem.status(), "notice", notice(problem.code()))?;
    response.headers_mut().extend(problem.headers().iter().cloned());
    Ok(response)
}

fn notice(code: Code) -> Notice {
    let (id, next) = words(code);
    let text = |part| Text::new(format!("notice-{id}-{part}"));
    let step = |(label, href)| Step { label: Text::new(label), href };
    Notice { title: text("title"), detail: text("text"), next: next.map(step) }
}

/// The middle of the names of its texts, and the next step: its label and where it leads.
fn words(code: Code) -> (&'static str, Option<(&'static str, &'static str)>) {
    let ask_again = Some(("notice-ask-again", "forgot-password"));
    match code {
        Code::TokenInvalid => ("token-invalid", ask_again),
        Code::TokenExpired => ("token-expired", ask_again),
        Code::TokenUsed => ("token-used", Some(("notice-sign-in", "login"))),
        Code::TokenSuperseded => ("token-superseded", ask_again),
        Code::TokenRevoked => ("token-revoked", ask_again),
        Code::Forbidden => ("forbidden", ask_again),
        Code::RateLimited => ("rate-limited", None),
        Code::Busy | Code::Unavailable => ("unavailable", None),
        Code::Internal => ("internal", None),
        _ => ("unreadable", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rendering::Renderer;

    #[test]
    fn every_problem_has_words_in_every_language() {
        let url = url::Url::parse("https://id.example.test").unwrap();
        let renderer = Renderer::new(&url, &url, "Example").unwrap();

        for language in renderer.languages() {
            for code in Code::ALL {
                renderer.page("notice", language, notice(code)).unwrap();
            }
        }
    }
}
