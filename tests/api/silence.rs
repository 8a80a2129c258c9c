//! Mails of which no webhook tells: what the provider knows of them is found and filled in, and a webhook that comes
//! after all changes nothing.

use reqwest::Method;
use serde_json::Value;

use crate::support::installation::ADMIN_KEY;
use crate::support::webhook::Signature;
use crate::support::{Answer, Api, Installation, eventually};

/// The sandbox delivers it and posts nothing.
const UNREPORTED: &str = "unreported@example.test";

async fn reports(api: &Api) -> Vec<Value> {
    let listed = api.ask("/v1/webhooks?source=events_api&outcome=processed").await;
    listed["data"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn a_delivery_that_no_webhook_told_of_is_found_and_marked_and_counts_once() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_SILENT_AFTER", "1");
    let program = installation.start().await;
    installation.account(UNREPORTED).await;
    let request_id = program.api.request_reset(UNREPORTED).await;

    let kinds = async || program.api.kinds(&request_id).await;
    let found = async || kinds().await.iter().any(|kind| kind == "delivered").then_some(());
    eventually("the delivery is found", found).await;
    let timeline = program.api.ask(&format!("/v1/password-resets/{request_id}/timeline")).await;
    let report = eventually("the report is settled", async || reports(&program.api).await.pop()).await;
    let before = kinds().await;
    let path = format!("/v1/webhooks/{}/reveal", report["id"].as_str().expect("an id"));
    let shown = program.api.request(Method::POST, &path).bearer_auth(ADMIN_KEY);
    let shown = Answer::of(shown).await.expect("the server answers").body;
    let body: Value = serde_json::from_str(shown["body"].as_str().expect("a body")).expect("JSON");
    let late = Signature::fresh().over(&body["event-data"]);
    assert_eq!(program.api.post("/webhooks/mailgun", &late).await.status, 200);
    eventually("the late webhook is settled", async || {
        let all = program.api.ask("/v1/webhooks?source=webhook&outcome=processed").await;
        (all["data"].as_array().expect("rows").len() == 1).then_some(())
    })
    .await;

    let entries = timeline["data"].as_array().expect("entries");
    let delivered = entries.iter().find(|entry| entry["kind"] == "delivered").expect("it was delivered");
    assert_eq!(delivered["source"], "events_api");
    assert_eq!(kinds().await, before, "the late webhook had no second effect");
    let metrics = program.api.ask("/v1/metrics/delivery").await;
    assert_eq!((&metrics["totals"]["delivered"], &metrics["totals"]["in_flight"]), (&1.into(), &0.into()));
}
