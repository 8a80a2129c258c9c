//! `/dashboard/suppressions`: addresses that get less mail; why, since when and by whom. Added and lifted here.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::fields;
use super::super::problem::Problem;
use super::desk::Desk;
use super::listing::{ROWS, Turn};
use super::notice::{self, Sent};
use super::number::{Moment, counted};
use super::words::{self, named};
use crate::domain::address::EmailAddress;
use crate::domain::suppression::{Blocks, Reason};
use crate::queries::{Count, SuppressionFilter, SuppressionSummary, suppressed_key};

const HERE: &str = "suppressions";

#[derive(Serialize)]
struct Page {
    /// What is searched for, and what is wrong with it.
    address: String,
    fault: Option<&'static str>,
    reason: String,
    blocks: String,
    is_lifted: bool,
    reasons: Vec<Word>,
    count: i64,
    count_text: String,
    rows: Vec<Row>,
    turn: Turn,
    here: String,
    lift_at: String,
    /// An address that could not be added, as it was typed.
    added: String,
    add_fault: Option<&'static str>,
    is_filtered: bool,
    done: Option<&'static str>,
}

#[derive(Serialize)]
struct Word {
    name: &'static str,
    label: &'static str,
}

#[derive(Serialize)]
struct Row {
    recipient: String,
    reason: &'static str,
    category: Option<String>,
    blocks: &'static str,
    since: Option<Moment>,
    by: String,
    message: Option<String>,
    lifted: Option<Moment>,
    lifted_by: Option<String>,
    lift: String,
}

#[derive(Serialize)]
struct Confirm {
    id: String,
    rows: Vec<Row>,
    here: String,
    list: String,
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    page(&desk, StatusCode::OK, "", None).await
}

async fn page(
    desk: &Desk,
    status: StatusCode,
    added: &str,
    add_fault: Option<&'static str>,
) -> Result<Response, Problem> {
    let parameter = |name: &str| desk.visit.parameter(name).unwrap_or_default().trim().to_owned();
    let (address, reason, blocks) = (parameter("address"), parameter("reason"), parameter("blocks"));
    let is_lifted = parameter("status") == "lifted";
    let reason = Some(reason).filter(|reason| reason.parse::<Reason>().is_ok());
    let blocks = Some(blocks).filter(|blocks| blocks.parse::<Blocks>().is_ok());
    let searched = EmailAddress::parse(&address).ok();
    let is_wrong = !address.is_empty() && searched.is_none();
    let filter = SuppressionFilter {
        recipient_key: searched.map(|address| stream(desk, &address)),
        reason: reason.clone(),
        blocks: blocks.clone(),
        is_lifted,
        ..SuppressionFilter::default()
    };
    let queries = &desk.state().queries;
    let cursor = desk.visit.parameter("cursor");
    let (mut count, mut rows, mut turn) = (Count { rows: 0, is_all: true }, vec![], Turn::default());
    if !is_wrong {
        let found = queries.suppressions(&filter, ROWS, cursor).await?;
        count = queries.count_suppressions(&filter).await?;
        let pairs = [
            ("address", address.as_str()),
            ("reason", reason.as_deref().unwrap_or_default()),
            ("blocks", blocks.as_deref().unwrap_or_default()),
            ("status", if is_lifted { "lifted" } else { "" }),
        ];
        turn = Turn::of(&found, |cursor| {
            let pairs = pairs.into_iter().chain([("cursor", cursor)]);
            desk.link(HERE, pairs.filter(|(_, value)| !value.is_empty()))
        });
        rows = found.data.iter().map(|held| row(desk, held)).collect();
    }
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    let page = Page {
        fault: is_wrong.then_some("Write one whole address, such as ada@example.com."),
        is_filtered: !address.is_empty() || reason.is_some() || blocks.is_some(),
        address,
        reason: reason.unwrap_or_default(),
        blocks: blocks.unwrap_or_default(),
        is_lifted,
        reasons: reasons(),
        count: count.rows,
        count_text: counted(count),
        rows,
        turn,
        here: desk.link(HERE, []),
        lift_at: desk.link("suppressions/lift", []),
        added: added.to_owned(),
        add_fault,
        done: desk.visit.parameter("done").and_then(told),
    };
    desk.render_as(status, "suppressions", page)
}

/// What was just done, by the word in the address.
fn told(done: &str) -> Option<&'static str> {
    match done {
        "added" => Some("The address gets no such mail from now on."),
        "held" => Some("The address was held back before; nothing has changed."),
        "lifted" => Some(
            "It gets mail again, as far as backstamp is concerned. The mail provider keeps a list of its own and may \
             still refuse it: at Mailgun, look into the domain’s bounces, complaints and unsubscribes too.",
        ),
        _ => None,
    }
}

