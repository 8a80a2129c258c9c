//! `/login`.

use poem::http::StatusCode;
use poem::{Request, Response};

use super::super::problem::Problem;
use super::visit::{Plain, Visit};

pub async fn show(visit: Visit, _request: Request) -> Result<Response, Problem> {
    visit.render(StatusCode::OK, "login", Plain {})
}
