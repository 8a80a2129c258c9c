use super::*;

const RESETS: &str = "/v1/password-resets";
const INSPECT: &str = "/v1/password-resets/inspect";
const CONFIRM: &str = "/v1/password-resets/confirm";

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answer() {
    let server = TestServer::start().await;
    server.account("ada@example.test").await;
    let mut answers = Vec::new();

    for email in ["ada@example.test", "nobody@example.test"] {
        let response = server.post(RESETS, json!({ "email": email, "locale": "en" })).await;
        let mut headers = response.0.headers().clone();
        headers.remove("x-request-id");
        let status = response.0.status();
        let mut body: Value = response.json().await.value().deserialize();
        let id = body.as_object_mut().unwrap().remove("request_id").unwrap();
        assert!(id.as_str().unwrap().starts_with("rst_"));
        answers.push((status, headers, body));
    }

    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::ACCEPTED);
    assert_eq!(answers[0].2, json!({ "status": "accepted", "expires_in": 3600, "resend_after": 60 }));
}

#[tokio::test]
async fn every_value_that_cannot_be_accepted_is_named() {
    let server = TestServer::start().await;
    let cases = [
        (
            json!({ "email": "Ada <a@b.test>", "locale": "../x", "redirect_to": "https://evil.test" }),
            &["/email", "/locale", "/redirect_to"][..],
        ),
        (json!({ "email": ["a@b.test"] }), &["/email"]),
        (json!({ "email": { "x": 1 } }), &["/email"]),
        (json!({ "email": null }), &["/email"]),
        (json!({ "email": "a@b.test,c@d.test" }), &["/email"]),
        (json!({ "email": "a@b.test\r\nBcc: c@d.test" }), &["/email"]),
        (json!({ "email": "a\u{0}@b.test" }), &["/email"]),
        (json!({ "email": "a@b.test", "admin": true }), &["/admin"]),
        (json!(["a@b.test", null, null]), &[""]),
        (json!({}), &["/email"]),
    ];

    for (body, pointers) in cases {
        let response = server.post(RESETS, body.clone()).await;
        assert_eq!(problem(response).await, refusal(422, "invalid_request", pointers), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_json_of_ours_is_refused_by_its_kind() {
    let server = TestServer::start().await;
    let twice = r#"{"email":"a@b.test","email":"c@d.test"}"#.to_owned();
    let deep = format!(r#"{{"email":{}1{}}}"#, "[".repeat(20), "]".repeat(20));
    let json = "application/json";
    let cases = [
        (json, "{".to_owned(), refusal(400, "malformed_json", &[])),
        (json, twice, refusal(400, "malformed_json", &[])),
        (json, deep, refusal(400, "malformed_json", &[])),
        ("text/plain", "{}".to_owned(), refusal(415, "unsupported_media_type", &[])),
        ("application/x-www-form-urlencoded", "email=a".into(), refusal(415, "unsupported_media_type", &[])),
        (json, " ".repeat(16 * 1024 + 1), refusal(413, "payload_too_large", &[])),
    ];

    for (kind, body, expected) in cases {
        let response = server.client.post(RESETS).content_type(kind).body(body).send().await;
        assert_eq!(problem(response).await, expected);
    }
    let untyped = server.client.post(RESETS).body("{}").send().await;
    assert_eq!(problem(untyped).await, refusal(415, "unsupported_media_type", &[]));
}

#[tokio::test]
async fn over_the_limit_the_answer_says_when_to_come_back() {
    let server = TestServer::start().await;
    for n in 0..3 {
        server
            .post(RESETS, json!({ "email": format!("a{n}@b.test") }))
            .await
            .assert_status(StatusCode::ACCEPTED);
    }

    let response = server.post(RESETS, json!({ "email": "a3@b.test" })).await;

    let wait = response.0.header("retry-after").unwrap().to_owned();
    response.assert_header("ratelimit", format!("\"client\";r=0;t={wait}"));
    response.assert_header("ratelimit-policy", "\"client\";q=3;w=3600");
    assert_eq!(problem(response).await, refusal(429, "rate_limited", &[]));
}

#[tokio::test]
async fn inspecting_tells_whose_link_it_is_without_telling() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, None).await;

    let response = server.post(INSPECT, json!({ "token": token })).await;

    response.assert_status_is_ok();
    let body: Value = response.json().await.value().deserialize();
    assert_eq!(body["status"], "valid");
    assert_eq!(body["account_hint"], "a***@e***.test");
    assert_eq!(body["password_policy"]["min_length"], 8);
    let expires_at = DateTime::parse_from_rfc3339(body["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(expires_at, server.clock.now() + TimeDelta::hours(1));
}

#[tokio::test]
async fn a_link_that_does_not_work_says_why() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, None).await;
    let other = if token.ends_with('A') { 'B' } else { 'A' };
    let forged = format!("{}{other}", &token[..token.len() - 1]);

    for text in ["", "x", forged.as_str(), &format!("{token}="), &token.to_lowercase()] {
        let response = server.post(INSPECT, json!({ "token": text })).await;
        assert_eq!(problem(response).await, refusal(400, "token_invalid", &[]), "{text}");
    }
    server.clock.advance(TimeDelta::hours(2));
    let late = server.post(INSPECT, json!({ "token": token })).await;
    assert_eq!(problem(late).await, refusal(410, "token_expired", &[]));
}

#[tokio::test]
async fn a_refused_password_leaves_the_link_alive_for_one_good_one() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, Some("https://app.test/done")).await;
    let confirm = |password: &str| server.post(CONFIRM, json!({ "token": token, "new_password": password }));

    let refused = confirm("short").await;
    let done = confirm(GOOD_PASSWORD).await;
    let again = confirm(GOOD_PASSWORD).await;

    assert_eq!(problem(refused).await, refusal(422, "password_rejected", &[]));
    done.assert_status_is_ok();
    let answer =
        json!({ "status": "completed", "sessions": "revoked", "login_url": "https://app.test/done" });
    done.assert_json(answer).await;
    assert_eq!(problem(again).await, refusal(410, "token_used", &[]));
    assert_ne!(server.reload(&account).await.credential_version, account.credential_version);
}

