use backstamp::api_keys::Scope;
use proptest::prelude::*;

use super::keys::json_of;
use super::*;

const MESSAGES: &str = "/v1/messages";

/// A call that is good as it is.
fn good() -> Value {
    json!({
        "template": "password-changed",
        "to": ["Ada@Example.test", "bob@example.test"],
        "data": { "changed_at": "2026-01-05T10:00:00Z" },
    })
}

fn with(change: Value) -> Value {
    let mut body = good();
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

impl TestServer {
    async fn send(&self, body: &Value, idempotency_key: Option<&str>) -> TestResponse {
        let request = self.client.post(MESSAGES).header("authorization", "Bearer bsk_admin").body_json(body);
        match idempotency_key {
            Some(key) => request.header("idempotency-key", key).send().await,
            None => request.send().await,
        }
    }

    /// How many mails were asked for.
    async fn asked_for(&self) -> i64 {
        let sql = "SELECT count(*) AS n FROM events WHERE event_type = 'message.requested'";
        self.scratch.database.fetch_one(sql, &[]).await.unwrap().int("n").unwrap()
    }
}

#[tokio::test]
async fn each_recipient_gets_a_mail_of_its_own_and_each_address_comes_back_as_it_was_given() {
    let server = TestServer::start().await;
    let to = json!(["Ada@Example.test", "bob@example.test", "ada@example.TEST"]);

    let response = server.send(&with(json!({ "to": to })), None).await;

    response.assert_status(StatusCode::ACCEPTED);
    let body = json_of(response).await;
    let messages = body["messages"].as_array().unwrap();
    let given: Vec<_> = messages.iter().map(|message| message["to"].clone()).collect();
    assert_eq!(json!(given), to);
    assert!(messages.iter().all(|message| message["status"] == "accepted"), "{body}");
    // One mailbox, one mail.
    assert_eq!(messages[0]["id"], messages[2]["id"]);
    assert_ne!(messages[0]["id"], messages[1]["id"]);
    assert_eq!(server.asked_for().await, 2);
    let id = messages[0]["id"].as_str().unwrap().parse().unwrap();
    let message = server.commands.load_message(id).await.unwrap().aggregate;
    assert_eq!(message.request().unwrap().recipient.known().unwrap().as_str(), "Ada@Example.test");
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_nothing_is_sent() {
    let server = TestServer::start().await;
    let far_too_many = vec!["a@b.test"; 1001];
    let cases = [
        (json!({ "to": ["a@b.test", "nobody", "c@d.test", "e@f.test,g@h.test"] }), vec!["/to/1", "/to/3"]),
        (json!({ "to": [] }), vec!["/to"]),
        (json!({ "to": far_too_many }), vec!["/to"]),
        (json!({ "to": "a@b.test" }), vec!["/to"]),
        (json!({ "to": [["a@b.test"]] }), vec!["/to/0"]),
        (json!({ "template": "nothing" }), vec!["/template"]),
        (json!({ "template": "../layout" }), vec!["/template"]),
        (json!({ "template": "password-reset" }), vec!["/template"]),
        (json!({ "data": {} }), vec!["/data/changed_at"]),
        (
            json!({ "data": { "changed_on": "2026-01-05T10:00:00Z" } }),
            vec!["/data/changed_at", "/data/changed_on"],
        ),
        (
            json!({ "data": { "changed_at": "2026-01-05T10:00:00Z", "link": "https://x.test" } }),
            vec!["/data/link"],
        ),
        (json!({ "data": { "changed_at": ["2026-01-05T10:00:00Z"] } }), vec!["/data/changed_at"]),
        (json!({ "data": { "changed_at": "yesterday" } }), vec!["/data/changed_at"]),
        (json!({ "data": { "changed_at": "x".repeat(17_000) } }), vec!["/data"]),
        (json!({ "data": [] }), vec!["/data"]),
        (json!({ "locale": "../de" }), vec!["/locale"]),
        (json!({ "from": "me@b.test" }), vec!["/from"]),
        (json!({ "to": ["x"], "locale": "", "template": "nothing" }), vec!["/locale", "/template", "/to/0"]),
    ];

    for (change, pointers) in cases {
        let told: String = change.to_string().chars().take(100).collect();
        let response = server.send(&with(change), Some("the-key")).await;
        assert_eq!(problem(response).await, refusal(422, "invalid_request", &pointers), "{told}");
    }
    assert_eq!(server.asked_for().await, 0);
    // None of them used up the key.
    server.send(&good(), Some("the-key")).await.assert_status(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_thousand_recipients_fit_into_a_call_and_more_bytes_than_that_do_not() {
    let server = TestServer::start().await;
    let to: Vec<_> =
        (0..1000).map(|n| format!("{}{n}@{}.example.test", "x".repeat(40), "y".repeat(60))).collect();

    let sent = server.send(&with(json!({ "to": to })), None).await;
    let too_large = server.send(&with(json!({ "template": "x".repeat(512 * 1024) })), None).await;

    sent.assert_status(StatusCode::ACCEPTED);
    assert_eq!(json_of(sent).await["messages"].as_array().unwrap().len(), 1000);
    assert_eq!(server.asked_for().await, 1000);
    assert_eq!(problem(too_large).await, refusal(413, "payload_too_large", &[]));
    // The other routes take no more than before.
    let elsewhere = server.client.post("/v1/password-resets").content_type("application/json");
    let elsewhere = elsewhere.body(" ".repeat(16 * 1024 + 1)).send().await;
    assert_eq!(problem(elsewhere).await, refusal(413, "payload_too_large", &[]));
}

#[tokio::test]
async fn the_same_key_and_body_are_the_same_call_for_a_day() {
    let server = TestServer::start().await;
    let first = json_of(server.send(&good(), Some("8e03978e-40d5-43dd-bc93-6894a57f9324")).await).await;

    server.clock.advance(TimeDelta::hours(23));
    // In the form of RFC 8941, and with the members in another order.
    let again = r#"{"data":{"changed_at":"2026-01-05T10:00:00Z"},"to":["Ada@Example.test","bob@example.test"],
                    "template":"password-changed"}"#;
    let request = server.client.post(MESSAGES).header("authorization", "Bearer bsk_admin");
    let request = request.header("idempotency-key", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"");
    let repeated = json_of(request.content_type("application/json").body(again).send().await).await;

    assert_eq!(first, repeated);
    assert_eq!(server.asked_for().await, 2);
    server.clock.advance(TimeDelta::hours(1));
    let a_day_later = json_of(server.send(&good(), Some("8e03978e-40d5-43dd-bc93-6894a57f9324")).await).await;
    assert_ne!(first, a_day_later);
    assert_eq!(server.asked_for().await, 4);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let first = json_of(server.send(&good(), Some("k")).await).await;

    for change in [
        json!({ "to": ["bob@example.test", "Ada@Example.test"] }),
        json!({ "to": ["ada@example.test", "bob@example.test"] }),
        json!({ "data": { "changed_at": "2026-01-05T10:00:01Z" } }),
        json!({ "locale": "de" }),
    ] {
        let response = server.send(&with(change.clone()), Some("k")).await;
        assert_eq!(problem(response).await, refusal(422, "idempotency_key_reused", &[]), "{change}");
    }

    assert_eq!(server.asked_for().await, 2);
    assert_eq!(json_of(server.send(&good(), Some("k")).await).await, first);
}

#[tokio::test]
async fn keys_of_different_callers_are_different_keys() {
    let server = TestServer::start().await;
    let key = server.key(Scope::MessageSend).await;

    let ours = json_of(server.send(&good(), Some("k")).await).await;
    let request = server.client.post(MESSAGES).header("authorization", format!("Bearer {key}"));
    let theirs = json_of(request.header("idempotency-key", "k").body_json(&good()).send().await).await;

    assert_ne!(ours["messages"], theirs["messages"]);
    assert_eq!(server.asked_for().await, 4);
}

#[tokio::test]
async fn of_the_same_call_made_at_once_one_sends_and_all_that_are_answered_get_its_answer() {
    let server = TestServer::start().await;
    let (key, body) = (Some("at-once"), good());

    let answers = futures_util::future::join_all((0..8).map(|_| server.send(&body, key))).await;

    let mut bodies = vec![];
    for answer in answers {
        if answer.0.status() == StatusCode::ACCEPTED {
            bodies.push(json_of(answer).await);
        } else {
            let wait = answer.0.header("retry-after").map(str::to_owned);
            assert!(wait.is_some(), "{:?}", problem(answer).await);
            assert_eq!(problem(answer).await, refusal(409, "idempotency_in_progress", &[]));
        }
    }
    bodies.push(json_of(server.send(&body, key).await).await);
    assert!(bodies.iter().all(|answer| *answer == bodies[0]), "{bodies:?}");
    assert_eq!(server.asked_for().await, 2);
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_completed_by_its_repetition() {
    let server = TestServer::start().await;
    let first = json_of(server.send(&good(), Some("k")).await).await;
    // As a process leaves it that dies between the first mail and the second.
    let second = first["messages"][1]["id"].as_str().unwrap();
    let forget = "DELETE FROM events WHERE aggregate_id = $1";
    server.scratch.database.execute(forget, &[second.into()]).await.unwrap();
    let under_way = "UPDATE idempotency_keys SET answer = NULL";
    server.scratch.database.execute(under_way, &[]).await.unwrap();

    let busy = server.send(&good(), Some("k")).await;
    assert_eq!(problem(busy).await, refusal(409, "idempotency_in_progress", &[]));
    server.clock.advance(TimeDelta::seconds(30));
    let repeated = json_of(server.send(&good(), Some("k")).await).await;

    assert_eq!(first, repeated);
    assert_eq!(server.asked_for().await, 2);
}

#[tokio::test]
async fn a_key_is_one_short_visible_text() {
    let server = TestServer::start().await;
    let long = "k".repeat(256);
    for key in ["", "a b", "\"a", "a\"", "\"\"", "a,b", "\"a\", \"b\"", "a;p=1", long.as_str()] {
        let response = server.send(&good(), Some(key)).await;
        assert_eq!(problem(response).await, refusal(400, "malformed_request", &[]), "{key:?}");
    }
    let twice = server.client.post(MESSAGES).header("authorization", "Bearer bsk_admin");
    let twice = twice.header("idempotency-key", "a").header("idempotency-key", "a").body_json(&good());
    assert_eq!(problem(twice.send().await).await, refusal(400, "malformed_request", &[]));
    assert_eq!(server.asked_for().await, 0);
}

#[tokio::test]
async fn nothing_of_a_call_lies_readable_in_the_database() {
    let server = TestServer::start().await;
    server
        .send(
            &with(json!({ "data": { "changed_at": "2026-01-05T10:00:00Z", "name": "Adalbert" } })),
            Some("k"),
        )
        .await;

    for table in ["events", "idempotency_keys"] {
        let dialect = server.scratch.database.dialect();
        let whole = match dialect {
            backstamp::database::Dialect::Postgres => {
                format!("SELECT CAST(({table}.*) AS TEXT) AS row FROM {table}")
            }
            backstamp::database::Dialect::Sqlite if table == "events" => {
                "SELECT payload || metadata AS row FROM events".to_owned()
            }
            backstamp::database::Dialect::Sqlite => {
                "SELECT id || fingerprint || answer AS row FROM idempotency_keys".to_owned()
            }
        };
        let rows = server.scratch.database.fetch_all(&whole, &[]).await.unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let row = row.text("row").unwrap().to_lowercase();
            for told in ["ada@", "bob@", "adalbert", "10:00:00z"] {
                assert!(!row.contains(told), "{table}: {row}");
            }
        }
    }
}

/// Any JSON, shallow enough to be of the kind that callers make mistakes with.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("a@b.test")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn whatever_is_sent_is_taken_or_refused_by_its_kind() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(TestServer::start());
    let member = prop_oneof![Just("template"), Just("to"), Just("data"), Just("locale"), Just("other")];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));

    let outcome = runner.run(&(member, any_json(), "\\PC{0,20}"), |(member, value, key)| {
        let body = with(json!({ member: value }));
        let key = poem::http::HeaderValue::from_str(&key).ok();
        let status = runtime.block_on(async {
            let request = server.client.post(MESSAGES).header("authorization", "Bearer bsk_admin");
            let request = match &key {
                Some(key) => request.header("idempotency-key", key),
                None => request,
            };
            request.body_json(&body).send().await.0.status().as_u16()
        });
        prop_assert!([202, 400, 422].contains(&status), "{status} for {body}");
        Ok(())
    });
    outcome.unwrap();
}
