use std::collections::BTreeSet;

use backstamp::api_keys::{NewApiKey, Scope};
use secrecy::ExposeSecret;

use super::*;

const KEYS: &str = "/v1/keys";
const RESETS: &str = "/v1/password-resets";

impl TestServer {
    /// A key with this scope.
    pub async fn key(&self, scope: Scope) -> String {
        let new = NewApiKey::new("a test", [scope].into_iter().collect(), None, "cli").unwrap();
        self.api_keys.create(new).await.unwrap().1.expose_secret().to_owned()
    }
}

pub async fn json_of(response: TestResponse) -> Value {
    response.json().await.value().deserialize()
}

/// Every operation of the document that takes a key, with the one scope that it names.
async fn guarded(server: &TestServer) -> Vec<(Method, String, Scope)> {
    let document = json_of(server.client.get("/openapi.json").send().await).await;
    let mut operations = vec![];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let securities: Vec<&Value> = operation["security"].as_array().into_iter().flatten().collect();
            let is_open = securities.is_empty() || securities.contains(&&json!({}));
            let tags = operation["tags"].as_array().unwrap();
            assert!(!(is_open && tags.contains(&json!("Operators"))), "{method} {path} is open");
            let named = securities.iter().find_map(|security| security["api_key"].as_array());
            if let Some(named) = named.filter(|_| !is_open) {
                assert_eq!(named.len(), 1, "{method} {path}: put #[oai(scope = …)] on its caller");
                let method = method.to_uppercase().parse().unwrap();
                operations.push((method, path.clone(), named[0].as_str().unwrap().parse().unwrap()));
            }
        }
    }
    operations
}

