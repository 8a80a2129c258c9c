//! `POST /v3/{domain}/messages`, with the checks and the sentences of Mailgun's.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::{StatusCode, header};
use poem::web::{Data, Path};
use poem::{Body, Request, Response, handler};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

use super::form::{Form, Unreadable};
use super::office::{Office, Submission};
use super::outcome::Outcome;
use crate::domain::address::EmailAddress;

/// Recipients of one call.
const MAX_RECIPIENTS: usize = 1000;
/// Bytes of all options, headers and variables.
const MAX_OPTIONS: usize = 16 * 1024;

/// Takes one mail for each recipient. The answer follows the commit.
#[handler]
pub(super) async fn send(
    request: &Request,
    body: Body,
    Path(domain): Path<String>,
    Data(office): Data<&Arc<Office>>,
) -> Response {
    if let Some(refusal) = refused(request, office, &domain) {
        return refusal;
    }
    let form = match Form::read(request, body).await {
        Ok(form) => form,
        Err(Unreadable::TooLarge) => return message(StatusCode::PAYLOAD_TOO_LARGE, "Request is too large"),
        Err(Unreadable::Malformed(reason)) => return message(StatusCode::BAD_REQUEST, &reason),
    };
    let submission = match check(&form, office) {
        Ok(submission) => submission,
        Err(reason) => return message(StatusCode::BAD_REQUEST, &reason),
    };
    match office.take(&submission).await {
        Ok(()) => json_response(
            StatusCode::OK,
            &json!({ "id": format!("<{}>", submission.message_id), "message": "Queued. Thank you." }),
        ),
        Err(error) => {
            tracing::warn!(%error, "the sandbox cannot keep a mail");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// The refusal of a caller without the key, or of an unknown domain: basic authentication as `api` first,
/// in Mailgun's order.
pub(super) fn refused(request: &Request, office: &Office, domain: &str) -> Option<Response> {
    let expected = STANDARD.encode(format!("api:{}", office.settings.api_key.expose_secret()));
    let given = request.header(header::AUTHORIZATION.as_str()).unwrap_or_default();
    let given = given.strip_prefix("Basic ").unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
        return Some(
            Response::builder()
                .status(StatusCode::UNAUTHORIZED)
                .header(header::WWW_AUTHENTICATE, "Basic realm=\"MG API\"")
                .content_type("text/plain")
                .body("Forbidden"),
        );
    }
    (domain != office.settings.domain)
        .then(|| message(StatusCode::NOT_FOUND, &format!("Domain not found: {domain}")))
}

pub(super) fn message(status: StatusCode, text: &str) -> Response {
    json_response(status, &json!({ "message": text }))
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}

fn check(form: &Form, office: &Office) -> Result<Submission, String> {
    let from = form.get("from").ok_or("from parameter is missing")?;
    if form.get("to").is_none() {
        return Err("to parameter is missing".to_owned());
    }
    let (text, html) = (form.get("text"), form.get("html"));
    if text.or(html).or(form.get("amp-html")).or(form.get("template")).is_none() {
        return Err(
            "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified".to_owned()
        );
    }
    if html.is_some() && form.get("template").is_some() {
        return Err("Only one parameters 'html' or 'template' is allowed".to_owned());
    }
    let invalid =
        |field: &str| format!("{field} parameter is not a valid address. please check documentation");
    bare_address(from).ok_or_else(|| invalid("from"))?;
    let recipients = recipients(form).ok_or_else(|| invalid("to"))?;
    if recipients.len() > MAX_RECIPIENTS {
        return Err(format!("Too many recipients, max is {MAX_RECIPIENTS}"));
    }
    if recipients.iter().any(|recipient| Outcome::of(recipient) == Outcome::Refused) {
        return Err(invalid("to"));
    }
    let options = ["o:", "h:", "v:", "t:"].iter().flat_map(|prefix| form.prefixed(prefix));
    if options.map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_OPTIONS {
        return Err(
            "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total".to_owned()
        );
    }
    if form.prefixed("h:").any(|(name, _)| name.is_empty() || !name.is_ascii()) {
        return Err("Header name must be pure ASCII".to_owned());
    }
    let message_id = message_id(form, office);
    let template = form.get("template").map(|name| format!("(template {name})"));
    Ok(Submission {
        headers: headers(form, &message_id),
        message_id,
        recipients,
        from: from.to_owned(),
        subject: form.get("subject").unwrap_or_default().to_owned(),
        text: text.map(str::to_owned).or(template).unwrap_or_default(),
        html: html.unwrap_or_default().to_owned(),
        tags: form.all("o:tag").take(10).map(str::to_owned).collect(),
        variables: form.prefixed("v:").map(|(name, value)| (name.to_owned(), value.into())).collect(),
        is_test: form.is_set("o:testmode"),
    })
}

/// Every recipient once; fields may repeat and hold lists. None if any is no address.
fn recipients(form: &Form) -> Option<Vec<String>> {
    let mut recipients: Vec<String> = Vec::new();
    for field in ["to", "cc", "bcc"] {
        for part in form.all(field).flat_map(|value| value.split(',')).filter(|part| !part.trim().is_empty())
        {
            let address = bare_address(part)?;
            if !recipients.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                recipients.push(address);
            }
        }
    }
    Some(recipients)
}

/// `Name <address>` or the address alone.
fn bare_address(text: &str) -> Option<String> {
    let text = text.trim();
    let address =
        text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text, |(_, inside)| inside);
    // Senders such as `no-reply@localhost` are fine here.
    EmailAddress::parse(address.trim()).ok().map(|address| address.as_str().to_owned())
}

/// Kept only in the form `<id@domain>`; otherwise Mailgun makes its own.
fn message_id(form: &Form, office: &Office) -> String {
    let given = form.prefixed("h:").find(|(name, _)| name.eq_ignore_ascii_case("message-id"));
    let inside = given.and_then(|(_, value)| value.trim().strip_prefix('<')?.strip_suffix('>'));
    let well_formed = |id: &&str| {
        id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
            && !id.contains(|c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>')
    };
    inside.filter(well_formed).map_or_else(
        || {
            let stamp = office.clock.now().format("%Y%m%d%H%M%S");
            format!("{stamp}.1.{}@{}", office.clock.uuid().simple(), office.settings.domain)
        },
        str::to_owned,
    )
}

fn headers(form: &Form, message_id: &str) -> Map<String, Value> {
    let plain = [("From", "from"), ("To", "to"), ("Cc", "cc"), ("Subject", "subject")];
    let mut headers: Map<String, Value> = plain
        .iter()
        .filter_map(|(name, field)| Some(((*name).to_owned(), form.get(field)?.into())))
        .collect();
    for (name, value) in form.prefixed("h:").filter(|(name, _)| !name.eq_ignore_ascii_case("message-id")) {
        headers.insert(name.to_owned(), value.into());
    }
    headers.insert("Message-Id".to_owned(), format!("<{message_id}>").into());
    headers
}
