//! `/sandbox/api`: the mailbox for scripts and tests.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use serde_json::{Value, json};

use super::event::{Actor, Engagement};
use super::links;
use super::mailbox::Mail;
use super::mailgun_messages::{json_response, message};
use super::office::Office;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 1000;

#[derive(Deserialize)]
struct Search {
    to: Option<String>,
    limit: Option<i64>,
}

#[derive(Deserialize)]
struct Reader {
    actor: Option<String>,
}

/// The newest mails first.
#[handler]
pub(super) async fn list(Query(search): Query<Search>, Data(office): Data<&Arc<Office>>) -> Response {
    let limit = search.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    match office.mailbox.list(search.to.as_deref(), limit).await {
        Ok(mails) => {
            let data: Vec<_> = mails.iter().map(shown).collect();
            json_response(StatusCode::OK, &json!({ "data": data }))
        }
        Err(error) => failed(&error),
    }
}

#[handler]
pub(super) async fn show(Path(id): Path<String>, Data(office): Data<&Arc<Office>>) -> Response {
    match office.mailbox.find(&id).await {
        Ok(Some(mail)) => json_response(StatusCode::OK, &shown(&mail)),
        Ok(None) => not_found(),
        Err(error) => failed(&error),
    }
}

/// Empties the mailbox.
#[handler]
pub(super) async fn clear(Data(office): Data<&Arc<Office>>) -> Response {
    match office.mailbox.clear().await {
        Ok(()) => StatusCode::NO_CONTENT.into(),
        Err(error) => failed(&error),
    }
}

/// Posts `opened`.
#[handler]
pub(super) async fn open(
    Path(id): Path<String>,
    Query(reader): Query<Reader>,
    Data(office): Data<&Arc<Office>>,
) -> Response {
    read(office, &id, &reader, |_| Engagement::Opened).await
}

/// Posts `clicked`, on the mail's first link.
#[handler]
pub(super) async fn click(
    Path(id): Path<String>,
    Query(reader): Query<Reader>,
    Data(office): Data<&Arc<Office>>,
) -> Response {
    let first_link = |mail: &Mail| Engagement::Clicked(links::of(&mail.text, &mail.html).into_iter().next());
    read(office, &id, &reader, first_link).await
}

async fn read(
    office: &Office,
    id: &str,
    reader: &Reader,
    engagement: impl Fn(&Mail) -> Engagement,
) -> Response {
    let actor = match reader.actor.as_deref() {
        None | Some("human") => Actor::Human,
        Some("machine") => Actor::Machine,
        Some(_) => return message(StatusCode::BAD_REQUEST, "actor is human or machine"),
    };
    let mail = match office.mailbox.find(id).await {
        Ok(Some(mail)) => mail,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    match office.report(&mail, &engagement(&mail), actor).await {
        Ok(()) => json_response(StatusCode::ACCEPTED, &json!({ "message": "Queued" })),
        Err(error) => failed(&error),
    }
}

/// A mail as scripts see it.
fn shown(mail: &Mail) -> Value {
    let mut shown = json!(mail);
    shown["links"] = links::of(&mail.text, &mail.html).into();
    shown
}

pub(super) fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "No such mail")
}

pub(super) fn failed(error: &sqlx::Error) -> Response {
    tracing::warn!(%error, "the sandbox's mailbox cannot be read or written");
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}
