//! The server from outside, through poem's test client.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use poem::http::{Method, StatusCode};
use poem::test::{TestClient, TestResponse};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::accounts::{Account, DirectoryError, PasswordChange, PasswordWritten};
use crate::clock::FixedClock;
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;

mod api;
mod edge;
mod pages;

/// One account, `ada@example.test`, at the credential version that its stand-in links carry.
struct OneAccount {
    credential_version: i64,
}

#[async_trait]
impl Directory for OneAccount {
    async fn lookup(&self, _: &EmailAddress) -> Result<Option<Account>, DirectoryError> {
        panic!("nothing is looked up on a public request")
    }

    async fn find(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok(Some(Account {
            id,
            address: EmailAddress::parse("ada@example.test").unwrap(),
            name: None,
            credential_version: self.credential_version,
            disabled: false,
            verified: true,
        }))
    }

    async fn set_password(&self, _: PasswordChange) -> Result<PasswordWritten, DirectoryError> {
        Ok(PasswordWritten::Applied)
    }
}

struct AllReady;

#[async_trait]
impl Readiness for AllReady {
    async fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency { name: "database".into(), ready: true }]
    }
}

fn origin(text: &str) -> url::Origin {
    Url::parse(text).unwrap().origin()
}

fn state(public_url: &str) -> HttpState {
    let public_url = Url::parse(public_url).unwrap();
    let reset_page = public_url.join("reset-password").unwrap();
    HttpState {
        commands: Commands::default(),
        queries: Queries,
        inbox: Inbox,
        directory: Arc::new(OneAccount { credential_version: 1 }),
        hasher: PasswordHasher,
        policy: PasswordPolicy::default(),
        renderer: Renderer::new(&public_url, &reset_page, "Example").unwrap(),
        settings: HttpSettings {
            public_url,
            allowed_redirects: vec![origin("https://app.test")],
            allowed_origins: vec![origin("https://app.test")],
            trusted_proxies: Vec::new(),
            admin_key: Some("bsk_admin".into()),
            answer_deadline_ms: 0,
            csrf_key: [7; 32],
        },
        clock: Arc::new(FixedClock::at(DateTime::UNIX_EPOCH)),
        readiness: Arc::new(AllReady),
        sandbox: None,
    }
}

fn client_of(state: HttpState) -> TestClient<impl Endpoint> {
    TestClient::new(routes(state))
}

fn client() -> TestClient<impl Endpoint> {
    client_of(state("http://127.0.0.1:8080"))
}

/// Status, code and the faults' places of a problem; fails on anything that is none.
async fn problem(response: TestResponse) -> (u16, String, Vec<String>) {
    response.assert_content_type("application/problem+json");
    let header = response.0.header("x-request-id").map(str::to_owned);
    let status = response.0.status().as_u16();
    let body: Value = response.json().await.value().deserialize();
    assert_eq!(body["request_id"].as_str().map(str::to_owned), header);
    assert_eq!(body["status"], status);
    let code = body["code"].as_str().unwrap().to_owned();
    let errors = body["errors"].as_array().unwrap();
    let pointers = errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect();
    (status, code, pointers)
}

fn refusal(status: u16, code: &str, pointers: &[&str]) -> (u16, String, Vec<String>) {
    (status, code.to_owned(), pointers.iter().map(|&pointer| pointer.to_owned()).collect())
}
