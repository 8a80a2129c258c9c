//! `/dashboard`: is our mail arriving, and what is to be done where it is not.

use poem::{Request, Response};
use serde::Serialize;

use super::super::problem::Problem;
use super::desk::Desk;
use super::number::Number;

#[derive(Serialize)]
struct Page {
    requested: Number,
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let metrics = desk.state().queries.delivery(&desk.cut.delivery()).await?;
    let requested = Number::of(&desk, &desk.cut, metrics.totals.requested, &[("flag", "requested")]);
    desk.render("overview", Page { requested })
}
