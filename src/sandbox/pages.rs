//! The mailbox to look at. No script; every value escaped; a mail's own HTML only in a frame without rights.

use std::fmt::Display;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::http::{StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;

use super::Surroundings;
use super::event::{Actor, Engagement};
use super::inspection::{failed, not_found};
use super::links;
use super::mailbox::Mail;
use super::office::Office;
use super::outcome::Outcome;
use crate::rendering::escaped;

/// Mails on one page.
const SHOWN: i64 = 200;
/// For the mail's own HTML: it may look as it likes, and do nothing.
pub(super) const FRAME_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
    style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// From the mailbox to where its mails come from.
const WAYS: &str = r#"<nav class="ways" aria-label="The program"><a href="/register">Create an account</a>
<a href="/login">Sign in</a> <a href="/forgot-password">Forgot the password</a> <a href="/dashboard">Dashboard</a>
<a href="/docs">API</a> <a href="/sandbox/templates">How mails look</a></nav>
"#;

#[derive(Deserialize)]
struct Search {
    to: Option<String>,
}

/// The list, newest first.
#[handler]
pub(super) async fn mailbox(
    Query(search): Query<Search>,
    Data(office): Data<&Arc<Office>>,
    Data(surroundings): Data<&Surroundings>,
) -> Response {
    let to = search.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
    let mails = match office.mailbox.list(to, SHOWN).await {
        Ok(mails) => mails,
        Err(error) => return failed(&error),
    };
    let mut rows = String::new();
    for mail in &mails {
        let outcome = match outcome(office, mail).await {
            Ok(outcome) => outcome,
            Err(error) => return failed(&error),
        };
        let _ = write!(
            rows,
            r#"<li><a href="/sandbox/messages/{id}"><strong>{subject}</strong><span>{to}</span>{outcome}{time}</a></li>"#,
            id = escaped(&mail.id),
            subject = escaped(subject(mail)),
            to = escaped(&mail.to),
            time = time(mail.received_at),
        );
    }
    let list = if mails.is_empty() {
        "<p class=\"empty\">No mail here. Sign up, or ask for a password reset, and look again.</p>"
            .to_owned()
    } else {
        format!("<ol class=\"mails\">{rows}</ol>")
    };
    page(
        "Sandbox mailbox",
        &format!(
            r#"{ways}<form class="search" action="/sandbox"><label for="to">Recipient</label>
<input id="to" name="to" type="search" value="{to}"><button>Filter</button></form>
{list}
<form method="post" action="/sandbox/clear"><button class="quiet">Empty the mailbox</button></form>"#,
            ways = if *surroundings == Surroundings::Program { WAYS } else { "" },
            to = escaped(to.unwrap_or_default()),
        ),
    )
}

/// One mail. Looking at it is opening it.
#[handler]
pub(super) async fn message(Path(id): Path<String>, Data(office): Data<&Arc<Office>>) -> Response {
    let mail = match office.mailbox.find(&id).await {
        Ok(Some(mail)) => mail,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    if let Err(error) = office.report(&mail, &Engagement::Opened, Actor::Human).await {
        return failed(&error);
    }
    let outcome = match outcome(office, &mail).await {
        Ok(outcome) => outcome,
        Err(error) => return failed(&error),
    };
    let id = escaped(&mail.id);
    let mut link_list = String::new();
    for (index, link) in links::of(&mail.text, &mail.html).iter().enumerate() {
        let _ = write!(
            link_list,
            r#"<li><a href="/sandbox/messages/{id}/links/{index}" rel="noreferrer">{}</a></li>"#,
            escaped(link)
        );
    }
    let mut headers = String::new();
    for (name, value) in &mail.headers {
        let value = escaped(value.as_str().unwrap_or_default());
        let _ = write!(headers, "<dt>{}</dt><dd>{value}</dd>", escaped(name));
    }
    page(
        subject(&mail),
        &format!(
            r#"<p><a href="/sandbox">All mail</a></p>
<h2>{subject}</h2>
<p class="envelope">to {to} {outcome} {time}</p>
<iframe title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/sandbox/messages/{id}/html"></iframe>
<h3>Links</h3><ul class="links">{link_list}</ul>
<h3>Text</h3><pre>{text}</pre>
<h3>Headers</h3><dl>{headers}</dl>"#,
            subject = escaped(subject(&mail)),
            to = escaped(&mail.to),
            time = time(mail.received_at),
            text = escaped(&mail.text),
        ),
    )
}

/// The mail's own HTML, for the frame.
#[handler]
pub(super) async fn html(Path(id): Path<String>, Data(office): Data<&Arc<Office>>) -> Response {
    match office.mailbox.find(&id).await {
        Ok(Some(mail)) => {
            let links = links::of(&mail.text, &mail.html);
            let redirect = |index| format!("/sandbox/messages/{}/links/{index}", escaped(&mail.id));
            Response::builder()
                .content_type("text/html; charset=utf-8")
                .header(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)
                .body(links::led_through(&mail.html, &links, redirect))
        }
        Ok(None) => not_found(),
        Err(error) => failed(&error),
    }
}

/// Follows a link of a mail, as a click.
#[handler]
pub(super) async fn follow(
    Path((id, index)): Path<(String, usize)>,
    Data(office): Data<&Arc<Office>>,
) -> Response {
    let mail = match office.mailbox.find(&id).await {
        Ok(Some(mail)) => mail,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    let Some(link) = links::of(&mail.text, &mail.html).into_iter().nth(index) else { return not_found() };
    if let Err(error) = office.report(&mail, &Engagement::Clicked(Some(link.clone())), Actor::Human).await {
        return failed(&error);
    }
    // Reparsed, so that what goes into the header is a URL's ASCII form.
    match url::Url::parse(&link) {
        Ok(url) => see_other(url.as_str()),
        Err(_) => not_found(),
    }
}

/// Empties the mailbox.
#[handler]
pub(super) async fn clear(Data(office): Data<&Arc<Office>>) -> Response {
    match office.mailbox.clear().await {
        Ok(()) => see_other("/sandbox"),
        Err(error) => failed(&error),
    }
}

#[handler]
pub(super) fn style() -> Response {
    Response::builder().content_type("text/css; charset=utf-8").body(include_str!("style.css"))
}

fn see_other(target: &str) -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, target).finish()
}

pub(super) fn page(title: &str, main: &str) -> Response {
    Response::builder().content_type("text/html; charset=utf-8").body(format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/sandbox/style.css">
</head>
<body>
<header><h1><a href="/sandbox">Sandbox mailbox</a></h1><p>Nothing here has left this machine.</p></header>
<main>
{main}
</main>
</body>
</html>
"#,
        title = escaped(title)
    ))
}

fn subject(mail: &Mail) -> &str {
    if mail.subject.is_empty() { "(no subject)" } else { &mail.subject }
}

/// What has become of a mail by now: one that is deferred is delivered in the end.
async fn outcome(office: &Office, mail: &Mail) -> Result<String, sqlx::Error> {
    let mut word = mail.outcome.as_str();
    if word == Outcome::Deferred.name() {
        let delivered_at = office.mailbox.delivered_at(&mail.id).await?;
        if delivered_at.is_some_and(|at| at <= office.clock.now()) {
            word = Outcome::Delivered.name();
        }
    }
    Ok(format!(r#"<span class="outcome {0}">{0}</span>"#, escaped(word)))
}

fn time(at: DateTime<Utc>) -> impl Display {
    format!(r#"<time datetime="{}">{}</time>"#, at.to_rfc3339(), at.format("%Y-%m-%d %H:%M:%S UTC"))
}
