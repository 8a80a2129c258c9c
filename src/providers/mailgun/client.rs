//! Mailgun's messages API, and its events API for what an answer left open.
//!
//! One call is one request: nothing is retried or redirected here, because Mailgun knows no idempotency key.
//! Also the sandbox's client, with another base URL.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::answer::Answer;
use super::event::{delivery_id, without_brackets};
use crate::clock::Clock;
use crate::domain::id::MessageId;
use crate::providers::{Accepted, LookUpError, OutgoingMail, Provider, SendError};

/// A connection that takes longer is given up; the call as a whole has its own limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer to a send is a line; more is not Mailgun's.
const MAX_ANSWER: usize = 64 * 1024;
/// A page of events, each a few kilobytes.
const MAX_PAGE: usize = 4 * 1024 * 1024;
/// Pages of one look-up. It is filtered by one message, so the second is usually empty.
const MAX_PAGES: usize = 10;
/// How far Mailgun's clock may be behind ours.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Where and as whom to send.
#[derive(Debug, Clone)]
pub struct MailgunSettings {
    /// `https://api.mailgun.net`, the EU host, or the sandbox.
    pub base_url: Url,
    /// The sending domain.
    pub domain: String,
    /// An account key, or a domain sending key (which cannot look up).
    pub api_key: SecretString,
    /// Of the whole call, connection and answer included.
    pub timeout: Duration,
    /// Deliver over TLS with a valid certificate or not at all.
    pub require_tls: bool,
}

/// Settings that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    #[error("the base URL cannot have a path")]
    BaseUrl,
    #[error("no HTTP client")]
    Client(#[from] reqwest::Error),
}

/// The client. Cheap to share, keeps its connections.
pub struct Mailgun {
    name: &'static str,
    messages: Url,
    events: Url,
    api_key: SecretString,
    require_tls: bool,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl Mailgun {
    /// A client that calls itself `mailgun` or `sandbox` in events and metrics.
    pub fn new(
        settings: MailgunSettings,
        name: &'static str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidSettings> {
        let endpoint = |resource: &str| {
            let mut url = settings.base_url.clone();
            url.path_segments_mut().map_err(|()| InvalidSettings::BaseUrl)?.pop_if_empty().extend([
                "v3",
                &settings.domain,
                resource,
            ]);
            Ok::<_, InvalidSettings>(url)
        };
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            // Well before the whole call's: only then is it certain that nothing was sent.
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout / 2))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("backstamp/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            name,
            messages: endpoint("messages")?,
            events: endpoint("events")?,
            api_key: settings.api_key,
            require_tls: settings.require_tls,
            http,
            clock,
        })
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth("api", Some(self.api_key.expose_secret()))
    }

    async fn post(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let request = self.authorised(self.http.post(self.messages.clone())).form(&self.form(mail));
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        let status = response.status();
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(Into::into);
        // A refusal stays one when its explanation is cut off; a 200 without its id is sorted as unknown.
        let body = read_bounded(response, MAX_ANSWER).await.unwrap_or_default();
        Answer { status, retry_after, body }.sort(self.clock.now())
    }

    fn form(&self, mail: &OutgoingMail) -> Vec<(&'static str, String)> {
        let yes_or_no = |on: bool| if on { "yes" } else { "no" }.to_owned();
        vec![
            ("from", mail.from.clone()),
            ("to", mail.to.as_str().to_owned()),
            ("subject", mail.subject.clone()),
            ("text", mail.text.clone()),
            ("html", mail.html.clone()),
            ("o:tag", mail.tag.clone()),
            ("o:tracking", yes_or_no(mail.track_opens)),
            ("o:tracking-opens", yes_or_no(mail.track_opens)),
            // A rewritten link would show its token to the provider.
            ("o:tracking-clicks", yes_or_no(false)),
            ("o:require-tls", yes_or_no(self.require_tls)),
            ("h:Auto-Submitted", "auto-generated".to_owned()),
            // Only with brackets does Mailgun keep the id; otherwise it makes its own.
            ("h:Message-Id", format!("<{}>", mail.message_id_header)),
            // Keeps mail clients from folding several mails of one subject into one thread.
            ("h:X-Entity-Ref-ID", mail.message_id.to_string()),
            ("v:delivery_id", mail.message_id.to_string()),
        ]
    }

    fn pages_about(&self, message_id_header: &str, since: DateTime<Utc>) -> Pages<'_> {
        let mut next = self.events.clone();
        next.query_pairs_mut()
            .append_pair("begin", &(since - CLOCK_SKEW).timestamp().to_string())
            .append_pair("ascending", "yes")
            .append_pair("limit", "300")
            .append_pair("message-id", message_id_header);
        Pages { mailgun: self, next: Ok(next), left: MAX_PAGES }
    }

    async fn page(&self, url: Url) -> Result<Page, LookUpError> {
        let unavailable = |reason: String| LookUpError::Unavailable { reason };
        let response = self
            .authorised(self.http.get(url))
            .send()
            .await
            .map_err(|error| unavailable(failure(&error).to_owned()))?;
        match response.status() {
            StatusCode::OK => {}
            // A domain sending key may only send, so its 401 and 403 are answers too.
            status if matches!(status.as_u16(), 401 | 403 | 404 | 405 | 410 | 501) => {
                return Err(LookUpError::Unsupported { reason: format!("status {}", status.as_u16()) });
            }
            status => return Err(unavailable(format!("status {}", status.as_u16()))),
        }
        let body = read_bounded(response, MAX_PAGE).await;
        body.as_deref()
            .and_then(|body| serde_json::from_slice(body).ok())
            .ok_or_else(|| unavailable("an answer that is no page of events".to_owned()))
    }

    /// Where the next page lies. Mailgun hands out whole URLs; our key goes nowhere but to the base URL.
    fn next(&self, page: &Page) -> Result<Url, LookUpError> {
        Url::parse(&page.paging.next)
            .ok()
            .filter(|next| next.origin() == self.events.origin())
            .ok_or_else(|| LookUpError::Unavailable { reason: "the next page lies elsewhere".to_owned() })
    }
}

