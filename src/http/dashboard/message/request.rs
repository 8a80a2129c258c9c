//! `/dashboard/messages/requests/{id}`: a reset or a verification from the first request to the end of its link, with
//! all its mails.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::desk::Desk;
use super::super::notice;
use super::timeline::{self, Event};
use crate::domain::id::{RequestId, VerificationId};
use crate::queries::TimelineEntry;

#[derive(Serialize)]
struct Page {
    title: &'static str,
    id: String,
    recipient: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    events: Vec<Event>,
    more_events: usize,
}

/// The page.
pub async fn show(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = request.raw_path_param("id").unwrap_or_default().to_owned();
    let queries = &desk.state().queries;
    let (title, reset, entries): (_, _, Vec<TimelineEntry>) = match (id.parse(), id.parse()) {
        (Ok(reset), _) => {
            let reset: RequestId = reset;
            ("Password reset", queries.reset(reset).await?, queries.request_timeline(reset).await?)
        }
        (_, Ok(verification)) => {
            let verification: VerificationId = verification;
            ("Verification of an address", None, queries.request_timeline(verification).await?)
        }
        _ => ("", None, vec![]),
    };
    if entries.is_empty() {
        let steps = [("All messages", desk.link("messages", []))];
        let words = "There is no reset and no verification with this id.";
        return notice::page(&desk, StatusCode::NOT_FOUND, "No such request", words, &steps);
    }
    let (events, more_events) = timeline::events(&desk, &entries, vec![]);
    let page = Page {
        title,
        recipient: reset.as_ref().and_then(|reset| reset.recipient.clone()),
        status: reset.as_ref().map(|reset| reset.status.clone()),
        reason: reset.and_then(|reset| reset.reason),
        id,
        events,
        more_events,
    };
    desk.render("request", page)
}
