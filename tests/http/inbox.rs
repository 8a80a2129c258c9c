//! The inbox and what was put aside, as operators see them: listed, explained, masked, and tried once more.

use backstamp::inbox::InboxWorker;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::operators::{json, mail};
use super::*;

const LIST: &str = "/v1/webhooks";
const LETTERS: &str = "/v1/dead-letters";

impl TestServer {
    /// Posts what happened, signed; the number makes it one of its kind.
    pub async fn report(&self, number: u64, event: Value) -> u16 {
        let (timestamp, token) = (self.clock.now().timestamp().to_string(), format!("{number:050}"));
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"a signing key").unwrap();
        mac.update(timestamp.as_bytes());
        mac.update(token.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let signature = json!({ "timestamp": timestamp, "token": token, "signature": signature });
        let body = json!({ "signature": signature, "event-data": event });
        self.post("/webhooks/mailgun", body).await.0.status().as_u16()
    }

    pub fn delivered(&self, id: &str, recipient: &str) -> Value {
        json!({
            "event": "delivered", "id": id, "timestamp": self.clock.now().timestamp(), "recipient": recipient,
            "ip": "203.0.113.9", "user-variables": { "delivery_id": id }, "message": { "headers": {} },
        })
    }

    /// Understands what waits in the inbox.
    pub async fn understand(&self) {
        let database = self.scratch.database.clone();
        let worker = InboxWorker::new(database, self.inbox.clone(), self.commands.clone());
        while worker.work().await.unwrap() > 0 {}
    }

    pub async fn rows(&self, path: &str) -> Vec<Value> {
        json(self.ask(path).await).await["data"].as_array().unwrap().clone()
    }

    async fn events(&self) -> i64 {
        self.log.last_position().await.unwrap()
    }

    pub async fn spoil(&self, sql: &str) {
        self.scratch.database.execute(sql, &[]).await.unwrap();
    }
}

/// One mail, and two reports: of its delivery, and of a stranger's.
pub async fn with_reports() -> (TestServer, String) {
    let server = TestServer::start().await;
    let id = mail(&server, 1, "password-reset", "ada@example.test").await.to_string();
    assert_eq!(server.report(1, server.delivered(&id, "ada@example.test")).await, 200);
    server.clock.advance(TimeDelta::seconds(1));
    let stranger = MessageId::from_uuid(server.clock.uuid()).to_string();
    assert_eq!(server.report(2, server.delivered(&stranger, "eve@example.test")).await, 200);
    (server, id)
}