#[async_trait]
impl Provider for Mailgun {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let started = tokio::time::Instant::now();
        let result = self.post(mail).await;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => {
                tracing::debug!(message_id = %mail.message_id, provider = self.name, elapsed_ms, "mail taken")
            }
            Err(error) => {
                tracing::debug!(message_id = %mail.message_id, provider = self.name, elapsed_ms, %error, "mail not taken");
            }
        }
        result
    }

    async fn find_accepted(
        &self,
        message_id: MessageId,
        message_id_header: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<Accepted>, LookUpError> {
        let mut pages = self.pages_about(message_id_header, since);
        while let Some(items) = pages.next().await? {
            // Any event of ours proves that the message was taken; the filter alone proves nothing.
            if let Some(ours) = items.iter().find(|item| delivery_id(item) == Some(message_id)) {
                return Ok(Some(Accepted::as_message(taken_as(ours, message_id_header))));
            }
        }
        Ok(None)
    }

    async fn events_of(
        &self,
        message_id: MessageId,
        message_id_header: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Map<String, Value>>, LookUpError> {
        let mut pages = self.pages_about(message_id_header, since);
        let mut events = Vec::new();
        while let Some(items) = pages.next().await? {
            events.extend(items.into_iter().filter(|item| delivery_id(item) == Some(message_id)));
        }
        Ok(events)
    }
}

/// The pages of one look-up.
struct Pages<'a> {
    mailgun: &'a Mailgun,
    /// Where the next one lies; a page that nobody asks for may lie anywhere.
    next: Result<Url, LookUpError>,
    left: usize,
}

impl Pages<'_> {
    /// The events of the next page; none after the last one.
    async fn next(&mut self) -> Result<Option<Vec<Map<String, Value>>>, LookUpError> {
        if self.left == 0 {
            return Err(LookUpError::Unavailable { reason: "too many pages".to_owned() });
        }
        self.left -= 1;
        let page = self.mailgun.page(self.next.clone()?).await?;
        if page.items.is_empty() {
            return Ok(None);
        }
        self.next = self.mailgun.next(&page);
        Ok(Some(page.items))
    }
}

/// One page of the events API; `next` is there even after the last one, which is empty.
#[derive(serde::Deserialize)]
struct Page {
    items: Vec<Map<String, Value>>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Default, serde::Deserialize)]
struct Paging {
    #[serde(default)]
    next: String,
}

fn taken_as(event: &Map<String, Value>, message_id_header: &str) -> String {
    let named = || event.get("message")?.get("headers")?.get("message-id")?.as_str();
    named().map(without_brackets).filter(|id| !id.is_empty()).unwrap_or(message_id_header).to_owned()
}

/// A call without an answer. Only what failed before a connection stood was certainly not read by anyone:
/// a time-out of the whole call can fall anywhere.
fn unanswered(error: &reqwest::Error) -> SendError {
    let reason = failure(error).to_owned();
    match error {
        error if error.is_connect() => SendError::NotSent { reason },
        error if error.is_builder() => SendError::Refused { reason },
        _ => SendError::Ambiguous { reason },
    }
}

/// The error's kind; its own text would name the URL.
pub(super) fn failure(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_builder() => "not a valid request",
        error if error.is_connect() && error.is_timeout() => "connecting took too long",
        error if error.is_connect() => "no connection",
        error if error.is_timeout() => "no answer in time",
        _ => "the connection broke",
    }
}

/// The body if it is complete and not longer than allowed.
pub(super) async fn read_bounded(mut response: Response, max: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > max {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

#[cfg(test)]
mod tests;
