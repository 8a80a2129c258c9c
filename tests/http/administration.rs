//! What operators and administrators do with a session, and what they do with other people's accounts.

use super::keys::json_of;
use super::*;

const ACCOUNTS: &str = "/v1/accounts";
const HASH: &str =
    "$argon2id$v=19$m=1024,t=1,p=1$QLhgNC3jn39VV0FvR8ByIg$HDJ0Isp3v6CTjzGbCYN+s/24G45Ng67mE7f9/wgoUpg";

impl TestServer {
    /// A session of somebody with this role.
    pub async fn session_of(&self, role: Role) -> (Account, String) {
        let email = format!("{role}@example.test");
        let account = self.owner(&email, true).await;
        self.directory.set_role(account.id, role).await.unwrap();
        (account, self.token_of(&email).await)
    }

    async fn token_of(&self, email: &str) -> String {
        let response = self.post("/v1/sessions", json!({ "email": email, "password": GOOD_PASSWORD })).await;
        response.assert_status(StatusCode::CREATED);
        json_of(response).await["token"].as_str().unwrap().to_owned()
    }

    async fn import(&self, media_type: &str, lines: Vec<u8>) -> TestResponse {
        let request = self.client.post("/v1/accounts/import").header("authorization", "Bearer bsk_admin");
        request.header("content-type", media_type).body(lines).send().await
    }

    async fn status_of(&self, method: Method, path: &str, token: &str) -> u16 {
        self.call(method, path, token, None).await.0.status().as_u16()
    }
}

#[tokio::test]
async fn a_session_opens_what_its_role_includes() {
    let server = TestServer::start().await;
    let (user, user_token) = server.session_of(Role::User).await;
    let (_, operator) = server.session_of(Role::Operator).await;
    let (_, admin) = server.session_of(Role::Admin).await;
    let one = format!("{ACCOUNTS}/{}", user.id);
    let calls = [
        (Method::GET, "/v1/messages".to_owned(), [403, 200, 200]),
        (Method::GET, "/v1/metrics/delivery".to_owned(), [403, 200, 200]),
        (Method::POST, "/v1/messages/nothing/resend".to_owned(), [403, 404, 404]),
        (Method::GET, ACCOUNTS.to_owned(), [403, 403, 200]),
        (Method::GET, "/v1/keys".to_owned(), [403, 403, 200]),
        (Method::POST, format!("{one}/disable"), [403, 403, 200]),
    ];

    for (method, path, expected) in calls {
        for (token, expected) in [&user_token, &operator, &admin].into_iter().zip(expected) {
            assert_eq!(server.status_of(method.clone(), &path, token).await, expected, "{method} {path}");
        }
    }

    let closed = server.call(Method::GET, "/v1/messages", &user_token, None).await;
    assert_eq!(problem(closed).await, refusal(401, "unauthorized", &[]), "the account was closed");
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on_and_only_for_the_verified() {
    let server = TestServer::start().await;
    let (operator, token) = server.session_of(Role::Operator).await;
    let path = format!("{ACCOUNTS}/{}", operator.id);
    assert_eq!(server.status_of(Method::GET, "/v1/messages", &token).await, 200);

    let lowered = server.call(Method::PATCH, &path, "bsk_admin", Some(&json!({ "role": "user" }))).await;

    assert_eq!(json_of(lowered).await["role"], "user");
    assert_eq!(server.status_of(Method::GET, "/v1/messages", &token).await, 403);
    server.call(Method::PATCH, &path, "bsk_admin", Some(&json!({ "role": "admin" }))).await;
    let sql = "UPDATE accounts SET verified_at = NULL";
    server.scratch.database.execute(sql, &[]).await.unwrap();
    let unverified = server.call(Method::GET, ACCOUNTS, &token, None).await;
    assert_eq!(problem(unverified).await, refusal(403, "account_not_verified", &[]));
}

#[tokio::test]
async fn an_operators_cookie_acts_only_from_our_own_pages() {
    let server = TestServer::start().await;
    let (account, token) = server.session_of(Role::Admin).await;
    let path = format!("{ACCOUNTS}/{}/enable", account.id);
    let send = |method: Method, path: &str, origin: &'static str| {
        let request = server.client.request(method, path).header("origin", origin);
        request.header("cookie", format!("backstamp-session={token}")).send()
    };

    send(Method::GET, ACCOUNTS, "https://evil.test").await.assert_status_is_ok();
    let foreign = send(Method::POST, &path, "https://evil.test").await;
    assert_eq!(problem(foreign).await, refusal(403, "forbidden", &[]));
    send(Method::POST, &path, LOCAL).await.assert_status_is_ok();
}

