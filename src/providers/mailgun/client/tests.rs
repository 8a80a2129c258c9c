use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::clock::SystemClock;
use crate::domain::address::EmailAddress;

const HEADER: &str = "0199a3c0@mg.example.test";

fn message_id() -> MessageId {
    "msg_0199a3c04b5e7d21a6f2c3d4e5f60718".parse().unwrap()
}

fn mail() -> OutgoingMail {
    OutgoingMail {
        message_id: message_id(),
        message_id_header: HEADER.into(),
        from: "Acme <no-reply@mg.example.test>".into(),
        to: EmailAddress::parse("ada+x@example.test").unwrap(),
        subject: "Reset your password".into(),
        text: "https://app.example.test/reset-password?token=SECRET".into(),
        html: "<a href=\"#\">Reset</a>".into(),
        tag: "password_reset".into(),
        track_opens: true,
    }
}

fn client(base_url: &str) -> Mailgun {
    let settings = MailgunSettings {
        base_url: base_url.parse().unwrap(),
        domain: "mg.example.test".into(),
        api_key: "key-1".into(),
        timeout: Duration::from_millis(500),
        require_tls: true,
    };
    Mailgun::new(settings, "mailgun", Arc::new(SystemClock)).unwrap()
}

async fn look_up(server: &MockServer) -> Result<Option<Accepted>, LookUpError> {
    let since = DateTime::from_timestamp(1_771_061_411, 0).unwrap();
    client(&server.uri()).find_accepted(message_id(), HEADER, since).await
}

fn event(delivery_id: &str, message_id: &str) -> Value {
    json!({ "event": "accepted", "user-variables": { "delivery_id": delivery_id },
        "message": { "headers": { "message-id": message_id } } })
}

fn page(items: &[Value], next: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({ "items": items, "paging": { "next": next, "previous": next } }))
}

/// A listener whose first connection goes through `answer`, which is told when the request was read whole.
async fn stranger<F, A>(answer: F) -> String
where
    F: FnOnce(TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream).await;
    });
    format!("http://{address}")
}

/// Reads until the form's last field, which comes at the end of the body.
async fn read_request(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("delivery_id=msg_0199a3c04b5e7d21a6f2c3d4e5f60718") {
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk).await.unwrap();
        assert_ne!(length, 0, "the request ended early");
        read.extend_from_slice(&chunk[..length]);
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_with_everything_it_needs_to_come_back() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200)
        .set_body_json(json!({ "id": format!("<{HEADER}>"), "message": "Queued." }));
    let mut mock = Mock::given(method("POST"))
        .and(path("/v3/mg.example.test/messages"))
        .and(header("authorization", "Basic YXBpOmtleS0x"))
        .and(header("content-type", "application/x-www-form-urlencoded"));
    for field in [
        "to=ada%2Bx%40example.test",
        "o%3Atag=password_reset",
        "o%3Atracking=yes",
        "o%3Atracking-opens=yes",
        "o%3Atracking-clicks=no",
        "o%3Arequire-tls=yes",
        "h%3AAuto-Submitted=auto-generated",
        "h%3AMessage-Id=%3C0199a3c0%40mg.example.test%3E",
        "v%3Adelivery_id=msg_0199a3c04b5e7d21a6f2c3d4e5f60718",
    ] {
        mock = mock.and(body_string_contains(field));
    }
    mock.respond_with(answer).expect(1).mount(&server).await;

    let accepted = client(&server.uri()).send(&mail()).await;

    assert_eq!(accepted, Ok(Accepted::as_message(HEADER.into())));
}

#[tokio::test]
async fn a_refused_connection_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let result = client(&format!("http://{address}")).send(&mail()).await;

    assert_eq!(result, Err(SendError::NotSent { reason: "no connection".into() }));
}

#[tokio::test]
async fn a_failed_tls_handshake_means_not_sent() {
    let base_url = stranger(|stream| async move { drop(stream) }).await.replace("http:", "https:");

    let result = client(&base_url).send(&mail()).await;

    assert!(matches!(result, Err(SendError::NotSent { .. })), "{result:?}");
}

