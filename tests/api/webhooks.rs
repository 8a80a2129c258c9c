//! Webhooks from outside: what is believed, what is refused, and what is kept without effect.

use backstamp::clock::{Clock, SystemClock};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::webhook::{Signature, event, event_of};
use crate::support::{Answer, Installation, Mail, Program, SIGNING_KEY, eventually};

const PATH: &str = "/webhooks/mailgun";
/// The sandbox takes a mail to it and never says more.
const LOST: &str = "lost@example.test";

/// A program with one mail of which nothing but its acceptance is known.
struct Desk {
    installation: Installation,
    program: Program,
    mail: Mail,
    request_id: String,
}

impl Desk {
    async fn new() -> Self {
        let installation = Installation::new().await;
        let program = installation.start().await;
        installation.account(LOST).await;
        let request_id = program.api.request_reset(LOST).await;
        let mail = program.mailbox.receive(LOST, "password-reset").await;
        let desk = Self { installation, program, mail, request_id };
        let look = async || (desk.outcomes().await == ["processed"]).then_some(());
        eventually("the acceptance is known", look).await;
        eventually("the mail counts as sent", async || desk.knows("sent").await.then_some(())).await;
        desk
    }

    async fn post(&self, body: &Value) -> Answer {
        self.program.api.post(PATH, body).await
    }

    /// What became of every stored webhook, in the order of their arrival, once all are understood.
    async fn outcomes(&self) -> Vec<String> {
        let sql = "SELECT outcome FROM webhooks ORDER BY received_at, id";
        eventually("every webhook is understood", async || {
            let rows = self.installation.scratch.database.fetch_all(sql, &[]).await.expect("rows");
            let outcomes: Vec<_> = rows.iter().map(|row| row.text("outcome").expect("a text")).collect();
            (!outcomes.iter().any(|outcome| outcome == "pending")).then_some(outcomes)
        })
        .await
    }

    async fn kinds(&self) -> Vec<String> {
        self.program.api.kinds(&self.request_id).await
    }

    async fn knows(&self, kind: &str) -> bool {
        self.kinds().await.iter().any(|known| known == kind)
    }

    /// How many events the log holds.
    async fn events(&self) -> i64 {
        let row = self.installation.scratch.database.fetch_one("SELECT COUNT(*) AS n FROM events", &[]).await;
        row.expect("a count").int("n").expect("a number")
    }
}

#[tokio::test]
async fn a_genuine_webhook_counts_once_however_often_it_comes() {
    let desk = Desk::new().await;
    let delivered = event_of(&desk.mail, "delivered");
    let webhook = Signature::fresh().over(&delivered);

    let mut statuses = vec![];
    for _ in 0..3 {
        statuses.push(desk.post(&webhook).await.status);
    }
    let reordered = json!({ "event-data": webhook["event-data"], "signature": webhook["signature"] });
    statuses.push(desk.post(&reordered).await.status);
    statuses.push(desk.post(&Signature::fresh().over(&delivered)).await.status);

    assert_eq!(statuses, [200; 5]);
    assert_eq!(desk.outcomes().await, ["processed"; 3]);
    eventually("the delivery is told", async || desk.knows("delivered").await.then_some(())).await;
    assert_eq!(desk.kinds().await.iter().filter(|kind| *kind == "delivered").count(), 1);
}

#[tokio::test]
async fn a_webhook_from_the_edges_of_the_window_is_believed_and_from_beyond_refused() {
    let desk = Desk::new().await;
    let signed_ago = async |age: TimeDelta| {
        let signature = Signature::new(SIGNING_KEY, SystemClock.now() - age);
        desk.post(&signature.over(&event_of(&desk.mail, "delivered"))).await.status
    };

    assert_eq!(signed_ago(TimeDelta::hours(11)).await, 200);
    assert_eq!(signed_ago(TimeDelta::minutes(-4)).await, 200);
    assert_eq!(signed_ago(TimeDelta::minutes(721)).await, 406);
    assert_eq!(signed_ago(TimeDelta::minutes(-6)).await, 406);
    assert_eq!(signed_ago(TimeDelta::days(365)).await, 406);

    assert_eq!(desk.outcomes().await.len(), 3);
}