#[tokio::test]
async fn accounts_are_listed_newest_first_page_by_page_and_found_by_their_address() {
    let server = TestServer::start().await;
    let mut ids = vec![];
    for name in ["ada", "grace", "joan"] {
        ids.insert(0, server.account(&format!("{name}@example.test")).await.id.to_string());
        server.clock.advance(TimeDelta::seconds(1));
    }

    let first = json_of(server.ask("/v1/accounts?limit=2").await).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = json_of(server.ask(&format!("/v1/accounts?limit=2&cursor={cursor}")).await).await;
    let grace = json_of(server.ask("/v1/accounts?email=GRACE@example.test").await).await;
    let nobody = json_of(server.ask("/v1/accounts?email=nobody@example.test").await).await;

    let ids_in = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!([ids_in(&first), ids_in(&second)].concat(), ids);
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(grace["data"][0]["email"], "grace@example.test");
    assert_eq!(nobody["data"], json!([]));
    for (query, pointer) in [("limit=0", "/limit"), ("cursor=x", "/cursor"), ("email=x", "/email")] {
        let refused = server.ask(&format!("{ACCOUNTS}?{query}")).await;
        assert_eq!(problem(refused).await.2, [pointer], "{query}");
    }
}

#[tokio::test]
async fn a_closed_account_is_out_until_it_is_opened_and_a_deleted_one_is_gone() {
    let server = TestServer::start().await;
    let (account, token) = server.session_of(Role::User).await;
    let one = format!("{ACCOUNTS}/{}", account.id);
    let log_in = json!({ "email": "user@example.test", "password": GOOD_PASSWORD });

    let closed = json_of(server.act(&format!("{one}/disable"), json!({})).await).await;
    assert_eq!(closed["disabled"], true);
    assert_eq!(server.status_of(Method::GET, "/v1/me", &token).await, 401);
    server.post("/v1/sessions", log_in.clone()).await.assert_status(StatusCode::UNAUTHORIZED);

    let opened = json_of(server.act(&format!("{one}/enable"), json!({})).await).await;
    assert_eq!(opened["disabled"], false);
    assert_eq!(server.status_of(Method::GET, "/v1/me", &token).await, 401, "the session stays dead");
    server.post("/v1/sessions", log_in.clone()).await.assert_status(StatusCode::CREATED);

    let deleted = server.call(Method::DELETE, &one, "bsk_admin", None).await;
    deleted.assert_status(StatusCode::NO_CONTENT);
    server.post("/v1/sessions", log_in).await.assert_status(StatusCode::UNAUTHORIZED);
    for (method, path) in [
        (Method::GET, one.clone()),
        (Method::DELETE, one.clone()),
        (Method::POST, format!("{one}/disable")),
        (Method::POST, format!("{one}/enable")),
        (Method::GET, format!("{ACCOUNTS}/nothing")),
    ] {
        let gone = server.call(method.clone(), &path, "bsk_admin", None).await;
        assert_eq!(problem(gone).await, refusal(404, "not_found", &[]), "{method} {path}");
    }
}

#[tokio::test]
async fn an_import_tells_each_line_that_it_did_not_take_and_touches_nobody() {
    let server = TestServer::start().await;
    let (ada, token) = server.session_of(Role::User).await;
    let lines = [
        format!(r#"{{"email":"USER@example.test","password_hash":"{HASH}","role":"admin"}}"#),
        format!(
            r#"{{"email":"grace@example.test","name":"Grace","password_hash":"{HASH}","verified":true}}"#
        ),
        r#"{"email":"joan@example.test","password_hash":"$2b$10$N9qo8uLOickgx2ZMRZoMye"}"#.to_owned(),
        "nonsense".to_owned(),
    ];

    let answer = server.import("application/x-ndjson", lines.join("\n").into_bytes()).await;

    answer.assert_status_is_ok();
    let answer = json_of(answer).await;
    assert_eq!((&answer["imported"], &answer["failed"]), (&json!(1), &json!(3)));
    let mut told: Vec<_> =
        answer["errors"].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, [1, 3, 4]);
    assert!(!answer.to_string().contains("@example.test"), "nobody's address is told back");
    assert_eq!(server.reload(&ada).await.role, Role::User);
    assert_eq!(
        server.status_of(Method::GET, "/v1/me", &token).await,
        200,
        "who was there is still signed in"
    );
}

#[tokio::test]
async fn an_import_that_is_too_long_or_something_else_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let line = r#"{"email":"ada@example.test"}"#;
    let long = format!("{line}\n{}", "\n".repeat(16 * 1024 * 1024));

    let too_long = server.import("application/x-ndjson", long.into_bytes()).await;
    let no_lines = server.import("multipart/form-data", line.into()).await;
    let nobody = server.client.post("/v1/accounts/import").body(line).send().await;

    assert_eq!(problem(too_long).await, refusal(413, "payload_too_large", &[]));
    assert_eq!(problem(no_lines).await, refusal(415, "unsupported_media_type", &[]));
    assert_eq!(problem(nobody).await, refusal(401, "unauthorized", &[]));
    assert_eq!(json_of(server.ask(ACCOUNTS).await).await["data"], json!([]));
}
