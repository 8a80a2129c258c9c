//! The server from outside, through poem's test client, on a scratch database with the real write side and
//! directory. Only time stands still.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account_pages;
mod accounts;
mod administration;
mod api;
mod dashboard;
mod dashboard_lists;
mod dashboard_messages;
mod dashboard_webhooks;
mod edge;
mod events;
mod inbox;
mod keys;
mod operators;
mod pages;
mod parameters;
mod sending;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstamp::accounts::{
    Account, BuiltInDirectory, Directory, FailedLogIns, NewAccount, PasswordHasher, Registrations, Role,
    SessionPolicy, Sessions,
};
use backstamp::api_keys::ApiKeys;
use backstamp::clock::{Clock, FixedClock};
use backstamp::commands::{Commands, Context, LinkPolicies, RequestReset};
use backstamp::config::{BrandConfig, Color, Logo};
use backstamp::database::scratch::Scratch;
use backstamp::dead_letters::DeadLetters;
use backstamp::disclosures::Disclosures;
use backstamp::domain::address::EmailAddress;
use backstamp::domain::id::MessageId;
use backstamp::domain::keys::RootKeys;
use backstamp::domain::password::PasswordPolicy;
use backstamp::domain::password_reset::{PasswordResetCommand, Resetting};
use backstamp::event_log::{EventLog, Keyring, Subscription, Turn};
use backstamp::http::{Dependency, HttpSettings, HttpState, Readiness, Scrape, routes};
use backstamp::idempotency::IdempotencyKeys;
use backstamp::inbox::Inbox;
use backstamp::projections;
use backstamp::providers::mailgun::SigningKeys;
use backstamp::queries::{Feed, Queries, Settings};
use backstamp::rendering::{RenderSettings, Renderer};
use backstamp::telemetry::{Metrics, Standing};
use chrono::{DateTime, TimeDelta};
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, StatusCode};
use poem::test::{TestClient, TestResponse};
use poem::{EndpointExt, Response};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

const LOCAL: &str = "http://127.0.0.1:8080";
const SESSIONS: SessionPolicy = SessionPolicy { idle: TimeDelta::days(7), lifetime: TimeDelta::days(30) };
const GOOD_PASSWORD: &str = "correct horse battery staple";

/// What serving depends on, as a test wants it.
enum TestReadiness {
    Ready,
    Away,
    Panics,
}

#[async_trait]
impl Readiness for TestReadiness {
    async fn dependencies(&self) -> Vec<Dependency> {
        let ready = match self {
            Self::Ready => true,
            Self::Away => false,
            Self::Panics => panic!("secret cause"),
        };
        vec![Dependency { name: "database".into(), ready }]
    }
}

/// Nobody scrapes here; what a scrape says is seen on the running program.
struct NothingStands;

#[async_trait]
impl Scrape for NothingStands {
    async fn scrape(&self) -> String {
        "# EOF\n".into()
    }

    async fn standing(&self) -> Option<Standing> {
        Some(Standing::default())
    }
}

/// A server, and what stands behind it.
struct TestServer {
    client: TestClient<BoxEndpoint<'static, Response>>,
    commands: Commands,
    directory: Arc<BuiltInDirectory>,
    api_keys: ApiKeys,
    hasher: PasswordHasher,
    clock: Arc<FixedClock>,
    log: EventLog,
    inbox: Inbox,
    stop: CancellationToken,
    scratch: Scratch,
}

impl TestServer {
    async fn start() -> Self {
        Self::with(LOCAL, TestReadiness::Ready, |_| ()).await
    }

    async fn with(public_url: &str, readiness: TestReadiness, adjust: fn(&mut HttpSettings)) -> Self {
        Self::with_brand(public_url, readiness, adjust, BrandConfig::default()).await
    }

    async fn branded(brand: BrandConfig) -> Self {
        Self::with_brand(LOCAL, TestReadiness::Ready, |_| (), brand).await
    }

