//! Why mails do not arrive: from what a server says, over the webhook, to what an operator reads.

use std::collections::BTreeMap;

use crate::support::{Installation, eventually};

const CATEGORIES: [&str; 20] = [
    "invalid_recipient",
    "inactive_recipient",
    "invalid_domain",
    "mailbox_full",
    "message_too_large",
    "spam_content",
    "content_rejected",
    "blocklisted",
    "reputation_block",
    "rate_limited",
    "greylisted",
    "auth_failed",
    "sender_dns_invalid",
    "relay_denied",
    "policy_refused",
    "protocol_error",
    "server_error",
    "unreachable",
    "suppressed",
    "unclassified",
];

#[tokio::test]
async fn every_category_is_reached_by_a_webhook_and_told_with_advice_and_samples() {
    let installation = Installation::new().await;
    for category in CATEGORIES {
        installation.account(&format!("bounce+{category}@example.test")).await;
    }
    let program = installation.start().await;
    let api = &program.api;

    for category in CATEGORIES {
        api.request_reset(&format!("bounce+{category}@example.test")).await;
    }

    let metrics = eventually("every category is counted", async || {
        let metrics = api.ask("/v1/metrics/bounces").await;
        let counted = metrics["categories"].as_array()?.len();
        (counted == CATEGORIES.len()).then_some(metrics)
    })
    .await;
    let categories = metrics["categories"].as_array().expect("a list");
    let counts: BTreeMap<_, _> = categories
        .iter()
        .map(|told| (told["category"].as_str().unwrap_or_default(), &told["count"]))
        .collect();
    assert!(CATEGORIES.iter().all(|category| *counts[category] == 1), "{counts:?}");
    let critical: Vec<bool> = categories.iter().map(|told| told["critical"] == true).collect();
    assert!(critical.is_sorted_by(|a, b| a >= b), "the critical ones come first");
    for told in categories {
        assert!(!told["advice"].as_str().unwrap_or_default().is_empty(), "{told}");
        assert!(told["samples"][0]["normalized"].is_string(), "{told}");
        assert!(told["share"].as_f64().is_some_and(|share| (share - 0.05).abs() < 0.001), "{told}");
    }
    assert!(!metrics.to_string().contains("@example.test"), "no sample names anyone");
}

#[tokio::test]
async fn the_timeline_says_why_and_what_to_do() {
    let installation = Installation::new().await;
    installation.account("bounce+blocklisted@example.test").await;
    let program = installation.start().await;

    program.api.request_reset("bounce+blocklisted@example.test").await;

    let told = eventually("the bounce is told", async || {
        let messages = program.api.ask("/v1/messages?outcome=bounced").await;
        let id = messages["data"][0]["id"].as_str()?.to_owned();
        let timeline = program.api.ask(&format!("/v1/messages/{id}/timeline")).await;
        timeline["data"].as_array()?.iter().find(|entry| entry["kind"] == "bounced").cloned()
    })
    .await;
    let meta = &told["meta"];
    assert_eq!((meta["category"].as_str(), meta["critical"].as_bool()), (Some("blocklisted"), Some(true)));
    assert!(meta["rule"].is_string() && meta["advice"].is_string() && meta["explanation"].is_string());
}

#[tokio::test]
async fn changed_rules_give_old_failures_new_reasons_once_the_read_models_are_built_anew() {
    const FULL: &str = "bounce+mailbox_full@example.test";
    let mut installation = Installation::new().await;
    installation.account(FULL).await;
    let program = installation.start().await;
    program.api.request_reset(FULL).await;
    let path = format!("/v1/messages?recipient={}", FULL.replace('+', "%2B"));
    let before = eventually("the bounce is told", async || {
        let mut body = program.api.ask(&path).await;
        let message = body["data"].get_mut(0)?.take();
        (message["outcome"] == "bounced").then_some(message)
    })
    .await;
    assert_eq!(before["bounce"]["category"], "mailbox_full");
    program.terminate().await;
    let folder = tempfile::tempdir().expect("a folder is made");
    let rules = folder.path().join("own.toml");
    installation.set("BACKSTAMP_BOUNCE_RULES", &rules.display().to_string());

    std::fs::write(&rules, "[[rule]]\nid = \"own.1\"\ncategory = \"full\"\n").expect("a file is written");
    let refused = installation.run(&[], "").await;
    std::fs::write(
        &rules,
        "[[rule]]\nid = \"own.1\"\ncategory = \"policy_refused\"\nsays = [\"quota\", \"storage space\"]\n",
    )
    .expect("a file is written");
    installation.succeed(&["rebuild"], "").await;
    let program = installation.start().await;

    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("own.toml, line 3"), "{told}");
    let after = program.api.ask(&path).await["data"][0].take();
    assert_eq!(after["bounce"]["category"], "policy_refused");
    let metrics = program.api.ask("/v1/metrics/bounces").await;
    assert_eq!(metrics["categories"][0]["category"], "policy_refused", "{metrics}");
    let id = after["id"].as_str().expect("an id");
    let timeline = program.api.ask(&format!("/v1/messages/{id}/timeline")).await;
    let entries = timeline["data"].as_array().expect("a list");
    let bounced = entries.iter().find(|entry| entry["kind"] == "bounced").expect("a bounce");
    assert_eq!(
        (&bounced["meta"]["category"], &bounced["meta"]["rule"]),
        (&"policy_refused".into(), &"own.1".into())
    );
}
