//! The mail itself, in a frame of its own that can do nothing: no script, nothing from elsewhere, no link that works.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};

use super::super::super::problem::{Code, Problem};
use super::super::desk::Desk;
use super::id;
use crate::domain::message::Requested;
use crate::rendering::Mail;

/// Mails style themselves. `sandbox` holds also where the page is opened by itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'self'; sandbox";

/// The mail, or with `part=text` its text.
pub async fn show(desk: Desk, request: Request) -> Result<Response, Problem> {
    let loaded = desk.state().commands.load_message(id(&request)?).await.map_err(super::unavailable)?;
    let requested = loaded.aggregate.request().ok_or_else(|| Problem::new(Code::NotFound))?;
    let answer = Response::builder().status(StatusCode::OK);
    let is_text = desk.visit.parameter("part") == Some("text");
    let (media_type, body) = match (made(&desk, requested), is_text) {
        (Ok(mail), true) => ("text/plain; charset=utf-8", format!("{}\n\n{}", mail.subject, mail.text)),
        (Ok(mail), false) => ("text/html; charset=utf-8", mail.html),
        (Err(why), _) => ("text/plain; charset=utf-8", format!("{why}\n")),
    };
    let mut answer = answer.content_type(media_type).body(body);
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(answer)
}

/// The mail, or why it cannot be shown.
fn made(desk: &Desk, requested: &Requested) -> Result<Mail, &'static str> {
    let data = requested.data.known().ok_or("What the mail said was erased.")?;
    let made = desk.state().renderer.masked(&requested.template, requested.locale.as_deref(), data);
    made.map_err(|error| {
        tracing::warn!(%error, "a mail cannot be shown again");
        "The mail cannot be made from the templates of today. The log says why."
    })
}
