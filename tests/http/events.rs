//! The feed: in the order of the log, without a gap, without anything personal; pushed, and resumed where it broke
//! off.

use backstamp::api_keys::Scope;
use poem::http::HeaderMap;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};

use super::operators::{json, mail};
use super::*;

const FEED: &str = "/v1/events";

/// An open stream, line by line.
struct Listener(Lines<Box<dyn tokio::io::AsyncBufRead + Send + Unpin>>);

impl TestServer {
    async fn listen(&self, last: Option<i64>, query: &str) -> Listener {
        self.listen_with("bsk_admin", last, query).await
    }

    async fn listen_with(&self, token: &str, last: Option<i64>, query: &str) -> Listener {
        let request = self.client.get(format!("{FEED}/stream{query}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = match last {
            Some(last) => request.header("last-event-id", last.to_string()),
            None => request,
        };
        let response = request.send().await;
        response.assert_status_is_ok();
        response.assert_content_type("text/event-stream");
        assert_eq!(response.0.header("cache-control"), Some("no-store"));
        let body = response.0.into_body().into_async_read();
        let body: Box<dyn tokio::io::AsyncBufRead + Send + Unpin> = Box::new(BufReader::new(body));
        let mut listener = Listener(body.lines());
        assert!(listener.line().await.unwrap().starts_with("retry: "));
        listener
    }
}

impl Listener {
    /// The next line; none once it has ended.
    async fn line(&mut self) -> Option<String> {
        let line = tokio::time::timeout(Duration::from_secs(10), self.0.next_line());
        line.await.expect("something comes in time").unwrap()
    }

    /// The position and the entry of the next event.
    async fn event(&mut self) -> (i64, Value) {
        loop {
            let line = self.line().await.expect("the stream goes on");
            if let Some(id) = line.strip_prefix("id: ") {
                let name = self.line().await.unwrap();
                let data = self.line().await.unwrap();
                let entry: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                assert_eq!(name, format!("event: {}", entry["type"].as_str().unwrap()));
                return (id.parse().unwrap(), entry);
            }
        }
    }
}

#[tokio::test]
async fn the_feed_tells_every_event_once_in_the_order_of_the_log() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    server.mailed_token(&account, None).await;
    mail(&server, 1, "password-reset", "eve@example.test").await;

    let (mut told, mut after) = (Vec::new(), 0);
    loop {
        let page = json(server.ask(&format!("{FEED}?after={after}&limit=2")).await).await;
        told.extend(page["data"].as_array().unwrap().iter().cloned());
        after = page["next_after"].as_i64().unwrap();
        if page["next_cursor"].is_null() {
            break;
        }
    }
    let end = json(server.ask(&format!("{FEED}?after={after}")).await).await;

    let positions: Vec<_> = told.iter().map(|entry| entry["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=server.log.last_position().await.unwrap()).collect::<Vec<_>>());
    assert_eq!(told[0]["type"], "password_reset.requested");
    assert_eq!(told.last().unwrap()["kind"], "requested");
    assert!(told.iter().all(|entry| entry["text"].is_string()));
    assert_eq!((&end["data"], end["next_after"].as_i64()), (&json!([]), Some(after)));
    let text = serde_json::to_string(&told).unwrap();
    for personal in ["ada@", "eve@", "$seal", "salt"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[tokio::test]
async fn the_stream_pushes_what_happens_and_goes_on_where_it_broke_off() {
    let server = TestServer::start().await;
    mail(&server, 1, "password-reset", "a@example.test").await;
    let mut from_now = server.listen(None, "").await;
    let mut from_the_start = server.listen(None, "?after=0").await;

    mail(&server, 2, "password-reset", "b@example.test").await;
    let (pushed, entry) = from_now.event().await;
    let (first, _) = from_the_start.event().await;
    drop((from_now, from_the_start));
    mail(&server, 3, "password-reset", "c@example.test").await;
    let mut resumed = server.listen(Some(pushed), "?after=0").await;

    assert_eq!((first, pushed), (1, 2));
    assert_eq!(entry["message_id"], MessageId::from_uuid(uuid::Uuid::from_u128(2)).to_string());
    assert_eq!(resumed.event().await.0, 3);
}

#[tokio::test]
async fn a_key_that_is_revoked_and_an_operator_who_is_none_any_more_are_cut_off() {
    let server = TestServer::start().await;
    let key = server.key(Scope::SupportRead).await;
    let (operator, session) = server.session_of(Role::Operator).await;
    let mut by_key = server.listen_with(&key, None, "").await;
    let mut by_session = server.listen_with(&session, None, "").await;

    let id = json(server.ask("/v1/keys").await).await["data"][0]["id"].as_str().unwrap().to_owned();
    server.call(Method::DELETE, &format!("/v1/keys/{id}"), "bsk_admin", None).await;
    server.directory.set_role(operator.id, Role::User).await.unwrap();

    for listener in [&mut by_key, &mut by_session] {
        while listener.line().await.is_some() {}
    }
}

#[tokio::test]
async fn a_stop_ends_every_stream() {
    let server = TestServer::start().await;
    let mut listener = server.listen(None, "").await;

    server.stop.cancel();

    while listener.line().await.is_some() {}
}

#[tokio::test]
async fn there_are_only_so_many_listeners_and_one_who_leaves_makes_room() {
    let server = TestServer::start().await;
    let mut listeners = Vec::new();
    for _ in 0..8 {
        let key = server.key(Scope::SupportRead).await;
        for _ in 0..8 {
            listeners.push(server.listen_with(&key, None, "").await);
        }
    }

    let refused = server.ask(&format!("{FEED}/stream")).await;
    let headers: HeaderMap = refused.0.headers().clone();
    let refused = problem(refused).await;
    listeners.pop();

    assert_eq!(refused, refusal(503, "busy", &[]));
    assert_eq!(headers["retry-after"], "10");
    server.listen(None, "").await;
}

#[tokio::test]
async fn one_key_or_account_takes_a_share_of_the_listeners_and_no_more() {
    let server = TestServer::start().await;
    let (_, session) = server.session_of(Role::Operator).await;
    for token in [server.key(Scope::SupportRead).await, session, "bsk_admin".to_owned()] {
        let mut listeners = Vec::new();
        for _ in 0..8 {
            listeners.push(server.listen_with(&token, None, "").await);
        }

        let refused = server.call(Method::GET, &format!("{FEED}/stream"), &token, None).await;
        let headers: HeaderMap = refused.0.headers().clone();
        let refused = problem(refused).await;
        listeners.pop();

        assert_eq!(refused, refusal(429, "rate_limited", &[]));
        assert_eq!(headers["retry-after"], "10");
        assert_eq!(headers["ratelimit-policy"], "\"streams\";q=8;qu=\"concurrent-requests\"");
        server.listen_with(&token, None, "").await;
    }
}

#[tokio::test]
async fn a_position_that_is_none_is_refused() {
    let server = TestServer::start().await;

    for (query, pointer) in [
        ("?after=-1", "/after"),
        ("?after=x", "/after"),
        ("?cursor=%27%20OR%201%3D1", "/cursor"),
        ("?limit=0", "/limit"),
        ("?limit=501", "/limit"),
    ] {
        let refused = problem(server.ask(&format!("{FEED}{query}")).await).await;
        assert_eq!(refused, refusal(422, "invalid_request", &[pointer]), "{query}");
    }
    let request = server.client.get(format!("{FEED}/stream")).header("authorization", "Bearer bsk_admin");
    let refused = problem(request.header("last-event-id", "9'--").send().await).await;
    assert_eq!(refused, refusal(422, "invalid_request", &["/Last-Event-ID"]));
}
