//! What operators read: lists as pages and as exports, and numbers that lead to lists.

use backstamp::commands::KeyChoice;
use backstamp::domain::id::{MessageId, SendingId};
use backstamp::domain::message::{Cause, MessageCommand, Requested};
use backstamp::domain::provider_event::Delivery;
use backstamp::domain::sealed::Sealed;
use uuid::Uuid;

use super::*;

const LIST: &str = "/v1/messages";

/// A mail that was asked for so many minutes after the clock's hour.
pub async fn mail(server: &TestServer, number: u128, template: &str, recipient: &str) -> MessageId {
    let id = MessageId::from_uuid(Uuid::from_u128(number));
    let address = EmailAddress::parse(recipient).unwrap();
    let requested = Requested {
        template: template.into(),
        recipient_key: server.commands.index_key().stream_key(&address).to_string(),
        mailbox_provider: "other".into(),
        recipient: address.into(),
        provider: "sandbox".into(),
        cause: Cause::Api { sending: SendingId::from_uuid(Uuid::nil()), by: "key_1".into() },
        locale: None,
        data: Sealed::Known(serde_json::Map::new()),
        opens_tracked: true,
        clicks_tracked: true,
        send_before: None,
        at: server.clock.now() + TimeDelta::minutes(i64::try_from(number).unwrap()),
    };
    let subject = requested.recipient_key.clone();
    let key = KeyChoice::Fresh { event_types: &["message.requested"], subject };
    let context = Context { key, ..Context::caused_by("test") };
    server.commands.message(id, MessageCommand::Request(Box::new(requested)), context).await.unwrap();
    id
}

async fn deliver(server: &TestServer, id: MessageId) {
    let at = server.clock.now() + TimeDelta::minutes(30);
    for command in [
        MessageCommand::RecordSent {
            attempt: 1,
            provider_message_id: format!("{id}@mail.test"),
            reply: None,
            at,
        },
        MessageCommand::RecordDelivered { delivery: Delivery::default(), at },
    ] {
        server.commands.message(id, command, Context::caused_by("test")).await.unwrap();
    }
}

/// Seven mails, two of them delivered.
pub async fn with_mails() -> TestServer {
    let server = TestServer::start().await;
    for number in 1..=7 {
        let template = if number == 3 { "=2+5" } else { "password-reset" };
        let id = mail(&server, number, template, &format!("m{number}@example.test")).await;
        if number > 5 {
            deliver(&server, id).await;
        }
    }
    server.follow().await;
    server
}

async fn text(response: TestResponse) -> String {
    response.assert_status_is_ok();
    response.0.into_body().into_string().await.unwrap()
}

pub async fn json(response: TestResponse) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

async fn accepting(server: &TestServer, path: &str, accept: &str) -> TestResponse {
    let request = server.client.get(path).header("authorization", "Bearer bsk_admin");
    request.header("accept", accept).send().await
}

#[tokio::test]
async fn the_log_can_be_had_as_a_page_as_a_table_and_as_lines() {
    let server = with_mails().await;

    let page = json(accepting(&server, "/v1/messages?limit=3", "application/json").await).await;
    let table = accepting(&server, "/v1/messages?limit=3", "text/csv").await;
    let lines = accepting(&server, "/v1/messages?outcome=delivered", "application/x-ndjson").await;

    assert_eq!(page["data"].as_array().unwrap().len(), 3);
    table.assert_content_type("text/csv");
    lines.assert_content_type("application/x-ndjson");
    let (table, lines) = (text(table).await, text(lines).await);
    let rows: Vec<&str> = table.trim_end().split("\r\n").collect();
    assert_eq!(rows.len(), 8, "{table}");
    assert!(rows[0].starts_with("id,template,provider,"), "{table}");
    assert!(rows[5].starts_with("msg_") && rows[5].contains(",'=2+5,"), "{table}");
    assert!(!table.contains("m1@example.test") && table.contains("m***@e***.test"), "{table}");
    let outcomes: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|message| message["outcome"] == "delivered"));
}

