//! Mailgun's calls about the account: the domain's state, and the webhooks that are registered for it.
//!
//! For an operator's commands only; nothing here is on the way of a mail. Needs an account key: a domain
//! sending key may only send.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::client::{InvalidSettings, MailgunSettings, failure, read_bounded};
use crate::clock::Clock;

const MAX_ANSWER: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(15);
/// URLs that Mailgun keeps for one event type at most.
const MAX_URLS: usize = 3;

/// Every event type that Mailgun has webhooks for, by its names.
pub const EVENT_TYPES: [&str; 8] = [
    "accepted",
    "clicked",
    "complained",
    "delivered",
    "opened",
    "permanent_fail",
    "temporary_fail",
    "unsubscribed",
];

/// The account behind an API key. Cheap to share.
pub struct MailgunAccount {
    domain: String,
    base_url: Url,
    api_key: SecretString,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
}

/// A sending domain as Mailgun sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainState {
    /// `active`, `unverified` or `disabled`.
    pub state: String,
    /// How many seconds Mailgun's clock is ahead of ours, if it told the time.
    pub clock_ahead: Option<i64>,
}

/// What registering came to for one event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It was registered before.
    AsItWas,
    /// There was none for this event type.
    Created,
    /// Added to others.
    Added,
    /// Mailgun takes no more than three URLs; one must be removed there.
    Full,
}

/// Why Mailgun gave no answer that helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// 401 or 403. The other region answers the same way.
    #[error("the key is wrong, belongs to the other region, or may only send")]
    Unauthorised,
    /// 404.
    #[error("the domain is unknown to this account or region")]
    UnknownDomain,
    /// No answer.
    #[error("no answer: {0}")]
    Unreachable(&'static str),
    /// Another status, or an answer that cannot be read.
    #[error("an answer that cannot be used (status {0})")]
    Unexpected(u16),
}

#[derive(Deserialize)]
struct DomainAnswer {
    domain: DomainMember,
}

#[derive(Deserialize)]
struct DomainMember {
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
struct WebhooksAnswer {
    #[serde(default)]
    webhooks: BTreeMap<String, Option<Urls>>,
}

#[derive(Default, Deserialize)]
struct Urls {
    #[serde(default)]
    urls: Vec<String>,
}

impl MailgunAccount {
    /// The account of these settings.
    pub fn new(settings: MailgunSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        if settings.base_url.cannot_be_a_base() {
            return Err(InvalidSettings::BaseUrl);
        }
        let http = reqwest::Client::builder()
            .timeout(settings.timeout.min(TIMEOUT))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("backstamp/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let MailgunSettings { base_url, domain, api_key, .. } = settings;
        Ok(Self { domain, base_url, api_key, http, clock })
    }

    /// How Mailgun sees the sending domain.
    pub async fn domain(&self) -> Result<DomainState, AccountError> {
        let request = self.request(Method::GET, &["v4", "domains", &self.domain]);
        let (date, body) = self.ask(request).await?;
        let answer: DomainAnswer = understand(&body)?;
        let clock_ahead = date.map(|date| (date - self.clock.now()).num_seconds());
        Ok(DomainState { state: answer.domain.state, clock_ahead })
    }

    /// The URLs that are registered, by event type.
    pub async fn webhooks(&self) -> Result<BTreeMap<String, Vec<String>>, AccountError> {
        let request = self.request(Method::GET, &["v3", "domains", &self.domain, "webhooks"]);
        let (_, body) = self.ask(request).await?;
        let answer: WebhooksAnswer = understand(&body)?;
        Ok(answer.webhooks.into_iter().map(|(name, urls)| (name, urls.unwrap_or_default().urls)).collect())
    }

    /// Makes sure that this URL hears of an event type; URLs of others stay. `known` is what
    /// [`Self::webhooks`] answered.
    pub async fn register(
        &self,
        event_type: &str,
        url: &str,
        known: &BTreeMap<String, Vec<String>>,
    ) -> Result<Registered, AccountError> {
        let others = known.get(event_type).map(Vec::as_slice).unwrap_or_default();
        if others.iter().any(|other| other == url) {
            return Ok(Registered::AsItWas);
        }
        if others.len() >= MAX_URLS {
            return Ok(Registered::Full);
        }
        let path = ["v3", "domains", &self.domain, "webhooks"];
        let (request, registered) = if others.is_empty() {
            (self.request(Method::POST, &path).form(&[("id", event_type), ("url", url)]), Registered::Created)
        } else {
            let urls: Vec<_> =
                others.iter().map(String::as_str).chain([url]).map(|url| ("url", url)).collect();
            let path = [&path[..], &[event_type]].concat();
            (self.request(Method::PUT, &path).form(&urls), Registered::Added)
        };
        self.ask(request).await.map(|_| registered)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.request(method, url).basic_auth("api", Some(self.api_key.expose_secret()))
    }

    /// The time that the answer names, and its body.
    async fn ask(&self, request: RequestBuilder) -> Result<(Option<DateTime<Utc>>, Vec<u8>), AccountError> {
        let response = request.send().await.map_err(|error| AccountError::Unreachable(failure(&error)))?;
        let status = response.status();
        let date = response.headers().get("date").and_then(|value| value.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(AccountError::Unauthorised),
            StatusCode::NOT_FOUND => return Err(AccountError::UnknownDomain),
            status => return Err(AccountError::Unexpected(status.as_u16())),
        }
        let body = read_bounded(response, MAX_ANSWER).await;
        body.map(|body| (date, body)).ok_or(AccountError::Unexpected(status.as_u16()))
    }
}

/// A malformed path answers 200 in prose, so only JSON of the right shape counts.
fn understand<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AccountError> {
    serde_json::from_slice(body).map_err(|_| AccountError::Unexpected(StatusCode::OK.as_u16()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{body_string, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::clock::SystemClock;

    const URL: &str = "https://a.example/webhooks/mailgun";
    const ENCODED: &str = "https%3A%2F%2Fa.example%2Fwebhooks%2Fmailgun";

    fn account(server: &MockServer) -> MailgunAccount {
        let settings = MailgunSettings {
            base_url: server.uri().parse().unwrap(),
            domain: "mg.example.test".into(),
            api_key: "key-1".into(),
            timeout: Duration::from_secs(2),
            require_tls: true,
        };
        MailgunAccount::new(settings, Arc::new(SystemClock)).unwrap()
    }

    async fn expect(server: &MockServer, verb: &str, at: &str, body: String) {
        Mock::given(method(verb))
            .and(path(at))
            .and(body_string(body))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "message": "done" })))
            .expect(1)
            .mount(server)
            .await;
    }