fn reasons() -> Vec<Word> {
    let label = |reason: Reason| match reason {
        Reason::HardBounce => "Hard bounce",
        Reason::Complaint => "Complaint",
        Reason::Unsubscribe => "Unsubscribe",
        Reason::Manual => "By hand",
    };
    Reason::ALL.into_iter().map(|reason| Word { name: reason.as_str(), label: label(reason) }).collect()
}

fn stream(desk: &Desk, address: &EmailAddress) -> String {
    desk.state().commands.index_key().stream_key(address).to_string()
}

fn row(desk: &Desk, held: &SuppressionSummary) -> Row {
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| Moment::of(at, desk.now));
    Row {
        recipient: held.recipient.clone().unwrap_or_else(|| "erased".to_owned()),
        reason: words::reason(&held.reason),
        category: held.bounce_category.as_deref().map(named),
        blocks: words::blocks(&held.blocks),
        since: moment(held.since),
        by: held.added_by.clone(),
        message: held.message_id.as_ref().map(|id| desk.link(&format!("messages/{id}"), [])),
        lifted: moment(held.lifted_at),
        lifted_by: held.lifted_by.clone(),
        lift: desk.link("suppressions/lift", [("id", held.id.as_str())]),
    }
}

/// Holds mail back from an address.
pub async fn add(desk: Desk, request: Request) -> Result<Response, Problem> {
    let mut form = match notice::receive(&desk, request, HERE).await? {
        Sent::Form(form) => form,
        Sent::Stale(answer) => return Ok(answer),
    };
    let typed = form.take("address");
    let blocks = if form.take("blocks") == Blocks::Bulk.as_str() { Blocks::Bulk } else { Blocks::Everything };
    let Ok(address) = fields::email(typed.trim()) else {
        let fault = Some("Write one whole address, such as ada@example.com.");
        return page(&desk, StatusCode::UNPROCESSABLE_ENTITY, &typed, fault).await;
    };
    let key = stream(&desk, &address);
    let is_new = desk.state().commands.suppress(address, blocks, &desk.operator.by).await?;
    desk.until(|| is_listed(&desk, &key, Some(blocks))).await?;
    let done = if is_new { "added" } else { "held" };
    Ok(desk.visit.redirect(&desk.link(HERE, [("done", done)])))
}

/// Asks whether it shall be lifted.
pub async fn confirm(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let id = desk.visit.parameter("id").unwrap_or_default().to_owned();
    let Some(key) = suppressed_key(&id) else { return gone(&desk) };
    let filter = SuppressionFilter { recipient_key: Some(key.to_owned()), ..SuppressionFilter::default() };
    let held = desk.state().queries.suppressions(&filter, ROWS, None).await?;
    if held.data.is_empty() {
        return gone(&desk);
    }
    let rows = held.data.iter().map(|held| row(&desk, held)).collect();
    let page = Confirm { rows, here: desk.link("suppressions/lift", []), list: desk.link(HERE, []), id };
    desk.render("suppressions-lift", page)
}

/// Lets mail through again.
pub async fn lift(desk: Desk, request: Request) -> Result<Response, Problem> {
    let mut form = match notice::receive(&desk, request, HERE).await? {
        Sent::Form(form) => form,
        Sent::Stale(answer) => return Ok(answer),
    };
    let id = form.take("id");
    let Some(key) = suppressed_key(&id) else { return gone(&desk) };
    if desk.state().commands.lift(key, &desk.operator.by).await?.is_empty() {
        return gone(&desk);
    }
    desk.until(|| is_listed(&desk, key, None)).await?;
    Ok(desk.visit.redirect(&desk.link(HERE, [("done", "lifted")])))
}

/// Whether the list shows that an operator holds so much back from an address; or, with none, that nothing does.
async fn is_listed(desk: &Desk, key: &str, blocks: Option<Blocks>) -> Result<bool, Problem> {
    let filter = SuppressionFilter {
        recipient_key: Some(key.to_owned()),
        reason: blocks.map(|_| Reason::Manual.as_str().to_owned()),
        blocks: blocks.map(|blocks| blocks.as_str().to_owned()),
        ..SuppressionFilter::default()
    };
    let found = desk.state().queries.suppressions(&filter, 1, None).await?;
    Ok(found.data.is_empty() == blocks.is_none())
}

fn gone(desk: &Desk) -> Result<Response, Problem> {
    let steps = [("Back to the list", desk.link(HERE, []))];
    let words = "Nothing holds mail back from this address; perhaps it was lifted meanwhile.";
    notice::page(desk, StatusCode::NOT_FOUND, "There is nothing to lift", words, &steps)
}
