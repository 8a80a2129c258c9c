//! `backstamp doctor` and `backstamp webhooks register`, against the running program and a Mailgun that is
//! played by a mock.

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::Installation;

fn verdict<'a>(report: &'a Value, check: &str) -> &'a str {
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["check"] == check);
    finding.and_then(|finding| finding["verdict"].as_str()).unwrap_or("not looked at")
}

async fn examine(installation: &Installation) -> (bool, Value) {
    let output = installation.run(&["doctor", "--json"], "").await;
    let report = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    (output.status.success(), report)
}

#[tokio::test]
async fn a_running_sandbox_is_well_and_one_that_stands_still_is_not() {
    let installation = Installation::new().await;
    let program = installation.start().await;

    let (is_well, running) = examine(&installation).await;
    program.terminate().await;
    let (still_well, stopped) = examine(&installation).await;

    assert!(is_well && running["healthy"] == true, "{running:#}");
    assert_eq!(verdict(&running, "reachable"), "good");
    assert!(!still_well && stopped["healthy"] == false, "{stopped:#}");
    assert_eq!(verdict(&stopped, "reachable"), "failed");
    assert_eq!(verdict(&stopped, "database"), "good");
}

#[tokio::test]
async fn a_faulty_setting_is_told_and_nothing_else_is_looked_at() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_TTL", "soon");

    let (is_well, report) = examine(&installation).await;

    assert!(!is_well);
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "{report:#}");
    assert!(report["findings"][0]["told"].as_str().is_some_and(|told| told.contains("BACKSTAMP_RESET_TTL")));
}

#[tokio::test]
async fn registering_tells_mailgun_of_every_event_type_and_doctor_sees_what_is_missing() {
    let mailgun = MockServer::start().await;
    let webhooks = json!({ "webhooks": { "delivered": { "urls": ["https://a.example/webhooks/mailgun"] } } });
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    Mock::given(method("GET"))
        .and(path("/v3/domains/mail.test/webhooks"))
        .respond_with(answer(webhooks))
        .mount(&mailgun)
        .await;
    Mock::given(method("GET"))
        .and(path("/v4/domains/mail.test"))
        .respond_with(answer(json!({ "domain": { "state": "active" } })))
        .mount(&mailgun)
        .await;
    Mock::given(method("POST"))
        .and(path("/v3/domains/mail.test/webhooks"))
        .respond_with(answer(json!({ "message": "Webhook has been created" })))
        .expect(7)
        .mount(&mailgun)
        .await;
    let mut installation = Installation::new().await;
    installation
        .set("BACKSTAMP_MAIL_PROVIDER", "mailgun")
        .set("BACKSTAMP_MAILGUN_DOMAIN", "mail.test")
        .set("BACKSTAMP_MAILGUN_API_KEY", "key-of-the-account")
        .set("BACKSTAMP_MAILGUN_BASE_URL", &mailgun.uri());
    let register = ["webhooks", "register", "--url", "https://a.example/webhooks/mailgun"];

    let registered = installation.run(&register, "").await;
    let unreachable = installation.run(&["webhooks", "register"], "").await;
    installation.succeed(&["migrate"], "").await;
    let (is_well, report) = examine(&installation).await;

    let told = String::from_utf8_lossy(&registered.stdout);
    assert!(registered.status.success(), "{told}");
    assert!(told.contains("delivered       registered already"), "{told}");
    assert!(!unreachable.status.success(), "Mailgun cannot reach this machine");
    assert!(String::from_utf8_lossy(&unreachable.stderr).contains("--url"));
    assert!(!is_well);
    assert_eq!(
        (verdict(&report, "provider"), verdict(&report, "webhooks")),
        ("good", "failed"),
        "{report:#}"
    );
    assert!(!report.to_string().contains("key-of-the-account"));
}