#[tokio::test]
async fn of_many_confirms_at_once_exactly_one_wins() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let token = server.mailed_token(&account, None).await;
    let body = json!({ "token": token, "new_password": GOOD_PASSWORD });

    let answers = futures_util::future::join_all((0..6).map(|_| server.post(CONFIRM, body.clone()))).await;

    let won = answers.iter().filter(|answer| answer.0.status() == StatusCode::OK).count();
    assert_eq!(won, 1);
    for answer in answers.into_iter().filter(|answer| answer.0.status() != StatusCode::OK) {
        let (status, code, _) = problem(answer).await;
        assert!(status == 410 || status == 503, "{code}");
    }
}

#[tokio::test]
async fn a_change_of_the_account_kills_its_links() {
    let server = TestServer::start().await;
    let account = server.account("ada@example.test").await;
    let stale = Account { credential_version: account.credential_version + 1, ..account };
    let token = server.mailed_token(&stale, None).await;

    let inspected = server.post(INSPECT, json!({ "token": token })).await;
    let confirmed = server.post(CONFIRM, json!({ "token": token, "new_password": GOOD_PASSWORD })).await;

    assert_eq!(problem(inspected).await, refusal(410, "token_superseded", &[]));
    assert_eq!(problem(confirmed).await, refusal(410, "token_superseded", &[]));
}

#[tokio::test]
async fn a_webhook_is_json_of_a_bounded_size() {
    let server = TestServer::start().await;
    let huge = "x".repeat(256 * 1024 + 1);
    let cases = [
        ("text/plain", "{}", refusal(415, "unsupported_media_type", &[])),
        ("application/json", huge.as_str(), refusal(413, "payload_too_large", &[])),
        ("application/json", "", refusal(406, "webhook_refused", &[])),
    ];

    for (kind, body, expected) in cases {
        let request = server.client.post("/webhooks/mailgun").content_type(kind);
        assert_eq!(problem(request.body(body.to_owned()).send().await).await, expected);
    }
}

