//! `GET /v3/{domain}/events`: what has happened so far, in pages. Like Mailgun's, `next` leads on even after
//! the last page, which is empty.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use poem::http::StatusCode;
use poem::web::{Data, Path, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use serde_json::{Value, json};

use super::mailbox::Filter;
use super::mailgun_messages::{json_response, message, refused};
use super::office::Office;

/// The parameters that are understood; others are ignored, as by Mailgun.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Parameters {
    begin: Option<String>,
    end: Option<String>,
    ascending: Option<String>,
    limit: Option<i64>,
    event: Option<String>,
    recipient: Option<String>,
    message_id: Option<String>,
}

#[handler]
pub(super) async fn first_page(
    request: &Request,
    Path(domain): Path<String>,
    Query(parameters): Query<Parameters>,
    Data(office): Data<&Arc<Office>>,
) -> Response {
    if let Some(refusal) = refused(request, office, &domain) {
        return refusal;
    }
    match filter(parameters) {
        Ok(filter) => answer(office, &domain, &filter).await,
        Err(reason) => message(StatusCode::BAD_REQUEST, reason),
    }
}

#[handler]
pub(super) async fn page(
    request: &Request,
    Path((domain, page)): Path<(String, String)>,
    Data(office): Data<&Arc<Office>>,
) -> Response {
    if let Some(refusal) = refused(request, office, &domain) {
        return refusal;
    }
    let filter =
        URL_SAFE_NO_PAD.decode(page).ok().and_then(|json| serde_json::from_slice::<Filter>(&json).ok());
    match filter {
        Some(filter) => answer(office, &domain, &filter).await,
        None => message(StatusCode::NOT_FOUND, "Page not found"),
    }
}

fn filter(parameters: Parameters) -> Result<Filter, &'static str> {
    let instant = |text: Option<String>| text.map(|text| micros(&text).ok_or("invalid date")).transpose();
    let (begin, end) = (instant(parameters.begin)?, instant(parameters.end)?);
    let ascending = parameters.ascending.map(|answer| matches!(answer.as_str(), "yes" | "true"));
    if begin.is_some() && end.is_none() && ascending.is_none() {
        return Err("begin needs end or ascending");
    }
    let (from, to) = (begin.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX));
    Ok(Filter {
        message_id: parameters.message_id,
        recipient: parameters.recipient,
        name: parameters.event,
        from: from.min(to),
        to: from.max(to),
        is_ascending: ascending.unwrap_or(false),
        limit: parameters.limit.unwrap_or(100).clamp(1, 300),
        offset: 0,
    })
}

/// Seconds since the epoch, or RFC 2822.
fn micros(text: &str) -> Option<i64> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..1e11).contains(seconds));
    seconds
        .map(|seconds| (seconds * 1e6) as i64)
        .or_else(|| DateTime::parse_from_rfc2822(text).ok().map(|at| at.timestamp_micros()))
}

async fn answer(office: &Office, domain: &str, filter: &Filter) -> Response {
    // What is planned has not happened yet.
    let until_now = Filter { to: filter.to.min(office.clock.now().timestamp_micros()), ..filter.clone() };
    let events = match office.mailbox.events(&until_now).await {
        Ok(events) => events,
        Err(error) => {
            tracing::warn!(%error, "the sandbox cannot read its events");
            return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        }
    };
    let items: Vec<Value> = events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let url = |offset: i64| {
        let token = json!(Filter { offset, ..filter.clone() }).to_string();
        format!("{}v3/{domain}/events/{}", office.base_url(), URL_SAFE_NO_PAD.encode(token))
    };
    let paging = json!({
        "first": url(0),
        "previous": url(filter.offset.saturating_sub(filter.limit).max(0)),
        "next": url(filter.offset.saturating_add(count)),
        "last": url(filter.offset.saturating_add(count)),
    });
    json_response(StatusCode::OK, &json!({ "items": items, "paging": paging }))
}