#[tokio::test]
async fn a_forged_webhook_is_refused_and_leaves_nothing() {
    let desk = Desk::new().await;
    let before = desk.events().await;
    let good = Signature::fresh();
    let changed = |change: fn(&mut Signature)| {
        let mut signature = good.clone();
        change(&mut signature);
        signature.over(&event_of(&desk.mail, "delivered"))
    };
    let without = |member: &str| {
        let mut body = good.over(&event_of(&desk.mail, "delivered"));
        body["signature"].as_object_mut().expect("an object").remove(member);
        body
    };

    let mut forgeries = vec![
        Signature::new("a-key-of-somebody-else", SystemClock.now()).over(&event_of(&desk.mail, "delivered")),
        changed(|signature| signature.signature = "0".repeat(64)),
        changed(|signature| signature.signature.truncate(63)),
        changed(|signature| signature.signature.clear()),
        changed(|signature| signature.token = "f".repeat(50)),
        changed(|signature| signature.timestamp = (SystemClock.now().timestamp() - 1).to_string()),
        json!({ "event-data": event_of(&desk.mail, "delivered") }),
        json!({ "signature": null, "event-data": event_of(&desk.mail, "delivered") }),
        json!({ "signature": [good.signature], "event-data": event_of(&desk.mail, "delivered") }),
        without("signature"),
        without("token"),
        without("timestamp"),
    ];
    for place in 0..64 {
        let mut signature = good.clone();
        let digit = if &signature.signature[place..=place] == "0" { "1" } else { "0" };
        signature.signature.replace_range(place..=place, digit);
        forgeries.push(signature.over(&event_of(&desk.mail, "delivered")));
    }
    for forgery in &forgeries {
        let answer = desk.post(forgery).await;
        assert_eq!(answer.problem(), (406, "webhook_refused"), "{forgery}");
        assert!(!answer.text.contains(LOST) && !answer.text.contains(&good.token), "{}", answer.text);
    }

    assert_eq!(desk.outcomes().await, ["processed"]);
    assert_eq!(desk.events().await, before);
}

#[tokio::test]
async fn the_signed_string_split_at_another_place_is_refused() {
    let desk = Desk::new().await;
    let good = Signature::fresh();
    let genuine = good.over(&event_of(&desk.mail, "delivered"));
    assert_eq!(desk.post(&genuine).await.status, 200);

    for moved in [-9_isize, -1, 1, 9] {
        let signed = format!("{}{}", good.timestamp, good.token);
        let (timestamp, token) = signed.split_at(10_usize.saturating_add_signed(moved));
        let split =
            Signature { timestamp: timestamp.into(), token: token.into(), signature: good.signature.clone() };
        let answer = desk.post(&split.over(&event_of(&desk.mail, "complained"))).await;
        assert_eq!(answer.status, 406, "moved by {moved}");
    }

    assert_eq!(desk.outcomes().await, ["processed", "processed"]);
    assert!(!desk.knows("complained").await);
}

#[tokio::test]
async fn another_body_under_a_known_signature_is_refused_and_changes_nothing() {
    let desk = Desk::new().await;
    let signature = Signature::fresh();
    assert_eq!(desk.post(&signature.over(&event_of(&desk.mail, "delivered"))).await.status, 200);
    assert_eq!(desk.outcomes().await, ["processed", "processed"]);
    let before = desk.events().await;

    let mut shouted = signature.clone();
    shouted.signature = shouted.signature.to_uppercase();
    let bounced = signature.over(&event_of(&desk.mail, "complained"));
    let answers = [&bounced, &bounced, &shouted.over(&event_of(&desk.mail, "complained"))];
    for body in answers {
        assert_eq!(desk.post(body).await.problem(), (406, "webhook_refused"));
    }

    assert_eq!(desk.outcomes().await, ["processed", "processed"]);
    assert_eq!(desk.events().await, before);
    let sql = "SELECT COUNT(*) AS n FROM contested_webhooks";
    let contested = desk.installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
    assert!((1..=2).contains(&contested.int("n").expect("a number")));
}