#[tokio::test]
async fn readiness_names_its_dependencies() {
    let away = TestServer::with(LOCAL, TestReadiness::Away, |_| ()).await;

    let ready = TestServer::start().await.client.get("/readyz").send().await;
    let not_ready = away.client.get("/readyz").send().await;

    let dependency = |ready| json!([{ "name": "database", "ready": ready }]);
    ready.assert_status_is_ok();
    ready.assert_json(json!({ "status": "ready", "dependencies": dependency(true) })).await;
    not_ready.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    not_ready.assert_json(json!({ "status": "not_ready", "dependencies": dependency(false) })).await;
}

#[tokio::test]
async fn the_document_describes_the_public_calls_and_the_codes() {
    let response = TestServer::start().await.client.get("/openapi.json").send().await;

    let text = response.0.into_body().into_string().await.unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        assert_eq!(text.matches(&format!("\"{path}\":")).count(), 1, "{path}: one of two is lost to readers");
    }
    assert!(document["paths"][RESETS]["post"].is_object() && document["paths"][RESETS]["get"].is_object());
    for path in [RESETS, INSPECT, CONFIRM, "/healthz", "/readyz"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let text = document["info"]["description"].as_str().unwrap();
    for code in ["token_superseded", "password_rejected", "malformed_json", "rate_limited"] {
        assert!(text.contains(&format!("`{code}`")), "{code}");
    }
}

#[tokio::test]
async fn the_documentation_runs_its_own_scripts_and_nothing_else() {
    let response = TestServer::start().await.client.get("/docs").send().await;

    let policy = response.0.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
    assert!(!policy.contains("http"));
    let html = response.0.into_body().into_string().await.unwrap();
    // What a browser makes of it is seen in a browser.
    assert_eq!(html.matches("</script>").count(), policy.matches("'sha256-").count());
    assert!(!html.contains("<script src") && !html.contains("<link "));
}

#[tokio::test]
async fn operators_calls_need_the_key() {
    let server = TestServer::start().await;
    let reset = "/v1/password-resets/rst_01900000000070008000000000000001";
    let paths = ["/v1/messages", RESETS, reset, "/v1/metrics/delivery"];

    for path in paths.into_iter().flat_map(|path| [path.to_owned(), format!("{path}?limit=x")]) {
        for key in ["", "Bearer", "Bearer bsk_wrong", "Basic YnNrX2FkbWlu"] {
            let response = server.client.get(&path).header("authorization", key).send().await;
            response.assert_header("www-authenticate", "Bearer realm=\"backstamp\"");
            assert_eq!(problem(response).await, refusal(401, "unauthorized", &[]), "{path} {key}");
        }
    }
}

#[tokio::test]
async fn an_operator_asks_in_words_that_are_checked() {
    let server = TestServer::start().await;
    let ask = |path: &'static str| server.client.get(path).header("authorization", "Bearer bsk_admin").send();
    let refused = [
        ("/v1/messages?limit=201", "/limit"),
        ("/v1/messages?limit=x", "/limit"),
        ("/v1/messages?after=yesterday", "/after"),
        ("/v1/messages?recipient=nobody", "/recipient"),
        ("/v1/messages?template=a%00b", "/template"),
        ("/v1/messages?cursor=x", "/cursor"),
        ("/v1/messages?outcome=nonsense", "/outcome"),
        ("/v1/metrics/delivery?interval=week", "/interval"),
        ("/v1/metrics/delivery?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/to"),
    ];

    for (path, pointer) in refused {
        assert_eq!(problem(ask(path).await).await, refusal(422, "invalid_request", &[pointer]), "{path}");
    }
    for path in ["/v1/messages?limit=200&recipient=ada@example.test", RESETS] {
        let page = ask(path).await;
        page.assert_status_is_ok();
        page.assert_json(json!({ "data": [], "next_cursor": null })).await;
    }
    for path in ["/v1/messages/msg_01900000000070008000000000000001", "/v1/messages/nothing/timeline"] {
        assert_eq!(problem(ask(path).await).await, refusal(404, "not_found", &[]), "{path}");
    }
    ask("/v1/metrics/delivery").await.assert_status_is_ok();
}
