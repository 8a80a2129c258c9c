//! What could not be done, and why, within the frame of the dashboard; and how forms of the dashboard come in.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::pages::form::{self, Form, Received};
use super::super::problem::Problem;
use super::desk::Desk;

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
