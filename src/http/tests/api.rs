use super::*;

const RESETS: &str = "/v1/password-resets";

#[tokio::test]
async fn a_well_formed_request_is_accepted() {
    let response = client().post(RESETS).body_json(&json!({ "email": "ada@example.test" })).send().await;

    response.assert_status(StatusCode::ACCEPTED);
    response
        .assert_json(json!({
            "request_id": "rst_00000000000000000000000000000000",
            "status": "accepted",
            "expires_in": 3600,
            "resend_after": 60,
        }))
        .await;
}

#[tokio::test]
async fn every_value_that_cannot_be_accepted_is_named() {
    let client = client();
    let cases = [
        (
            json!({ "email": "Ada <a@b.test>", "locale": "../x", "redirect_to": "https://evil.test" }),
            &["/email", "/locale", "/redirect_to"][..],
        ),
        (json!({ "email": ["a@b.test"] }), &["/email"]),
        (json!({ "email": { "x": 1 } }), &["/email"]),
        (json!({ "email": "a@b.test,c@d.test" }), &["/email"]),
        (json!({ "email": "a@b.test\r\nBcc: c@d.test" }), &["/email"]),
        (json!({ "email": "a\u{0}@b.test" }), &["/email"]),
        (json!({ "email": "a@b.test", "admin": true }), &["/admin"]),
        (json!({}), &["/email"]),
    ];

    for (body, pointers) in cases {
        let response = client.post(RESETS).body_json(&body).send().await;
        assert_eq!(problem(response).await, refusal(422, "invalid_request", pointers), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_json_of_ours_is_refused_by_its_kind() {
    let client = client();
    let post = |kind: &'static str, body: String| client.post(RESETS).content_type(kind).body(body).send();
    let json = "application/json";
    let twice = r#"{"email":"a@b.test","email":"c@d.test"}"#.to_owned();
    let deep = format!(r#"{{"email":{}1{}}}"#, "[".repeat(20), "]".repeat(20));

    assert_eq!(problem(post(json, "{".into()).await).await, refusal(400, "malformed_json", &[]));
    assert_eq!(problem(post(json, twice).await).await, refusal(400, "malformed_json", &[]));
    assert_eq!(problem(post(json, deep).await).await, refusal(400, "malformed_json", &[]));
    assert_eq!(
        problem(post("text/plain", "{}".into()).await).await,
        refusal(415, "unsupported_media_type", &[])
    );
    assert_eq!(
        problem(post(json, " ".repeat(16 * 1024 + 1)).await).await,
        refusal(413, "payload_too_large", &[])
    );
    let without_type = client.post(RESETS).body("{}").send().await;
    assert_eq!(problem(without_type).await, refusal(415, "unsupported_media_type", &[]));
}

#[tokio::test]
async fn over_the_limit_the_answer_says_when_to_come_back() {
    let response = client().post(RESETS).body_json(&json!({ "email": "over@limit.test" })).send().await;

    response.assert_header("retry-after", "120");
    response.assert_header("ratelimit", "\"client\";r=0;t=120");
    response.assert_header("ratelimit-policy", "\"client\";q=30;w=3600");
    assert_eq!(problem(response).await, refusal(429, "rate_limited", &[]));
}

#[tokio::test]
async fn inspecting_tells_whose_link_it_is_without_telling() {
    let client = client();

    let response =
        client.post("/v1/password-resets/inspect").body_json(&json!({ "token": "live" })).send().await;

    response.assert_status_is_ok();
    let body = response.json().await;
    body.value().object().get("account_hint").assert_string("a***@e***.test");
    body.value().object().get("password_policy").object().get("min_length").assert_i64(8);
}

#[tokio::test]
async fn a_link_that_does_not_work_says_why() {
    let client = client();
    let inspect = |token: &'static str| {
        client.post("/v1/password-resets/inspect").body_json(&json!({ "token": token })).send()
    };

    assert_eq!(problem(inspect("forged").await).await, refusal(400, "token_invalid", &[]));
    assert_eq!(problem(inspect("expired").await).await, refusal(410, "token_expired", &[]));
    assert_eq!(problem(inspect("used").await).await, refusal(410, "token_used", &[]));
}

#[tokio::test]
async fn a_refused_password_leaves_the_link_alive_for_a_good_one() {
    let client = client();
    let confirm = |password: &'static str| {
        let body = json!({ "token": "live", "new_password": password });
        client.post("/v1/password-resets/confirm").body_json(&body).send()
    };

    let refused = confirm("short").await;
    let done = confirm("correct horse battery").await;
    let again = confirm("correct horse battery").await;

    assert_eq!(problem(refused).await, refusal(422, "password_rejected", &[]));
    done.assert_status_is_ok();
    done.assert_json(json!({
        "status": "completed",
        "sessions": "revoked",
        "login_url": "http://127.0.0.1:8080/login",
    }))
    .await;
    assert_eq!(problem(again).await, refusal(410, "token_used", &[]));
}

#[tokio::test]
async fn a_change_of_the_account_kills_its_links() {
    let mut state = state("http://127.0.0.1:8080");
    state.directory = Arc::new(OneAccount { credential_version: 2 });
    let client = client_of(state);

    for (call, extra) in
        [("inspect", json!({})), ("confirm", json!({ "new_password": "correct horse battery" }))]
    {
        let mut body = json!({ "token": "live" });
        body.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap());
        let response = client.post(format!("{RESETS}/{call}")).body_json(&body).send().await;
        assert_eq!(problem(response).await, refusal(410, "token_superseded", &[]));
    }
}

#[tokio::test]
async fn a_webhook_is_json_of_a_bounded_size() {
    let client = client();
    let post = |kind: &'static str, body: String| {
        client.post("/webhooks/mailgun").content_type(kind).body(body).send()
    };

    post("application/json", "{}".into()).await.assert_status_is_ok();

    assert_eq!(
        problem(post("text/plain", "{}".into()).await).await,
        refusal(415, "unsupported_media_type", &[])
    );
    assert_eq!(
        problem(post("application/json", "x".repeat(256 * 1024 + 1)).await).await,
        refusal(413, "payload_too_large", &[])
    );
    assert_eq!(
        problem(post("application/json", String::new()).await).await,
        refusal(406, "webhook_refused", &[])
    );
}

#[tokio::test]
async fn readiness_names_its_dependencies() {
    let response = client().get("/readyz").send().await;

    response
        .assert_json(json!({ "status": "ready", "dependencies": [{ "name": "database", "ready": true }] }))
        .await;
}

#[tokio::test]
async fn the_document_describes_the_public_calls_and_every_code() {
    let response = client().get("/openapi.json").send().await;

    let document: Value = response.json().await.value().deserialize();
    for path in [RESETS, "/v1/password-resets/inspect", "/v1/password-resets/confirm", "/healthz"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let text = document["info"]["description"].as_str().unwrap();
    assert!(problem::Code::ALL.iter().all(|code| text.contains(&format!("`{code}`"))));
}

#[tokio::test]
async fn the_documentation_runs_its_own_scripts_and_nothing_else() {
    let response = client().get("/docs").send().await;

    let policy = response.0.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"));
    assert!(!policy.contains("http"));
    let html = response.0.into_body().into_string().await.unwrap();
    assert_eq!(html.matches("</script>").count(), policy.matches("'sha256-").count());
    assert!(!html.contains("<script src") && !html.contains("<link "));
}
