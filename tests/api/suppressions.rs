//! Addresses that get less mail: from the bounce to the mail that is held back, and back again.

use backstamp::clock::{Clock, SystemClock};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::webhook::{Signature, event, event_of};
use crate::support::{ADMIN_KEY, Answer, Api, Installation, Mail, Program, eventually, tables};

const OWNER: &str = "owner@example.test";

async fn call(api: &Api, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = api.request(method, path).bearer_auth(ADMIN_KEY);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    Answer::of(request).await.expect("the server answers")
}

/// What holds mail back from an address.
async fn listed(api: &Api, address: &str, status: &str) -> Vec<Value> {
    let list = api.ask(&format!("/v1/suppressions?recipient={address}&status={status}")).await;
    list["data"].as_array().cloned().expect("entries")
}

async fn until_listed(api: &Api, address: &str, status: &str) -> Value {
    eventually("it is in the list", async || listed(api, address, status).await.into_iter().next()).await
}

async fn tell(api: &Api, event: &Value) {
    assert_eq!(api.post("/webhooks/mailgun", &Signature::fresh().over(event)).await.status, 200);
}

/// Sends one mail of the kind that services send to lists.
async fn send_bulk(api: &Api, to: &str) -> (String, String) {
    let body = json!({ "template": "password-changed", "to": [to], "data": { "changed_at": "2026-01-05T10:00:00Z" } });
    let sent = call(api, Method::POST, "/v1/messages", Some(body)).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    let message = &sent.body["messages"][0];
    let text = |member: &str| message[member].as_str().expect("a text").to_owned();
    (text("id"), text("status"))
}

/// Waits until the mail was not sent because of its recipient; tells the entry of its timeline.
async fn until_suppressed(api: &Api, message_id: &str) -> Value {
    eventually("the mail is held back", async || {
        let path = format!("/v1/messages/{message_id}/timeline");
        let answer = call(api, Method::GET, &path, None).await;
        let entries = answer.body["data"].as_array().cloned().unwrap_or_default();
        entries.into_iter().find(|entry| entry["kind"] == "suppressed")
    })
    .await
}

#[tokio::test]
async fn a_hard_bounce_suppresses_its_address_for_every_mail_and_public_answers_stay_the_same() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    let api = &program.api;
    installation.account("bounce@example.test").await;
    api.request_reset("bounce@example.test").await;

    let entry = until_listed(api, "bounce@example.test", "active").await;

    assert_eq!(
        (&entry["reason"], &entry["blocks"], &entry["bounce_category"], &entry["added_by"]),
        (&json!("hard_bounce"), &json!("everything"), &json!("invalid_recipient"), &json!("provider")),
        "{entry}"
    );
    assert_eq!(entry["recipient"], "b***@e***.test");
    assert!(entry["message_id"].as_str().is_some_and(|id| id.starts_with("msg_")), "{entry}");
    let asked = api.post("/v1/password-resets", &json!({ "email": "bounce@example.test" })).await;
    assert_eq!((asked.status, &asked.body["status"]), (202, &json!("accepted")));
    let request_id = asked.body["request_id"].as_str().expect("an id");
    eventually("the second mail is held back", async || {
        api.kinds(request_id).await.contains(&"suppressed".to_owned()).then_some(())
    })
    .await;
    let (message_id, status) = send_bulk(api, "Bounce@example.test").await;
    assert_eq!(status, "suppressed");
    let told = until_suppressed(api, &message_id).await;
    assert_eq!((&told["meta"]["by"], &told["meta"]["reason"]), (&json!("us"), &json!("bounce")), "{told}");
    assert_eq!(program.mailbox.mails("bounce@example.test").await.len(), 1);
    eventually("they are counted", async || {
        let totals = api.ask("/v1/metrics/delivery").await["totals"].clone();
        (totals["requested"] == 3 && totals["suppressed"] == 2 && totals["bounced"] == 1).then_some(())
    })
    .await;
}

/// A reset's mail that its owner holds.
async fn mailed(installation: &Installation, program: &Program) -> (Mail, String) {
    installation.account(OWNER).await;
    program.api.request_reset(OWNER).await;
    program.mailbox.receive_link(OWNER).await
}

