//! chromedriver as a process of its own, and the browser that it starts. Both end with the test, also when it
//! fails.

use std::process::Stdio;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::{ParseError, Url};

const HINT: &str = "scripts/browser installs it (Debian: chromium and chromium-driver)";
/// No network but ours, nothing kept, nothing asked at the first start.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// One browser with a profile that nobody has used.
pub struct Driver {
    pub client: Client,
    browser: Option<u64>,
    _process: Child,
    // Closed, chromedriver could not write.
    _told: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

impl Driver {
    pub async fn start(language: &str) -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}): {HINT}"));
        let mut told = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let port = port(&mut told).await;

        let profile = tempfile::tempdir().expect("a folder is made");
        let mut flags: Vec<_> = FLAGS.map(str::to_owned).into();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({
            "goog:chromeOptions": {
                "args": flags,
                "prefs": {"intl.accept_languages": language, "credentials_enable_service": false},
            },
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let wanted: Capabilities = wanted.as_object().expect("an object").clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("chromium does not start ({error}): {HINT}"));
        let browser = client.capabilities().and_then(|given| given.get("goog:processID")?.as_u64());
        Self { client, browser, _process: process, _told: told, _profile: profile }
    }

    /// A command of Chrome's own protocol.
    pub async fn chrome(&self, command: &str, parameters: Value) -> Value {
        self.ask("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// What the browser has told on its console since the last time.
    pub async fn console(&self) -> Vec<Value> {
        let entries = self.ask("se/log", json!({"type": "browser"})).await;
        entries.as_array().cloned().unwrap_or_default()
    }

    async fn ask(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Extension { path, body }).await.expect("chromedriver answers")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // chromedriver is killed with its handle; its browser would live on.
        if let Some(id) = self.browser {
            let _ = std::process::Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    }
}

async fn port(told: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    while let Some(line) = told.next_line().await.expect("chromedriver can be read") {
        if let Some((_, rest)) = line.split_once("started successfully on port ") {
            return rest.trim_end_matches('.').parse().expect("a port");
        }
    }
    panic!("chromedriver has ended before it listened: {HINT}")
}

/// A command that WebDriver has no name for.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
