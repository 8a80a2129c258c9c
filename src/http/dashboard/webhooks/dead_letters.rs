//! `/dashboard/webhooks/dead-letters`: what could not be handled and was put aside, and another try of it.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::desk::Desk;
use super::super::listing::{ROWS, Turn};
use super::super::notice::{self, Sent};
use super::super::number::{Moment, grouped};
use super::super::words::named;
use crate::dead_letters::{DeadLetter, Which};

const HERE: &str = "webhooks/dead-letters";

#[derive(Serialize)]
struct Page {
    count: i64,
    count_text: String,
    rows: Vec<Row>,
    turn: Turn,
    replay_at: String,
    webhooks: String,
    done: Option<&'static str>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    what: &'static str,
    failed_at: String,
    subject: String,
    error: String,
    attempts: i64,
    waits: bool,
    parked: Moment,
}

#[derive(Serialize)]
struct Confirm {
    count: i64,
    count_text: String,
    here: String,
    list: String,
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let letters = &desk.state().dead_letters;
    let which = Which::default();
    let found = letters.list(&which, ROWS, desk.visit.parameter("cursor")).await?;
    let count = letters.count(&which).await?;
    let page = Page {
        count,
        count_text: grouped(count),
        turn: Turn::of(&found, |cursor| desk.link(HERE, [("cursor", cursor)])),
        rows: found.data.into_iter().map(|letter| row(&desk, letter)).collect(),
        replay_at: desk.link("webhooks/dead-letters/replay", []),
        webhooks: desk.link("webhooks", []),
        done: desk.visit.parameter("done").map(|_| "Another try was asked for; it is made within seconds."),
    };
    desk.render("dead-letters", page)
}

fn row(desk: &Desk, letter: DeadLetter) -> Row {
    let what =
        if letter.kind == "work" { "Work that was given up" } else { "An event that could not be handled" };
    Row {
        what,
        failed_at: named(&letter.failed_at),
        parked: Moment::of(letter.parked_at, desk.now),
        id: letter.id,
        subject: letter.subject,
        error: letter.error,
        attempts: letter.attempts,
        waits: letter.waits,
    }
}

/// Asks whether all of them shall be tried once more.
pub async fn all(desk: Desk, _request: Request) -> Result<Response, Problem> {
    ask(&desk, StatusCode::OK).await
}

async fn ask(desk: &Desk, status: StatusCode) -> Result<Response, Problem> {
    let count = desk.state().dead_letters.count(&Which::default()).await?;
    let page = Confirm {
        count,
        count_text: grouped(count),
        here: desk.link("webhooks/dead-letters/replay-all", []),
        list: desk.link(HERE, []),
    };
    desk.render_as(status, "dead-letters-replay", page)
}

/// Another try of one.
pub async fn replay(desk: Desk, request: Request) -> Result<Response, Problem> {
    let mut form = match notice::receive(&desk, request, HERE).await? {
        Sent::Form(form) => form,
        Sent::Stale(answer) => return Ok(answer),
    };
    if !desk.state().dead_letters.replay(&form.take("id")).await? {
        let steps = [("Back to the list", desk.link(HERE, []))];
        let words = "It is not among those that were put aside; perhaps it was handled meanwhile.";
        return notice::page(&desk, StatusCode::NOT_FOUND, "It is gone", words, &steps);
    }
    tracing::info!(by = %desk.operator.by, "a dead letter is tried once more");
    Ok(desk.visit.redirect(&desk.link(HERE, [("done", "replayed")])))
}

/// Another try of all, if they are as many as were confirmed.
pub async fn replay_all(desk: Desk, request: Request) -> Result<Response, Problem> {
    let mut form = match notice::receive(&desk, request, HERE).await? {
        Sent::Form(form) => form,
        Sent::Stale(answer) => return Ok(answer),
    };
    let letters = &desk.state().dead_letters;
    let which = Which::default();
    if form.take("count").parse().ok() != Some(letters.count(&which).await?) {
        return ask(&desk, StatusCode::CONFLICT).await;
    }
    let replayed = letters.replay_all(&which).await?;
    tracing::info!(replayed, by = %desk.operator.by, "dead letters are tried once more");
    Ok(desk.visit.redirect(&desk.link(HERE, [("done", "replayed")])))
}
