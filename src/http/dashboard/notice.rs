//! What could not be done, and why, within the frame of the dashboard; and how forms of the dashboard come in.

use poem::http::{Method, StatusCode};
use poem::{Request, Response};
use serde::Serialize;

use super::super::pages::form::{self, Form, Received};
use super::super::problem::{Code, Problem};
use super::desk::Desk;
use super::frame;

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    words: &'a str,
    /// Labels, and where they lead.
    steps: &'a [(&'a str, String)],
}

/// A page that says so.
pub fn page(
    desk: &Desk,
    status: StatusCode,
    title: &str,
    words: &str,
    steps: &[(&str, String)],
) -> Result<Response, Problem> {
    desk.render_as(status, "notice", Page { title, words, steps })
}

/// The page for what a handler refuses, if it is about an address that leads nowhere; else the refusal itself.
pub fn of(desk: &Desk, problem: Problem) -> Result<Response, Problem> {
    let is_about_place = problem.errors().iter().any(|error| error.pointer == "/cursor");
    let (title, words) = match problem.code() {
        Code::NotFound => (
            "There is nothing here",
            "The address may be mistyped, or what it names is not of this installation. Ids are written in full, such as \
             msg_ with 32 digits of 0-9 and a-f.",
        ),
        _ if is_about_place => (
            "This place in the list is not known any more",
            "The address names a page of a list in a way that no page of ours gave it. The first page is always there.",
        ),
        _ => return Err(problem),
    };
    let list = if is_about_place { desk.page() } else { frame::section(desk.page()) };
    let label = match list {
        _ if is_about_place => "The first page",
        "" => "The overview",
        _ => "Back to the list",
    };
    let pairs = desk.visit.query().iter().filter(|(name, _)| is_about_place && name != "cursor");
    let href = desk.link(list, pairs.map(|(name, value)| (name.as_str(), value.as_str())));
    page(desk, problem.status(), title, words, &[(label, href)])
}

/// Answers where no page is; an address that only has a slash too many leads to its page.
pub async fn nowhere(desk: Desk, request: Request) -> Result<Response, Problem> {
    if !desk.path.ends_with('/') || request.method() == Method::POST {
        return Err(Problem::new(Code::NotFound));
    }
    let page = desk.page().trim_end_matches('/');
    let pairs = desk.visit.query().iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(desk.visit.redirect(&desk.link(page, pairs)))
}

/// A form that did what it says, or the answer that it is from another time.
pub enum Sent {
    Form(Form),
    Stale(Response),
}

/// Takes a form of the dashboard; one from another time does nothing, and leads back to `here`.
pub async fn receive(desk: &Desk, request: Request, here: &str) -> Result<Sent, Problem> {
    match form::receive(&desk.visit, request, &desk.operator.subject()).await? {
        Received::Sent(form) => Ok(Sent::Form(form)),
        Received::Stale(_) => {
            let words = "It was opened before you signed in last, or too long ago. Nothing was done: open the \
                         page again and send it from there.";
            let steps = [("Open the page again", desk.link(here, []))];
            page(desk, StatusCode::FORBIDDEN, "This form has expired", words, &steps).map(Sent::Stale)
        }
    }
}