#[tokio::test]
async fn a_complaint_holds_back_what_services_send_and_never_the_way_into_the_account() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    let api = &program.api;
    let (mail, _) = mailed(&installation, &program).await;

    for kind in ["complained", "unsubscribed", "complained"] {
        tell(api, &event_of(&mail, kind)).await;
    }
    let reasons = eventually("both are listed", async || {
        let entries = listed(api, OWNER, "active").await;
        (entries.len() == 2).then_some(entries)
    })
    .await;

    assert!(reasons.iter().all(|entry| entry["blocks"] == "bulk"), "{reasons:?}");
    assert_eq!(send_bulk(api, OWNER).await.1, "suppressed");
    api.request_reset(OWNER).await;
    eventually("the second link is mailed", async || {
        (program.mailbox.mails(OWNER).await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_operator_adds_and_lifts_by_address_or_by_entry() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let api = &program.api;
    let add = async |body: Value| call(api, Method::POST, "/v1/suppressions", Some(body)).await;
    let lift = async |what: &str| call(api, Method::DELETE, &format!("/v1/suppressions/{what}"), None).await;

    let added = add(json!({ "address": "Ada+news@example.test", "blocks": "bulk" })).await;
    let again = add(json!({ "address": "ada+news@EXAMPLE.test", "blocks": "bulk" })).await;
    let wider = add(json!({ "address": "ada+news@example.test" })).await;

    assert_eq!((added.status, again.status, wider.status), (201, 200, 201), "{}", added.text);
    assert_eq!(added.body["address"], "Ada+news@example.test");
    let entry = eventually("it is listed as it stands", async || {
        let entries = listed(api, "ada%2Bnews@example.test", "active").await;
        entries.into_iter().find(|entry| entry["blocks"] == "everything")
    })
    .await;
    assert_eq!((&entry["reason"], &entry["added_by"]), (&json!("manual"), &json!("operator")));
    assert_eq!(entry["id"], added.body["id"]);
    assert_eq!(send_bulk(api, "ada+news@example.test").await.1, "suppressed");
    let lifted = lift("ada%2Bnews%40example.test").await;
    assert_eq!((lifted.status, &lifted.body["lifted"]), (200, &json!(["manual"])), "{}", lifted.text);
    assert!(lifted.body["note"].as_str().is_some_and(|note| note.contains("provider")));
    assert_eq!(send_bulk(api, "ada+news@example.test").await.1, "accepted");
    assert_eq!(until_listed(api, "ada%2Bnews@example.test", "lifted").await["lifted_by"], "operator");
    add(json!({ "address": "ada+news@example.test" })).await;
    assert_eq!(lift(added.body["id"].as_str().expect("an id")).await.status, 200);
    for nothing in ["ada%2Bnews%40example.test", "sup_0", "nobody", &format!("sup_{}", "G".repeat(32))] {
        assert_eq!(lift(nothing).await.problem(), (404, "not_found"), "{nothing}");
    }
    for (body, pointer) in [
        (json!({ "address": "nobody" }), "/address"),
        (json!({ "address": ["a@b.test"] }), "/address"),
        (json!({ "address": "a@b.test", "blocks": "all" }), "/blocks"),
        (json!({ "address": "a@b.test", "reason": "complaint" }), "/reason"),
    ] {
        let refused = add(body).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
    }
    for query in ["reason=old", "blocks=all", "status=dead", "recipient=nobody", "cursor=x"] {
        let refused = call(api, Method::GET, &format!("/v1/suppressions?{query}"), None).await;
        assert_eq!(refused.problem(), (422, "invalid_request"), "{query}");
    }
}

#[tokio::test]
async fn an_owner_who_completes_a_reset_has_shown_that_mail_arrives() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let api = &program.api;
    let (mail, token) = mailed(&installation, &program).await;
    // An asynchronous bounce, from a forwarding that has died, say.
    let mut bounced = event_of(&mail, "failed");
    bounced["severity"] = "permanent".into();
    bounced["reason"] = "bounce".into();
    bounced["delivery-status"] =
        json!({ "code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 no such user" });
    tell(api, &bounced).await;
    until_listed(api, OWNER, "active").await;

    assert_eq!(api.confirm(&token, "vermilion otter lantern").await.status, 200);

    let entry = until_listed(api, OWNER, "lifted").await;
    assert_eq!((&entry["reason"], &entry["lifted_by"]), (&json!("hard_bounce"), &json!("proof")), "{entry}");
    assert_eq!(send_bulk(api, OWNER).await.1, "accepted");
    // The same news, late, of a time before: it suppresses nobody.
    let mut late = event("failed", mail.message_id(), OWNER, SystemClock.now() - TimeDelta::seconds(60));
    late["message"]["headers"]["message-id"] = mail.header_id().into();
    late["severity"] = "permanent".into();
    late["delivery-status"] =
        json!({ "code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 no such user" });
    tell(api, &late).await;
    eventually("the late bounce is told and worked on", async || {
        let database = &installation.scratch.database;
        let pending = "SELECT (SELECT COUNT(*) FROM webhooks WHERE outcome = 'pending')
                            + (SELECT COUNT(*) FROM work WHERE kind = 'suppress_address') AS n";
        tables::folded(database).await;
        let row = database.fetch_one(pending, &[]).await.expect("a count");
        (row.int("n").expect("a number") == 0).then_some(())
    })
    .await;
    assert!(listed(api, OWNER, "active").await.is_empty());
}

#[tokio::test]
async fn the_list_is_the_same_after_a_rebuild() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let api = &program.api;
    for n in 0..3 {
        let body = json!({ "address": format!("reader{n}@example.test") });
        assert_eq!(call(api, Method::POST, "/v1/suppressions", Some(body)).await.status, 201);
    }
    assert_eq!(call(api, Method::DELETE, "/v1/suppressions/reader1@example.test", None).await.status, 200);
    let again = json!({ "address": "reader1@example.test", "blocks": "bulk" });
    assert_eq!(call(api, Method::POST, "/v1/suppressions", Some(again)).await.status, 201);
    assert_eq!(call(api, Method::DELETE, "/v1/suppressions/reader2@example.test", None).await.status, 200);
    tables::folded(&installation.scratch.database).await;
    let before = tables::rows(&installation.scratch.database, "suppressions").await;

    installation.succeed(&["rebuild", "suppressions"], "").await;

    tables::folded(&installation.scratch.database).await;
    assert_eq!(before.len(), 3);
    assert_eq!(tables::rows(&installation.scratch.database, "suppressions").await, before);
    let first = api.ask("/v1/suppressions?limit=1").await;
    let cursor = first["next_cursor"].as_str().expect("a further page");
    let rest = api.ask(&format!("/v1/suppressions?limit=1&cursor={cursor}")).await;
    assert_ne!(first["data"][0]["id"], rest["data"][0]["id"]);
    assert_eq!(rest["next_cursor"], Value::Null);
}