#[tokio::test]
async fn the_inbox_tells_what_became_of_each_report() {
    let (server, id) = with_reports().await;

    let waiting = server.rows(LIST).await;
    server.understand().await;
    let known = server.rows(LIST).await;

    let outcomes = |rows: &[Value]| rows.iter().map(|row| row["outcome"].clone()).collect::<Vec<_>>();
    assert_eq!(outcomes(&waiting), ["pending", "pending"]);
    assert_eq!(outcomes(&known), ["unmatched", "processed"], "newest first");
    assert_eq!((&known[1]["event"], &known[1]["message_id"]), (&json!("delivered"), &json!(id)));
    assert!(known[0]["reason"].as_str().unwrap().contains("not ours"));
    assert_eq!(server.rows(&format!("{LIST}?outcome=unmatched")).await, known[..1]);
    assert_eq!(server.rows(&format!("{LIST}?message_id={id}")).await, known[1..]);
    assert!(server.rows(&format!("{LIST}?source=events_api")).await.is_empty());
    let first = json(server.ask(&format!("{LIST}?limit=1")).await).await;
    let rest = server.rows(&format!("{LIST}?cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest, known[1..]);
    for (query, pointer) in
        [("outcome=fine", "/outcome"), ("cursor=x", "/cursor"), ("source=mail", "/source")]
    {
        let refused = problem(server.ask(&format!("{LIST}?{query}")).await).await;
        assert_eq!(refused, refusal(422, "invalid_request", &[pointer]));
    }
}

#[tokio::test]
async fn a_report_is_shown_masked_with_each_step_of_its_verification() {
    let (server, id) = with_reports().await;
    server.understand().await;
    let webhook = server.rows(LIST).await.swap_remove(1);
    let path = format!("{LIST}/{}", webhook["id"].as_str().unwrap());

    let shown = json(server.ask(&path).await).await;

    assert_eq!(shown["body"]["event-data"]["recipient"], "a***@e***.test");
    assert_eq!(shown["body"]["event-data"]["user-variables"]["delivery_id"], id);
    let text = shown.to_string();
    assert!(!text.contains("ada@") && !text.contains("203.0.113.9"), "{text}");
    let steps = shown["verification"].as_array().unwrap();
    let told: Vec<_> =
        steps.iter().map(|step| (step["step"].as_str().unwrap(), step["ok"].as_bool())).collect();
    let ok = Some(true);
    assert_eq!(
        told,
        [("signature", ok), ("age", ok), ("content", ok), ("event", ok), ("message", ok), ("effect", ok)]
    );
    let absent = problem(server.ask(&format!("{LIST}/whk_{}", "0".repeat(32))).await).await;
    assert_eq!(absent, refusal(404, "not_found", &[]));
}

#[tokio::test]
async fn what_is_shown_unmasked_is_recorded() {
    let (server, message) = with_reports().await;
    let webhook = server.rows(LIST).await[1]["id"].as_str().unwrap().to_owned();

    let body = json(server.act(&format!("{LIST}/{webhook}/reveal"), json!({})).await).await;
    let recipient = json(server.act(&format!("/v1/messages/{message}/reveal"), json!({})).await).await;

    assert!(body["body"].as_str().unwrap().contains("ada@example.test"));
    assert_eq!(recipient["recipient"], "ada@example.test");
    let shown = server.rows("/v1/disclosures").await;
    let subjects: Vec<_> = shown.iter().map(|row| (row["kind"].clone(), row["subject"].clone())).collect();
    assert_eq!(subjects.len(), 2);
    assert!(subjects.contains(&(json!("webhook"), json!(webhook))));
    assert!(subjects.contains(&(json!("message"), json!(message))));
    assert!(shown.iter().all(|row| row["shown_to"] == "operator"));
}

#[tokio::test]
async fn a_report_that_failed_has_its_effect_when_it_is_replayed_and_only_once() {
    let (server, _) = with_reports().await;
    server.spoil("UPDATE webhooks SET outcome = 'failed', attempts = 12, reason = 'the log was away'").await;
    let before = server.events().await;
    let webhook = server.rows(LIST).await[1]["id"].as_str().unwrap().to_owned();
    let replay = async || {
        server.act(&format!("{LIST}/{webhook}/replay"), json!({})).await.assert_status(StatusCode::ACCEPTED);
        server.understand().await;
        let row = json(server.ask(&format!("{LIST}/{webhook}")).await).await;
        (row["outcome"].as_str().unwrap().to_owned(), server.events().await - before)
    };

    assert_eq!(replay().await, ("processed".to_owned(), 1));
    assert_eq!(replay().await, ("processed".to_owned(), 1));
    server.spoil("UPDATE webhooks SET wrapped_key = NULL").await;
    let erased = server.act(&format!("{LIST}/{webhook}/replay"), json!({})).await;
    assert_eq!(problem(erased).await, refusal(409, "conflict", &[]));
}

#[tokio::test]
async fn many_are_counted_before_they_are_replayed() {
    let (server, _) = with_reports().await;
    server.understand().await;
    let now = server.clock.now();
    let since = (now - TimeDelta::hours(1)).to_rfc3339();
    let all = json!({ "since": since });
    let replay = async |selection: &Value, confirmation: &Value| {
        let mut body = selection.clone();
        body["confirmation"] = confirmation.clone();
        server.act(&format!("{LIST}/replay"), body).await
    };

    let counted = json(server.act(&format!("{LIST}/replay"), all.clone()).await).await;
    let waiting = server.rows(&format!("{LIST}?outcome=pending")).await.len();
    let other = json!({ "since": since, "outcome": "unmatched" });
    let foreign = problem(replay(&other, &counted["confirmation"]).await).await;
    let done = replay(&all, &counted["confirmation"]).await;

    assert_eq!((&counted["count"], &counted["replayed"], waiting), (&json!(2), &json!(0), 0));
    assert_eq!(foreign, refusal(422, "invalid_request", &["/confirmation"]));
    done.assert_status(StatusCode::ACCEPTED);
    assert_eq!(json_of(done).await["replayed"], 2);
    assert_eq!(server.rows(&format!("{LIST}?outcome=pending")).await.len(), 2);
    // They wait now, so the same count no longer holds.
    let again = problem(replay(&all, &counted["confirmation"]).await).await;
    assert_eq!(again, refusal(409, "conflict", &[]));
}

async fn json_of(response: TestResponse) -> Value {
    response.json().await.value().deserialize()
}

#[tokio::test]
async fn a_selection_that_says_nothing_is_refused() {
    let (server, _) = with_reports().await;
    let many: Vec<_> = (0..301).map(|n| format!("whk_{n:032x}")).collect();

    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "outcome": "failed" }), ""),
        (json!({ "ids": ["whk_1"] }), "/ids/0"),
        (json!({ "ids": many }), "/ids"),
        (json!({ "since": "2024-10-04T00:00:00Z", "outcome": "fine" }), "/outcome"),
        (json!({ "since": "2024-10-04T00:00:00Z", "confirmation": "' OR 1=1" }), "/confirmation"),
    ] {
        let refused = problem(server.act(&format!("{LIST}/replay"), body).await).await;
        assert_eq!(refused, refusal(422, "invalid_request", &[pointer]));
    }
}