#[tokio::test]
async fn every_operators_call_names_the_scope_it_needs_and_takes_no_other() {
    let server = TestServer::start().await;
    let mut keys = vec![];
    for scope in Scope::ALL {
        keys.push((scope, server.key(scope).await));
    }

    let operations = guarded(&server).await;

    let named: BTreeSet<_> = operations.iter().map(|(_, _, scope)| *scope).collect();
    assert!(named.contains(&Scope::SupportRead) && named.contains(&Scope::Admin), "{named:?}");
    for (method, path, needed) in operations {
        let path = path.replace("{id}", "nothing");
        for (scope, key) in &keys {
            let response = server.call(method.clone(), &path, key, None).await;
            let status = response.0.status().as_u16();
            if *scope == needed || *scope == Scope::Admin {
                assert!(![401, 403].contains(&status), "{method} {path} with {scope}: {status}");
            } else {
                let challenge =
                    format!("Bearer realm=\"backstamp\", error=\"insufficient_scope\", scope=\"{needed}\"");
                response.assert_header("www-authenticate", challenge);
                assert_eq!(
                    problem(response).await,
                    refusal(403, "forbidden", &[]),
                    "{method} {path} {scope}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_shown_once_works_until_it_is_revoked_and_stays_listed() {
    let server = TestServer::start().await;
    let wanted = json!({ "name": "help desk", "scopes": ["support:read"], "expires_in": 3600 });

    let made = server.call(Method::POST, KEYS, "bsk_admin", Some(&wanted)).await;
    made.assert_status(StatusCode::CREATED);
    let made = json_of(made).await;
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());

    assert_eq!(made["created_by"], "operator");
    assert_eq!(made["status"], "active");
    server.call(Method::GET, "/v1/messages", key, None).await.assert_status_is_ok();
    let path = format!("{KEYS}/{id}");
    for _ in 0..2 {
        server.call(Method::DELETE, &path, "bsk_admin", None).await.assert_status(StatusCode::NO_CONTENT);
    }
    let refused = server.call(Method::GET, "/v1/messages", key, None).await;
    assert_eq!(problem(refused).await, refusal(401, "unauthorized", &[]));
    let listed = server.call(Method::GET, KEYS, "bsk_admin", None).await.0.into_body().into_string().await;
    let listed = listed.unwrap();
    assert!(listed.contains("\"status\":\"revoked\"") && listed.contains(id), "{listed}");
    assert!(!listed.contains(key.rsplit('_').next().unwrap()), "{listed}");
}

#[tokio::test]
async fn an_expired_key_is_like_none() {
    let server = TestServer::start().await;
    let wanted = json!({ "name": "short", "scopes": ["support:read", "support:read"], "expires_in": 60 });
    let made = json_of(server.call(Method::POST, KEYS, "bsk_admin", Some(&wanted)).await).await;
    assert_eq!(made["scopes"], json!(["support:read"]));

    server.clock.advance(TimeDelta::seconds(60));

    let refused = server.call(Method::GET, "/v1/messages", made["key"].as_str().unwrap(), None).await;
    assert_eq!(problem(refused).await, refusal(401, "unauthorized", &[]));
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_refused_with_the_place() {
    let server = TestServer::start().await;
    let good = json!({ "name": "x", "scopes": ["admin"] });
    let cases = [
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "a\nb" }), "/name"),
        (json!({ "name": "x".repeat(101) }), "/name"),
        (json!({ "scopes": [] }), "/scopes"),
        (json!({ "scopes": ["admin", "root"] }), "/scopes/1"),
        (json!({ "scopes": "admin" }), "/scopes"),
        (json!({ "expires_in": 0 }), "/expires_in"),
        (json!({ "expires_in": -1 }), "/expires_in"),
        (json!({ "expires_in": 400_000_000 }), "/expires_in"),
        (json!({ "expires_in": "90d" }), "/expires_in"),
        (json!({ "secret": "mine" }), "/secret"),
    ];

    for (change, pointer) in cases {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let response = server.call(Method::POST, KEYS, "bsk_admin", Some(&body)).await;
        assert_eq!(problem(response).await, refusal(422, "invalid_request", &[pointer]), "{body}");
    }
    let unknown = server.call(Method::DELETE, "/v1/keys/key_1", "bsk_admin", None).await;
    assert_eq!(problem(unknown).await, refusal(404, "not_found", &[]));
    let bad_cursor = server.call(Method::GET, "/v1/keys?cursor=x", "bsk_admin", None).await;
    assert_eq!(problem(bad_cursor).await, refusal(422, "invalid_request", &["/cursor"]));
}

#[tokio::test]
async fn keys_come_in_pages_newest_first() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        server.clock.advance(TimeDelta::seconds(1));
        server.key(Scope::SupportRead).await;
    }
    let page = async |query: &str| {
        json_of(server.call(Method::GET, &format!("{KEYS}{query}"), "bsk_admin", None).await).await
    };
    let ids = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().into()).collect()
    };

    let first = page("?limit=2").await;
    let rest = page(&format!("?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;

    assert_eq!((ids(&first).len(), ids(&rest).len(), &rest["next_cursor"]), (2, 1, &Value::Null));
    let all = [ids(&first), ids(&rest)].concat();
    assert!(all.is_sorted_by(|newer, older| newer > older), "{all:?}");
}

#[tokio::test]
async fn a_backend_with_a_key_is_not_counted_against_one_client_address() {
    let server = TestServer::start().await;
    let key = server.key(Scope::ResetCreate).await;
    let ask = async |authorization: &str, n: u32| {
        let request = server.client.post(RESETS).header("authorization", authorization);
        request.body_json(&json!({ "email": format!("a{n}@b.test") })).send().await
    };

    // One client address has three requests here.
    for n in 0..6 {
        ask(&format!("Bearer {key}"), n).await.assert_status(StatusCode::ACCEPTED);
    }
    for n in 0..3 {
        ask("Bearer a-token-of-the-frontend", n).await.assert_status(StatusCode::ACCEPTED);
    }
    assert_eq!(problem(ask("Basic eDp5", 9).await).await, refusal(429, "rate_limited", &[]));
    ask(&format!("Bearer {key}"), 9).await.assert_status(StatusCode::ACCEPTED);

    let other = server.key(Scope::SupportAct).await;
    assert_eq!(problem(ask(&format!("Bearer {other}"), 9).await).await, refusal(403, "forbidden", &[]));
    assert_eq!(problem(ask("Bearer bsk_nobodys", 9).await).await, refusal(401, "unauthorized", &[]));
}