#[tokio::test]
async fn what_the_log_cannot_be_had_as_is_said() {
    let server = with_mails().await;

    for accept in ["text/html", "application/pdf, image/*", "text/csv;q=0"] {
        let refused = problem(accepting(&server, LIST, accept).await).await;
        assert_eq!(refused, refusal(406, "not_acceptable", &[]), "{accept}");
    }
    let refused = problem(accepting(&server, "/v1/messages?outcome=fine", "text/csv").await).await;
    assert_eq!(refused, refusal(422, "invalid_request", &["/outcome"]));
}

#[tokio::test]
async fn hostile_values_are_refused_or_match_nothing() {
    let server = with_mails().await;
    let quote = "%27%20OR%201%3D1--";

    for (query, pointer) in [
        (format!("outcome={quote}"), "/outcome"),
        (format!("flag={quote}"), "/flag"),
        (format!("flag=opened&flag=-{quote}"), "/flag"),
        (format!("lost_at={quote}"), "/lost_at"),
        (format!("loss={quote}"), "/loss"),
        (format!("mailbox_provider={quote}"), "/mailbox_provider"),
        (format!("bounce_category={quote}"), "/bounce_category"),
        (format!("cursor={quote}"), "/cursor"),
        ("cursor=..%2F..".to_owned(), "/cursor"),
        (format!("template={}", "x".repeat(300)), "/template"),
        ("template=a%00b".to_owned(), "/template"),
        ("recipient=a%0Ab".to_owned(), "/recipient"),
        ("after=yesterday".to_owned(), "/after"),
        ("limit=0".to_owned(), "/limit"),
        ("limit=201".to_owned(), "/limit"),
        ("limit=1e9".to_owned(), "/limit"),
    ] {
        let refused = problem(server.ask(&format!("{LIST}?{query}")).await).await;
        assert_eq!(refused, refusal(422, "invalid_request", &[pointer]), "{query}");
    }
    for query in
        [format!("template={quote}"), format!("provider={quote}"), format!("recipient_domain={quote}")]
    {
        let page = json(server.ask(&format!("{LIST}?{query}")).await).await;
        assert_eq!(page["data"], json!([]), "{query}");
    }
    for path in ["delivery", "funnel"] {
        let backwards = "from=2024-10-05T00:00:00Z&to=2024-10-04T00:00:00Z";
        let refused = problem(server.ask(&format!("/v1/metrics/{path}?{backwards}")).await).await;
        assert_eq!(refused, refusal(422, "invalid_request", &["/to"]));
        let page = json(server.ask(&format!("/v1/metrics/{path}?template={quote}")).await).await;
        assert_eq!(page["basis"], "cohort");
    }
}

#[tokio::test]
async fn every_number_of_the_funnel_leads_to_its_messages() {
    let server = with_mails().await;

    let funnel =
        json(server.ask("/v1/metrics/funnel?from=2024-10-04T00:00:00Z&to=2024-10-05T00:00:00Z").await);
    let funnel = funnel.await;

    let steps = funnel["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["requested", "sent", "delivered", "opened", "clicked", "completed"]);
    let mut followed = 0;
    for told in steps.iter().chain(steps.iter().flat_map(|step| step["losses"].as_array().unwrap())) {
        let messages = told["messages"].as_str().unwrap();
        let rows = json(server.ask(messages).await).await["data"].as_array().unwrap().len();
        assert_eq!(Some(rows as u64), told["count"].as_u64(), "{messages}");
        followed += 1;
    }
    assert_eq!(followed, 6 + 2, "six steps, and losses of two kinds");
}

#[tokio::test]
async fn the_same_filters_need_the_same_key() {
    let server = with_mails().await;

    for path in [LIST, "/v1/metrics/delivery", "/v1/metrics/funnel"] {
        let response = server.client.get(path).header("accept", "text/csv").send().await;
        assert_eq!(problem(response).await, refusal(401, "unauthorized", &[]), "{path}");
    }
}
