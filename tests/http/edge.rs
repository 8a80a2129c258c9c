use std::io::Write;
use std::sync::Mutex;

use tokio::time::Instant;

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_like_any_other() {
    let TestServer { client, .. } = &TestServer::start().await;

    for path in
        ["/nothing", "/v1/nothing", "/v1/password-resets/", "/sandbox", "/v1/password-resets/../../etc"]
    {
        assert_eq!(problem(client.get(path).send().await).await, refusal(404, "not_found", &[]), "{path}");
    }
}

#[tokio::test]
async fn the_root_leads_to_where_people_begin() {
    let server = TestServer::with("http://127.0.0.1:8080/in/", TestReadiness::Ready, |_| ()).await;

    for method in [Method::GET, Method::HEAD] {
        let root = server.client.request(method, "/").send().await;
        root.assert_status(StatusCode::SEE_OTHER);
        root.assert_header("location", "/in/account");
    }
    let refused = server.client.post("/").send().await;
    refused.assert_header("allow", "GET, HEAD");
    assert_eq!(problem(refused).await, refusal(405, "method_not_allowed", &[]));
}

#[tokio::test]
async fn a_refused_method_is_told_which_ones_there_are() {
    let TestServer { client, .. } = &TestServer::start().await;
    let cases = [
        ("/v1/password-resets", Method::PUT, "GET, HEAD, POST"),
        ("/v1/password-resets/confirm", Method::OPTIONS, "POST"),
        ("/healthz", Method::POST, "GET, HEAD"),
        ("/webhooks/mailgun", Method::GET, "POST"),
        ("/forgot-password", Method::DELETE, "GET, HEAD, POST"),
    ];

    for (path, method, allow) in cases {
        let response = client.request(method, path).send().await;
        response.assert_header("allow", allow);
        assert_eq!(problem(response).await, refusal(405, "method_not_allowed", &[]), "{path}");
    }
}

#[tokio::test]
async fn a_person_reads_a_refusal_as_a_page() {
    let TestServer { client, .. } = &TestServer::start().await;
    let asks = |method, path: &'static str| {
        client.request(method, path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8").send()
    };

    let missing = asks(Method::GET, "/a/b/nothing").await;
    let refused = asks(Method::DELETE, "/forgot-password").await;
    let for_programs = asks(Method::GET, "/v1/nothing").await;

    missing.assert_status(StatusCode::NOT_FOUND);
    missing.assert_content_type("text/html; charset=utf-8");
    missing.assert_header_exist("content-security-policy");
    let page = missing.0.into_body().into_string().await.unwrap();
    assert!(page.contains("There is nothing here") && page.contains("href=\"/account\""), "{page}");
    refused.assert_status(StatusCode::METHOD_NOT_ALLOWED);
    refused.assert_content_type("text/html; charset=utf-8");
    refused.assert_header("allow", "GET, HEAD, POST");
    assert_eq!(problem(for_programs).await, refusal(404, "not_found", &[]));
}

#[tokio::test]
async fn every_answer_is_kept_out_of_caches_and_is_what_it_says() {
    let TestServer { client, .. } = &TestServer::start().await;

    for path in ["/healthz", "/nothing", "/forgot-password", "/openapi.json", "/docs"] {
        let response = client.get(path).send().await;
        response.assert_header("cache-control", "no-store");
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_header_exist("x-request-id");
        response.assert_header_is_not_exist("strict-transport-security");
    }
}

#[tokio::test]
async fn behind_tls_browsers_are_told_to_stay_there() {
    let server = TestServer::with("https://id.example.test", TestReadiness::Ready, |_| ()).await;

    server.client.get("/healthz").send().await.assert_header("strict-transport-security", "max-age=31536000");
}

#[tokio::test]
async fn scripts_of_exactly_the_allowed_origins_may_read_the_answers() {
    let TestServer { client, .. } = &TestServer::start().await;
    let preflight = |origin: &'static str, path: &'static str| {
        let request = client.request(Method::OPTIONS, path).header("origin", origin);
        request.header("access-control-request-method", "POST").send()
    };

    let allowed = preflight("https://app.test", "/v1/password-resets").await;
    let refused = client.post("/v1/password-resets").header("origin", "https://app.test").send().await;
    let foreign = preflight("https://app.test.evil.test", "/v1/password-resets").await;
    let private = preflight("https://app.test", "/webhooks/mailgun").await;

    allowed.assert_status(StatusCode::NO_CONTENT);
    allowed.assert_header("access-control-allow-origin", "https://app.test");
    refused.assert_header("access-control-allow-origin", "https://app.test");
    for response in [foreign, private] {
        response.assert_status(StatusCode::METHOD_NOT_ALLOWED);
        response.assert_header_is_not_exist("access-control-allow-origin");
    }
}

#[tokio::test]
async fn what_could_betray_an_account_is_answered_at_a_fixed_instant() {
    let late = |settings: &mut HttpSettings| settings.answer_deadline_ms = 400;
    let server = TestServer::with(LOCAL, TestReadiness::Ready, late).await;
    tokio::time::pause();

    for path in ["/v1/password-resets", "/forgot-password"] {
        let asked = Instant::now();
        server.post(path, json!({ "email": "no address" })).await;
        // Timers have a resolution of a millisecond.
        assert!((400..=401).contains(&asked.elapsed().as_millis()), "{path}: {:?}", asked.elapsed());
    }
    let asked = Instant::now();
    server.client.get("/healthz").send().await.assert_status_is_ok();
    assert!(asked.elapsed().is_zero());
}

#[tokio::test]
async fn a_client_that_never_ends_its_body_is_let_go() {
    let server = TestServer::start().await;
    let endless = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let request = server.client.post("/v1/password-resets").content_type("application/json");
    tokio::time::pause();

    let response = request.body(poem::Body::from_bytes_stream(endless)).send().await;

    assert_eq!(problem(response).await, refusal(408, "request_timeout", &[]));
}

#[tokio::test]
async fn a_panic_is_a_problem_without_its_message() {
    let server = TestServer::with(LOCAL, TestReadiness::Panics, |_| ()).await;

    let response = server.client.get("/readyz").send().await;

    response.assert_status(StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.0.into_body().into_string().await.unwrap();
    assert!(body.contains("\"internal\"") && !body.contains("secret cause"));
}

#[tokio::test]
async fn the_log_names_the_route_and_nothing_that_was_sent() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    // For the whole process: a subscriber of one thread misses what another thread met first.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = TestServer::start().await;
    let secrets = ["c2VjcmV0LXRva2Vu", "ada@example.test", "hunter2hunter2", "bsk_guess"];
    let [token, email, password, key] = secrets;

    server.client.get(format!("/reset-password?token={token}")).send().await;
    server.client.get(format!("/{email}/{token}")).header("authorization", key).send().await;
    server.post("/v1/password-resets", json!({ "email": email })).await;
    let confirmation = json!({ "token": token, "new_password": password });
    server.post("/v1/password-resets/confirm", confirmation).await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/reset-password") && text.contains("/v1/password-resets/confirm"), "{text}");
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