#[tokio::test]
async fn a_connection_closed_after_the_body_leaves_the_outcome_unknown() {
    let base_url = stranger(|mut stream| async move { read_request(&mut stream).await }).await;

    let result = client(&base_url).send(&mail()).await;

    assert_eq!(result, Err(SendError::Ambiguous { reason: "the connection broke".into() }));
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_the_outcome_unknown() {
    let base_url = stranger(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"id\":").await.unwrap();
    })
    .await;

    let result = client(&base_url).send(&mail()).await;

    assert!(matches!(result, Err(SendError::Ambiguous { .. })), "{result:?}");
}

#[tokio::test]
async fn no_answer_in_time_leaves_the_outcome_unknown() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(method("POST")).respond_with(slow).mount(&server).await;

    let result = client(&server.uri()).send(&mail()).await;

    assert_eq!(result, Err(SendError::Ambiguous { reason: "no answer in time".into() }));
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let server = MockServer::start().await;
    let long =
        ResponseTemplate::new(200).set_body_string(format!("{{\"id\":\"{}\"}}", "x".repeat(MAX_ANSWER)));
    Mock::given(method("POST")).respond_with(long).mount(&server).await;

    let result = client(&server.uri()).send(&mail()).await;

    assert!(matches!(result, Err(SendError::Ambiguous { .. })), "{result:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
    Mock::given(path("/v3/mg.example.test/messages")).respond_with(away).mount(&server).await;
    Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;

    let result = client(&server.uri()).send(&mail()).await;

    assert!(matches!(result, Err(SendError::Configuration { .. })), "{result:?}");
}

#[tokio::test]
async fn a_taken_message_is_found_by_our_own_id_on_a_later_page() {
    let server = MockServer::start().await;
    let ours = event("msg_0199a3c04b5e7d21a6f2c3d4e5f60718", "made.by.mailgun@mg.example.test");
    Mock::given(path("/v3/mg.example.test/events"))
        .and(query_param("message-id", HEADER))
        .and(query_param("begin", "1771061111"))
        .and(query_param("ascending", "yes"))
        .respond_with(page(
            &[event("msg_other", HEADER)],
            &format!("{}/v3/mg.example.test/events/2", server.uri()),
        ))
        .mount(&server)
        .await;
    Mock::given(path("/v3/mg.example.test/events/2"))
        .and(header("authorization", "Basic YXBpOmtleS0x"))
        .respond_with(page(&[ours], ""))
        .mount(&server)
        .await;

    let found = look_up(&server).await;

    assert_eq!(found, Ok(Some(Accepted::as_message("made.by.mailgun@mg.example.test".into()))));
}

#[tokio::test]
async fn an_empty_page_means_that_the_message_is_not_known() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(page(&[], &server.uri())).mount(&server).await;

    assert_eq!(look_up(&server).await, Ok(None));
}

#[tokio::test]
async fn paging_that_never_ends_is_given_up() {
    let server = MockServer::start().await;
    let forever = page(&[event("msg_other", HEADER)], &server.uri());
    Mock::given(method("GET")).respond_with(forever).expect(MAX_PAGES as u64).mount(&server).await;

    assert!(matches!(look_up(&server).await, Err(LookUpError::Unavailable { .. })));
}

#[tokio::test]
async fn the_key_is_not_taken_to_another_host() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    Mock::given(method("GET"))
        .respond_with(page(&[event("msg_other", HEADER)], &elsewhere.uri()))
        .mount(&server)
        .await;
    Mock::given(method("GET")).respond_with(page(&[], "")).expect(0).mount(&elsewhere).await;

    assert!(matches!(look_up(&server).await, Err(LookUpError::Unavailable { .. })));
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_says_so() {
    for (status, unsupported) in [(404, true), (405, true), (403, true), (503, false), (429, false)] {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(status)).mount(&server).await;

        let result = look_up(&server).await.unwrap_err();

        assert_eq!(matches!(result, LookUpError::Unsupported { .. }), unsupported, "{status}");
    }
}

#[test]
fn a_mail_shows_neither_its_recipient_nor_its_bodies() {
    let shown = format!("{:?}", mail());

    assert!(shown.contains("msg_0199a3c04b5e7d21a6f2c3d4e5f60718"));
    assert!(!shown.contains("ada") && !shown.contains("SECRET") && !shown.contains("Reset"));
}