    async fn with_brand(
        public_url: &str,
        readiness: TestReadiness,
        adjust: fn(&mut HttpSettings),
        brand: BrandConfig,
    ) -> Self {
        let scratch = Scratch::new().await;
        let database = scratch.database.clone();
        let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)));
        let roots = RootKeys::new(["a root key of more than 32 characters"]).unwrap();
        let keyring = Keyring::open(&database, &roots, clock.clone()).await.unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let metrics = Metrics::new([]);
        let inbox = Inbox::start(
            database.clone(),
            SigningKeys::new(vec!["a signing key".into()]),
            Duration::from_secs(43_200),
            Arc::new(keyring.clone()),
            clock.clone(),
            metrics.clone(),
            &tasks,
        );
        let index = keyring.index().clone();
        let log = EventLog::start(database.clone(), keyring, clock.clone(), &tasks, CancellationToken::new());
        let commands = Commands::new(log.clone(), clock.clone(), roots, LinkPolicies::default(), 3, tasks);
        let directory = Arc::new(BuiltInDirectory::new(database.clone(), clock.clone()));

        let api_keys = ApiKeys::new(database.clone(), clock.clone());

        let public_url = Url::parse(public_url).unwrap();
        let app = Url::parse("https://app.test").unwrap().origin();
        let renderer = RenderSettings { brand, ..RenderSettings::new(public_url.clone()) };
        let renderer = Renderer::new(&renderer).unwrap();
        let mut settings = HttpSettings {
            public_url,
            allowed_redirects: vec![app.clone()],
            allowed_origins: vec![app],
            trusted_proxies: Vec::new(),
            admin_key: Some("bsk_admin".into()),
            answer_deadline_ms: 0,
            verify_with_password: true,
            mail_provider: "sandbox",
            track_opens: true,
            csrf_key: [7; 32],
        };
        adjust(&mut settings);
        let hasher = PasswordHasher::new(clock.clone());
        let state = HttpState {
            commands: commands.clone(),
            queries: Queries::new(database.clone(), clock.clone(), Settings { is_sandbox: true }),
            feed: Feed::new(log.clone()),
            stop: stop.clone(),
            inbox: inbox.clone(),
            dead_letters: DeadLetters::new(database.clone(), clock.clone()),
            disclosures: Disclosures::new(database.clone(), clock.clone()),
            directory: directory.clone(),
            accounts: directory.as_ref().clone(),
            sessions: Sessions::new(database.clone(), clock.clone(), SESSIONS),
            failed_log_ins: FailedLogIns::new(database.clone(), clock.clone(), index.clone(), 40),
            api_keys: api_keys.clone(),
            registrations: Registrations::new(directory.as_ref().clone()),
            idempotency_keys: IdempotencyKeys::new(database.clone(), index, clock.clone()),
            hasher: hasher.clone(),
            policy: PasswordPolicy::default(),
            renderer,
            settings,
            clock: clock.clone(),
            readiness: Arc::new(readiness),
            metrics,
            scrape: Arc::new(NothingStands),
            sandbox: None,
        };
        let client = TestClient::new(routes(state).boxed());
        Self { client, commands, directory, api_keys, hasher, clock, log, inbox, stop, scratch }
    }

    /// An account with this address.
    async fn account(&self, address: &str) -> Account {
        let new = NewAccount {
            address: EmailAddress::parse(address).unwrap(),
            name: None,
            role: Role::User,
            verified: true,
            password_hash: "none".into(),
        };
        self.directory.add(new).await.unwrap()
    }

    /// An account whose owner knows the password.
    async fn owner(&self, address: &str, verified: bool) -> Account {
        let new = NewAccount {
            address: EmailAddress::parse(address).unwrap(),
            name: Some("Ada".into()),
            role: Role::User,
            verified,
            password_hash: self.hasher.hash(GOOD_PASSWORD.into()).await.unwrap(),
        };
        self.directory.add(new).await.unwrap()
    }

    /// The token that the account's owner would find in the mail.
    async fn mailed_token(&self, account: &Account, redirect_to: Option<&str>) -> String {
        let request = RequestReset {
            email: account.address.clone(),
            locale: None,
            redirect_to: redirect_to.map(str::to_owned),
            browser: None,
            client: format!("the owner of {}", account.id).into(),
        };
        let request_id = self.commands.request_reset(request).await.unwrap().request_id;
        let stream = self.commands.index_key().stream_key(&account.address).to_string();
        let link = PasswordResetCommand::IssueLink {
            request_id,
            message_id: MessageId::from_uuid(self.clock.uuid()),
            account_id: account.id,
            credential_version: account.credential_version,
            salt: [9; 16],
            email: account.address.clone(),
            name: None,
            at: self.clock.now(),
        };
        self.commands.links(&stream, link, Context::caused_by("test")).await.unwrap();
        let resets = self.commands.load_links::<Resetting>(&stream).await.unwrap().aggregate;
        self.commands.token_of(&stream, resets.request(request_id).unwrap()).unwrap().reveal()
    }

    /// Lets every projection catch up with the log.
    async fn follow(&self) {
        for projection in projections::all() {
            let mut subscription = Subscription::new(self.log.clone(), projection);
            while subscription.turn().await.unwrap() == Turn::Advanced {}
        }
    }

    /// With the operator's key.
    async fn ask(&self, path: &str) -> TestResponse {
        self.client.get(path).header("authorization", "Bearer bsk_admin").send().await
    }

    async fn act(&self, path: &str, body: Value) -> TestResponse {
        self.client.post(path).header("authorization", "Bearer bsk_admin").body_json(&body).send().await
    }

    async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.client.post(path).body_json(&body).send().await
    }

    /// A call with a bearer token: a key or a session.
    async fn call(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> TestResponse {
        let request = self.client.request(method, path).header("authorization", format!("Bearer {token}"));
        match body {
            Some(body) => request.body_json(body).send().await,
            None => request.send().await,
        }
    }

    /// The account as the directory has it now.
    async fn reload(&self, account: &Account) -> Account {
        self.directory.find(account.id).await.unwrap().unwrap()
    }
}

/// Status, code and the faults' places of a problem; fails on anything that is none.
async fn problem(response: TestResponse) -> (u16, String, Vec<String>) {
    response.assert_content_type("application/problem+json");
    let header = response.0.header("x-request-id").map(str::to_owned);
    let status = response.0.status().as_u16();
    let body: Value = response.json().await.value().deserialize();
    assert_eq!(body["request_id"].as_str().map(str::to_owned), header);
    assert_eq!(body["status"], status);
    assert!(["type", "title", "detail"].iter().all(|member| body[member].is_string()), "{body}");
    let code = body["code"].as_str().unwrap().to_owned();
    let errors = body["errors"].as_array().unwrap();
    let pointers = errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect();
    (status, code, pointers)
}

fn refusal(status: u16, code: &str, pointers: &[&str]) -> (u16, String, Vec<String>) {
    (status, code.to_owned(), pointers.iter().map(|&pointer| pointer.to_owned()).collect())
}