    #[tokio::test]
    async fn registering_creates_adds_and_leaves_the_urls_of_others() {
        let server = MockServer::start().await;
        let webhooks = json!({ "webhooks": {
            "delivered": { "urls": ["https://other.example/hook"] },
            "opened": { "urls": [URL] },
            "clicked": null,
            "complained": { "urls": ["https://b.example", "https://c.example", "https://d.example"] },
        }});
        Mock::given(method("GET"))
            .and(path("/v3/domains/mg.example.test/webhooks"))
            .respond_with(ResponseTemplate::new(200).set_body_json(webhooks))
            .mount(&server)
            .await;
        let at = "/v3/domains/mg.example.test/webhooks";
        expect(&server, "POST", at, format!("id=clicked&url={ENCODED}")).await;
        let both = format!("url=https%3A%2F%2Fother.example%2Fhook&url={ENCODED}");
        expect(&server, "PUT", &format!("{at}/delivered"), both).await;
        let account = account(&server);

        let known = account.webhooks().await.unwrap();
        let mut outcomes = Vec::new();
        for event_type in ["delivered", "opened", "clicked", "complained"] {
            outcomes.push(account.register(event_type, URL, &known).await.unwrap());
        }

        use Registered::{Added, AsItWas, Created, Full};
        assert_eq!(outcomes, [Added, AsItWas, Created, Full]);
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_look_at_and_prose_is_no_answer() {
        for (status, body, expected) in [
            (401, "Forbidden", AccountError::Unauthorised),
            (404, "{}", AccountError::UnknownDomain),
            (500, "{}", AccountError::Unexpected(500)),
            (200, "Mailgun Magnificent API", AccountError::Unexpected(200)),
        ] {
            let server = MockServer::start().await;
            Mock::given(path("/v4/domains/mg.example.test"))
                .respond_with(ResponseTemplate::new(status).set_body_string(body))
                .mount(&server)
                .await;

            assert_eq!(account(&server).domain().await, Err(expected), "{status}");
        }
    }

    #[tokio::test]
    async fn the_domain_tells_its_state_and_the_time() {
        let server = MockServer::start().await;
        let date = (SystemClock.now() + chrono::TimeDelta::minutes(10)).to_rfc2822();
        Mock::given(path("/v4/domains/mg.example.test"))
            .respond_with(
                ResponseTemplate::new(200)
                    .insert_header("date", date.as_str())
                    .set_body_json(json!({ "domain": { "state": "active" } })),
            )
            .mount(&server)
            .await;

        let told = account(&server).domain().await.unwrap();

        assert_eq!(told.state, "active");
        assert!(told.clock_ahead.is_some_and(|ahead| (595..=600).contains(&ahead)), "{told:?}");
    }
}