#[tokio::test]
async fn what_cannot_be_believed_of_a_message_is_kept_and_changes_nothing() {
    let desk = Desk::new().await;
    let before = desk.events().await;
    let now = SystemClock.now();
    let id = desk.mail.message_id();
    let mut foreign_header = event("delivered", id, LOST, now);
    foreign_header["message"]["headers"]["message-id"] = "somebody.elses@mail.test".into();
    let mut timeless = event_of(&desk.mail, "delivered");
    timeless["timestamp"] = Value::Null;
    let mut test_mode = event_of(&desk.mail, "delivered");
    test_mode["flags"] = json!({ "is-test-mode": true });
    let mut anonymous = event("delivered", id, LOST, now);
    anonymous
        .as_object_mut()
        .expect("an object")
        .retain(|name, _| ["event", "id", "timestamp"].contains(&&**name));

    let to = |recipient: Value| {
        let mut event = event_of(&desk.mail, "complained");
        event["recipient"] = recipient;
        event
    };

    for (event, outcome) in [
        (to(Value::Null), "unmatched"),
        (to(json!("")), "unmatched"),
        (to(json!([LOST])), "unmatched"),
        (to(json!({ "address": LOST })), "unmatched"),
        (to(json!(true)), "unmatched"),
        (event_of(&desk.mail, "x\u{0}y"), "unknown"),
        (event_of(&desk.mail, "teleported"), "unknown"),
        (event("delivered", "msg_018f0000000070008000000000000000", LOST, now), "unmatched"),
        (event("complained", id, "mallory@example.test", now), "unmatched"),
        (event("delivered", "not an id", "nobody@example.test", now), "unmatched"),
        (foreign_header, "unmatched"),
        (anonymous, "unmatched"),
        (timeless, "malformed"),
        (test_mode, "ignored"),
    ] {
        assert_eq!(desk.post(&Signature::fresh().over(&event)).await.status, 200, "{event}");
        assert_eq!(desk.outcomes().await.last().map(String::as_str), Some(outcome), "{event}");
    }

    assert_eq!(desk.events().await, before);
}

#[tokio::test]
async fn a_webhook_of_any_other_shape_is_refused_by_its_kind() {
    let desk = Desk::new().await;
    let api = &desk.program.api;
    let genuine = Signature::fresh().over(&event_of(&desk.mail, "delivered"));
    let no_event = Signature::fresh().over(&Value::Null);
    let events = Signature::fresh().over(&json!([event_of(&desk.mail, "delivered")]));
    let twice = genuine.to_string().replacen('{', r#"{"event-data":{},"#, 1);
    let mut huge = genuine.clone();
    huge["event-data"]["padding"] = "x".repeat(256 * 1024).into();
    let deep = format!(r#"{{"event-data":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));

    for body in ["", "nonsense", "[]", "3", &deep, &twice, &no_event.to_string(), &events.to_string()] {
        let answer = api.post_raw(PATH, body.to_owned()).await;
        assert_eq!(answer.problem(), (406, "webhook_refused"), "{}", &body[..body.len().min(80)]);
    }
    assert_eq!(api.post_raw(PATH, vec![0xff; 40]).await.status, 406);
    assert_eq!(desk.post(&huge).await.problem(), (413, "payload_too_large"));
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = api.request(Method::POST, PATH).header("content-type", media_type);
        let answer = Answer::of(request.body(genuine.to_string())).await.expect("an answer");
        assert_eq!(answer.problem(), (415, "unsupported_media_type"), "{media_type}");
    }
    let asked = api.get(PATH).await;
    assert_eq!((asked.status, asked.header("allow")), (405, "POST"));

    assert_eq!(desk.outcomes().await, ["processed"]);
    assert_eq!(desk.post(&genuine).await.status, 200);
}
