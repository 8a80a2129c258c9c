//! A client of the HTTP interface: no proxy, no redirects, no connection that outlives a killed server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::{Value, json};

use super::installation::ADMIN_KEY;

/// One server.
#[derive(Clone)]
pub struct Api {
    http: Client,
    pub base: String,
}

/// What it said.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null if it was not JSON.
    pub body: Value,
}

impl Api {
    pub fn new(base: impl Into<String>) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(40))
            .build()
            .expect("a client is built");
        Self { http, base: base.into() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Answers an error when the server is not there.
    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.expect("the server answers")
    }

    /// Posts bytes as they are.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        Answer::of(request.body(body)).await.expect("the server answers")
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await.expect("the server answers")
    }

    /// With the operator's key; the answer must be a good one.
    pub async fn ask(&self, path: &str) -> Value {
        let answer = Answer::of(self.request(Method::GET, path).bearer_auth(ADMIN_KEY)).await;
        let answer = answer.expect("the server answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.body
    }

    pub async fn status(&self, path: &str) -> Option<u16> {
        let answer = Answer::of(self.request(Method::GET, path).timeout(Duration::from_secs(5))).await;
        answer.ok().map(|answer| answer.status)
    }

    /// Asks for a reset; answers the request's id.
    pub async fn request_reset(&self, email: &str) -> String {
        let answer = self.post("/v1/password-resets", &json!({ "email": email })).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.body["request_id"].as_str().expect("an id").to_owned()
    }

    pub async fn inspect(&self, token: &str) -> Answer {
        self.post("/v1/password-resets/inspect", &json!({ "token": token })).await
    }

    pub async fn confirm(&self, token: &str, password: &str) -> Answer {
        self.post("/v1/password-resets/confirm", &json!({ "token": token, "new_password": password })).await
    }

    /// The kinds of a reset's events, in order; none as long as it is unknown.
    pub async fn kinds(&self, request_id: &str) -> Vec<String> {
        let entries = self.timeline(request_id).await;
        entries.iter().filter_map(|entry| entry["kind"].as_str()).map(str::to_owned).collect()
    }

    /// When an event of this kind happened to a reset.
    pub async fn happened_at(&self, request_id: &str, kind: &str) -> Option<DateTime<Utc>> {
        let entries = self.timeline(request_id).await;
        let entry = entries.iter().find(|entry| entry["kind"] == kind)?;
        entry["at"].as_str()?.parse().ok()
    }

    async fn timeline(&self, request_id: &str) -> Vec<Value> {
        let path = format!("/v1/password-resets/{request_id}/timeline");
        let request = self.request(Method::GET, &path).bearer_auth(ADMIN_KEY);
        let answer = Answer::of(request).await.expect("the server answers");
        answer.body["data"].as_array().cloned().unwrap_or_default()
    }
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { status, headers, text, body })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The status and the code of a problem.
    pub fn problem(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Where the faults are.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }
}
