//! The demo: a database filled through the same doors as any other, so everything that is read agrees.

use std::path::PathBuf;
use std::process::Output;

use backstamp::database::Dialect;
use backstamp::database::scratch::Scratch;
use serde_json::Value;

use crate::support::{Api, Installation, Program, eventually};

struct Demo {
    installation: Installation,
    told: String,
    /// Where it was told, unless in its own folder.
    scratch: Option<Scratch>,
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Demo {
    /// Few mails, told into the database that this suite runs on.
    async fn told(arguments: &[&str]) -> Self {
        let mut installation = Installation::new().await;
        installation.set("BACKSTAMP_MAILGUN_SIGNING_KEY", "");
        let on_postgres = installation.scratch.database.dialect() == Dialect::Postgres;
        let scratch = if on_postgres { Some(Scratch::new().await) } else { None };
        let mut all = vec!["demo", "--no-serve", "--messages", "200"];
        all.extend(arguments);
        if let Some(scratch) = &scratch {
            all.extend(["--into", &scratch.url]);
        }
        let told = text(&installation.run(&all, "").await);
        Self { installation, told, scratch }
    }

    fn url(&self) -> String {
        match &self.scratch {
            Some(scratch) => scratch.url.clone(),
            None => format!("sqlite://{}", self.folder().join("backstamp.db").display()),
        }
    }

    fn folder(&self) -> PathBuf {
        self.installation.folder().join("data/demo")
    }

    /// Served like any other installation.
    async fn served(&mut self) -> Program {
        let url = self.url();
        self.installation.set("BACKSTAMP_DATABASE_URL", &url);
        self.installation.start().await
    }
}

/// The word that follows these on their line.
fn word<'a>(text: &'a str, after: &str) -> &'a str {
    let rest = text.lines().find_map(|line| line.trim_start().strip_prefix(after));
    rest.and_then(|rest| rest.split_whitespace().next()).expect("the line is there")
}

/// Delivery of the last 31 days, by whole days.
async fn delivery(api: &Api, group_by: &str) -> Value {
    use backstamp::clock::{Clock, SystemClock};
    let from = (SystemClock.now() - chrono::TimeDelta::days(32)).format("%Y-%m-%dT00:00:00Z");
    api.ask(&format!("/v1/metrics/delivery?from={from}&interval=day&group_by={group_by}")).await
}

#[tokio::test]
async fn a_demo_fills_every_view_and_the_views_agree() {
    let mut demo = Demo::told(&[]).await;
    let program = demo.served().await;
    let api = &program.api;

    let metrics = delivery(api, "mailbox_provider").await;
    let count = |name: &str| metrics["totals"][name].as_i64().expect("a number");
    assert!((140..280).contains(&count("requested")), "{}", metrics["totals"]);
    for name in ["delivered", "opened", "clicked", "completed", "suppressed", "opens_machine"] {
        assert!(count(name) > 0, "nothing is {name}: {}", metrics["totals"]);
    }
    assert_eq!(
        count("requested"),
        count("suppressed") + count("rejected") + count("sent") + count("not_handed_over")
    );
    assert!(metrics["groups"].as_array().expect("groups").len() >= 5, "{}", metrics["groups"]);
    assert!(metrics["time_to_delivered"]["p50"].as_f64().is_some_and(|p50| (0.5..10.0).contains(&p50)));
    let lists = ["delivered", "bounced", "deferred", "completed"];
    for name in lists {
        let page = api.ask(&format!("/v1/messages?limit=200&flag={name}")).await;
        assert_eq!(page["data"].as_array().expect("rows").len() as i64, count(name), "{name}");
    }
    let webhooks = api.ask("/v1/webhooks?limit=1").await;
    assert_eq!(webhooks["data"][0]["outcome"], "processed");
    let resets = api.ask("/v1/password-resets?limit=5").await;
    assert_eq!(resets["data"].as_array().map(Vec::len), Some(5));

    // What is served sends nothing again and expires nothing twice.
    let events = api.ask("/v1/events?after=0&limit=1").await;
    assert_eq!(events["data"][0]["position"], 1);
    assert_eq!(delivery(api, "mailbox_provider").await["totals"], metrics["totals"]);
    for projection in ["deliveries", "timeline", "resets", "suppressions"] {
        demo.installation.succeed(&["rebuild", projection], "").await;
    }
    let rebuilt = delivery(api, "mailbox_provider").await;
    assert_eq!(rebuilt["totals"], metrics["totals"]);
    assert_eq!(rebuilt["groups"], metrics["groups"]);
}

#[tokio::test]
async fn its_operator_can_log_in_with_the_password_that_was_shown() {
    let mut demo = Demo::told(&[]).await;
    let (address, password) = (word(&demo.told, "log in as"), word(&demo.told, "password"));
    let credentials = serde_json::json!({ "email": address, "password": password });
    let program = demo.served().await;

    let session = program.api.post("/v1/sessions", &credentials).await;

    assert_eq!(session.status, 201, "{}", session.text);
    assert_eq!(session.body["account"]["role"], "admin");
}

#[tokio::test]
async fn the_same_seed_tells_the_same_stories_and_another_one_others() {
    let mut stories = Vec::new();
    for seed in ["5", "5", "6"] {
        let mut demo = Demo::told(&["--seed", seed]).await;
        let program = demo.served().await;
        let metrics = delivery(&program.api, "recipient_domain").await;
        // The last day may have grown between two tellings.
        let days = metrics["series"].as_array().expect("a series");
        stories.push(days[..days.len() - 1].to_vec());
    }

    assert_eq!(stories[0], stories[1]);
    assert_ne!(stories[0], stories[2]);
}

#[tokio::test]
async fn a_demo_touches_nothing_that_is_there_already() {
    let demo = Demo::told(&[]).await;

    let again = match &demo.scratch {
        Some(scratch) => vec!["demo", "--no-serve", "--into", &scratch.url],
        None => vec!["demo", "--no-serve"],
    };
    let output = demo.installation.run(&again, "").await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("already") || told.contains("not empty"), "{told}");

    let used = Installation::new().await;
    used.account("ada@example.test").await;
    let output = used.run(&["demo", "--no-serve", "--into", &used.scratch.url], "").await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("not empty"), "{told}");
}

#[tokio::test]
async fn with_a_real_provider_there_is_no_demo() {
    let (installation, _sandbox) = Installation::with_sandbox().await;

    let output = installation.run(&["demo", "--no-serve"], "").await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("BACKSTAMP_MAIL_PROVIDER=sandbox"), "{told}");
}

#[tokio::test]
async fn it_serves_what_it_has_told() {
    let installation = Installation::new().await;
    let mut child = installation.command(&["demo", "--messages", "50"]);
    let mut child = child.spawn().expect("the binary starts");
    let api = Api::new(format!("http://127.0.0.1:{}", installation.port));

    eventually("the demo is served", async || (api.status("/readyz").await == Some(200)).then_some(())).await;

    assert!(delivery(&api, "template").await["totals"]["requested"].as_i64() > Some(0));
    child.kill().await.expect("it is killed");
}