#[tokio::test]
async fn what_was_put_aside_is_listed_and_tried_once_more() {
    let server = TestServer::start().await;
    mail(&server, 1, "password-reset", "ada@example.test").await;
    server.follow().await;
    server
        .spoil("INSERT INTO parked_events (consumer, position, error, parked_at) VALUES ('timeline', 1, 'odd', 5)")
        .await;
    server
        .spoil(
            "INSERT INTO work (id, kind, payload, due_at, attempts, last_error, parked_at, created_at) \
             VALUES ('send:msg_1', 'send', '{}', 1, 7, 'refused', 9, 1)",
        )
        .await;

    let listed = server.rows(LETTERS).await;
    let counted = json(server.act(&format!("{LETTERS}/replay"), json!({ "kind": "work" })).await).await;
    let changed = json!({ "kind": "work", "confirm_count": 2 });
    let changed = problem(server.act(&format!("{LETTERS}/replay"), changed).await).await;
    let all = server.act(&format!("{LETTERS}/replay"), json!({ "kind": "work", "confirm_count": 1 })).await;
    let one = server.act(&format!("{LETTERS}/event:timeline:1/replay"), json!({})).await;

    let ids: Vec<_> = listed.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["work:send:msg_1", "event:timeline:1"]);
    assert_eq!((&listed[0]["error"], &listed[0]["attempts"]), (&json!("refused"), &json!(7)));
    assert_eq!((counted["count"].as_i64(), changed), (Some(1), refusal(409, "conflict", &[])));
    all.assert_status(StatusCode::ACCEPTED);
    one.assert_status(StatusCode::ACCEPTED);
    assert_eq!(server.rows(LETTERS).await[0]["waits"], true);
    server.follow().await;
    assert!(server.rows(LETTERS).await.is_empty());
    for path in ["event:timeline:1", "event:timeline:x", "work:send:msg_2", "nothing"] {
        let absent = problem(server.act(&format!("{LETTERS}/{path}/replay"), json!({})).await).await;
        assert_eq!(absent, refusal(404, "not_found", &[]), "{path}");
    }
}
