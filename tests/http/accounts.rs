//! Signing in, and what owners do with their own account.

use super::*;

const SESSIONS_PATH: &str = "/v1/sessions";
const ME: &str = "/v1/me";
const ADA: &str = "ada@example.test";
const NEW_PASSWORD: &str = "amber bicycle quartz";

/// Calls with a session.
impl TestServer {
    async fn try_log_in(&self, email: &str, password: &str) -> TestResponse {
        self.post(SESSIONS_PATH, json!({ "email": email, "password": password })).await
    }

    async fn log_in(&self, email: &str) -> String {
        let response = self.try_log_in(email, GOOD_PASSWORD).await;
        response.assert_status(StatusCode::CREATED);
        token_in(response).await
    }

    async fn get(&self, path: &str, token: &str) -> TestResponse {
        self.call(Method::GET, path, token, None).await
    }

    async fn lives(&self, token: &str) -> bool {
        let response = self.get(ME, token).await;
        if response.0.status() == StatusCode::OK {
            return true;
        }
        assert_eq!(problem(response).await, refusal(401, "unauthorized", &[]));
        false
    }

    async fn change_password(&self, token: &str, current: &str, new: &str) -> TestResponse {
        let body = json!({ "current_password": current, "new_password": new });
        self.call(Method::PUT, "/v1/me/password", token, Some(&body)).await
    }

    async fn count(&self, table: &'static str) -> i64 {
        let sql = format!("SELECT count(*) AS n FROM {table}");
        self.scratch.database.fetch_one(&sql, &[]).await.unwrap().int("n").unwrap()
    }
}

async fn body(response: TestResponse) -> Value {
    response.json().await.value().deserialize()
}

async fn token_in(response: TestResponse) -> String {
    body(response).await["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_right_pair_opens_a_session_and_the_session_opens_the_account() {
    let server = TestServer::start().await;
    let account = server.owner(ADA, true).await;

    let response = server.try_log_in("ADA@example.test", GOOD_PASSWORD).await;

    response.assert_status(StatusCode::CREATED);
    response.assert_header("cache-control", "no-store");
    let begun = body(response).await;
    let token = begun["token"].as_str().unwrap();
    assert!(token.starts_with("bss_") && token.len() == 47, "{token}");
    let expires_at = DateTime::parse_from_rfc3339(begun["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(expires_at, server.clock.now() + TimeDelta::days(7));
    let me = body(server.get(ME, token).await).await;
    assert_eq!(me, begun["account"]);
    assert_eq!(me["id"], account.id.to_string());
    assert_eq!((&me["email"], &me["name"], &me["role"]), (&json!(ADA), &json!("Ada"), &json!("user")));
    assert!(me["verified_at"].is_string() && me["created_at"].is_string(), "{me}");
}

#[tokio::test]
async fn nothing_at_rest_opens_a_session() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;

    let row = server.scratch.database.fetch_one("SELECT id, token_hash FROM sessions", &[]).await.unwrap();

    for stored in [row.text("id").unwrap(), row.text("token_hash").unwrap()] {
        assert!(!token.contains(&stored) && !stored.contains(&token["bss_".len()..]));
        assert!(!server.lives(&stored).await);
        assert!(!server.lives(&format!("bss_{stored}")).await);
    }
    let (start, last) = token.split_at(token.len() - 1);
    for other in ["".into(), "bss_".into(), start.into(), format!("{token}="), format!("{start}{last}A")] {
        assert!(!server.lives(&other).await, "{other}");
    }
}

#[tokio::test]
async fn a_wrong_address_a_wrong_password_and_a_closed_account_answer_alike() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    server.owner("unverified@example.test", false).await;
    server.account("no-password@example.test").await;
    let closed = server.owner("closed@example.test", true).await;
    server.directory.disable(closed.id).await.unwrap();
    let mut answers = Vec::new();

    for (email, password) in [
        (ADA, "wrong"),
        ("nobody@example.test", GOOD_PASSWORD),
        ("unverified@example.test", "wrong"),
        ("no-password@example.test", "none"),
        ("closed@example.test", GOOD_PASSWORD),
    ] {
        let response = server.try_log_in(email, password).await;
        let mut headers = response.0.headers().clone();
        headers.remove("x-request-id");
        assert_eq!(problem(response).await, refusal(401, "invalid_credentials", &[]), "{email}");
        answers.push(headers);
    }

    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn only_the_right_password_is_told_that_the_address_was_not_verified() {
    let server = TestServer::start().await;
    server.owner(ADA, false).await;

    let response = server.try_log_in(ADA, GOOD_PASSWORD).await;

    let status = response.0.status();
    let told = body(response).await;
    assert_eq!((status.as_u16(), told["code"].as_str()), (403, Some("account_not_verified")));
    assert!(told["resolution"].as_str().unwrap().contains("/v1/email-verifications"), "{told}");
    assert_eq!(server.count("sessions").await, 0);
}

#[tokio::test]
async fn the_form_is_checked_before_anything_is_looked_up_or_counted() {
    let server = TestServer::start().await;
    for (wrong, pointers) in [
        (json!({ "email": [ADA], "password": "x" }), &["/email"][..]),
        (json!({ "email": "nobody", "password": "x" }), &["/email"]),
        (json!({ "email": "a@b.test\r\nBcc: c@d.test", "password": "x" }), &["/email"]),
        (json!({ "email": ADA, "password": "x".repeat(8193) }), &["/password"]),
        (json!({ "email": ADA, "password": null }), &["/password"]),
        (json!({ "email": ADA }), &["/password"]),
        (json!({ "email": ADA, "password": "x", "remember": true }), &["/remember"]),
    ] {
        let response = server.post(SESSIONS_PATH, wrong.clone()).await;
        assert_eq!(problem(response).await, refusal(422, "invalid_request", pointers), "{wrong}");
    }
    assert_eq!(server.count("failed_log_ins").await, 0);
}

#[tokio::test]
async fn failures_at_known_and_unknown_addresses_are_limited_alike_and_the_limit_ends_by_itself() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;

    for email in [ADA, "nobody@example.test"] {
        for _ in 0..10 {
            let response = server.try_log_in(email, "wrong").await;
            assert_eq!(problem(response).await, refusal(401, "invalid_credentials", &[]));
        }
        let response = server.try_log_in(email, GOOD_PASSWORD).await;
        let wait = response.0.header("retry-after").unwrap().to_owned();
        response.assert_header("ratelimit", format!("\"pair\";r=0;t={wait}"));
        response.assert_header("ratelimit-policy", "\"pair\";q=10;w=900");
        assert_eq!(problem(response).await, refusal(429, "rate_limited", &[]), "{email}");
    }
    server.clock.advance(TimeDelta::seconds(900));

    let response = server.try_log_in(ADA, GOOD_PASSWORD).await;
    response.assert_status(StatusCode::CREATED);
}

#[tokio::test]
async fn many_attempts_at_once_are_still_as_many() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;

    let attempts = (0..24).map(|_| server.try_log_in(ADA, "wrong"));
    let answers = futures_util::future::join_all(attempts).await;

    let looked_at = answers.iter().filter(|answer| answer.0.status() == StatusCode::UNAUTHORIZED).count();
    assert!(looked_at <= 10, "{looked_at}");
}

#[tokio::test]
async fn success_forgets_the_failures_before_it() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;

    for _ in 0..3 {
        for _ in 0..3 {
            server.try_log_in(ADA, "wrong").await.assert_status(StatusCode::UNAUTHORIZED);
        }
        server.log_in(ADA).await;
    }
    let sql = "SELECT COALESCE(CAST(MAX(failures) AS BIGINT), 0) AS n FROM failed_log_ins";
    let most = server.scratch.database.fetch_one(sql, &[]).await.unwrap().int("n").unwrap();

    // What one network fails at counts for it as a whole.
    assert_eq!(most, 9);
}

#[tokio::test]
async fn a_completed_reset_forgets_the_failures_before_it() {
    let server = TestServer::start().await;
    let account = server.owner(ADA, true).await;
    while server.try_log_in(ADA, "a guess").await.0.status() != StatusCode::TOO_MANY_REQUESTS {}
    let token = server.mailed_token(&account, None).await;
    let body = json!({ "token": token, "new_password": NEW_PASSWORD });

    server.post("/v1/password-resets/confirm", body).await.assert_status_is_ok();

    server.try_log_in(ADA, NEW_PASSWORD).await.assert_status(StatusCode::CREATED);
}

#[tokio::test]
async fn a_session_slides_while_it_is_used_and_ends_when_it_is_not() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let (used, unused) = (server.log_in(ADA).await, server.log_in(ADA).await);

    for _ in 0..4 {
        server.clock.advance(TimeDelta::days(6));
        assert!(server.lives(&used).await);
    }
    assert!(!server.lives(&unused).await);
    server.clock.advance(TimeDelta::days(6));

    assert!(!server.lives(&used).await, "none gets older than 30 days");
}

#[tokio::test]
async fn use_is_noted_coarsely() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;
    let began = server.clock.now();
    let last_used = async || {
        let row = server.scratch.database.fetch_one("SELECT last_used_at FROM sessions", &[]).await.unwrap();
        DateTime::from_timestamp_micros(row.int("last_used_at").unwrap()).unwrap()
    };

    server.clock.advance(TimeDelta::minutes(4));
    server.lives(&token).await;
    assert_eq!(last_used().await, began);
    server.clock.advance(TimeDelta::minutes(1));
    server.lives(&token).await;
    assert_eq!(last_used().await, server.clock.now());
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_but_this_one() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    server.owner("eve@example.test", true).await;
    let eve = server.log_in("eve@example.test").await;
    let mut tokens = vec![];
    for _ in 0..4 {
        tokens.push(server.log_in(ADA).await);
        server.clock.advance(TimeDelta::seconds(1));
    }
    let listed = body(server.get("/v1/me/sessions", &tokens[3]).await).await;
    let sessions = listed["data"].as_array().unwrap();
    let current: Vec<_> = sessions.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [true, false, false, false]);
    let path = |n: usize| format!("/v1/me/sessions/{}", sessions[n]["id"].as_str().unwrap());

    let foreign = server.call(Method::DELETE, &path(3), &eve, None).await;
    let one = server.call(Method::DELETE, &path(3), &tokens[3], None).await;
    let again = server.call(Method::DELETE, &path(3), &tokens[3], None).await;
    assert_eq!(problem(foreign).await, refusal(404, "not_found", &[]));
    one.assert_status(StatusCode::NO_CONTENT);
    assert_eq!(problem(again).await, refusal(404, "not_found", &[]));
    assert!(!server.lives(&tokens[0]).await && server.lives(&tokens[1]).await);

    let others = server.call(Method::DELETE, "/v1/me/sessions", &tokens[3], None).await;
    others.assert_status(StatusCode::NO_CONTENT);
    assert!(!server.lives(&tokens[1]).await && !server.lives(&tokens[2]).await);
    assert!(server.lives(&tokens[3]).await && server.lives(&eve).await);

    let out = server.call(Method::DELETE, "/v1/sessions/current", &tokens[3], None).await;
    out.assert_status(StatusCode::NO_CONTENT);
    assert!(!server.lives(&tokens[3]).await);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_every_outstanding_reset() {
    let server = TestServer::start().await;
    let account = server.owner(ADA, true).await;
    let (mine, other) = (server.log_in(ADA).await, server.log_in(ADA).await);
    let reset = server.mailed_token(&account, None).await;

    let changed = server.change_password(&mine, GOOD_PASSWORD, NEW_PASSWORD).await;

    changed.assert_status(StatusCode::NO_CONTENT);
    assert!(server.lives(&mine).await && !server.lives(&other).await);
    let dead = server.post("/v1/password-resets/inspect", json!({ "token": reset })).await;
    assert_eq!(problem(dead).await, refusal(410, "token_superseded", &[]));
    server.try_log_in(ADA, GOOD_PASSWORD).await.assert_status(StatusCode::UNAUTHORIZED);
    server.try_log_in(ADA, NEW_PASSWORD).await.assert_status(StatusCode::CREATED);
    assert_eq!(server.count("account_changes").await, 1, "the owner is to be told");
}

#[tokio::test]
async fn a_wrong_current_password_or_a_poor_new_one_changes_nothing() {
    let server = TestServer::start().await;
    let account = server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;

    let wrong = server.change_password(&token, "wrong", NEW_PASSWORD).await;
    let poor = server.change_password(&token, GOOD_PASSWORD, "12345678").await;

    assert_eq!(problem(wrong).await, refusal(422, "invalid_request", &["/current_password"]));
    assert_eq!(problem(poor).await, refusal(422, "password_rejected", &[]));
    assert_eq!(server.reload(&account).await, account);
    assert_eq!(server.count("account_changes").await, 0);
}

#[tokio::test]
async fn whoever_holds_a_stolen_session_does_not_get_to_guess_the_password() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;
    for _ in 0..10 {
        let wrong = server.change_password(&token, "wrong", NEW_PASSWORD).await;
        wrong.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }

    let stopped = server.change_password(&token, GOOD_PASSWORD, NEW_PASSWORD).await;

    assert_eq!(problem(stopped).await, refusal(429, "rate_limited", &[]));
}

#[tokio::test]
async fn of_two_changes_of_password_at_once_one_holds() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let (one, other) = (server.log_in(ADA).await, server.log_in(ADA).await);

    let answers = futures_util::future::join(
        server.change_password(&one, GOOD_PASSWORD, NEW_PASSWORD),
        server.change_password(&other, GOOD_PASSWORD, "velvet harbour nine"),
    )
    .await;

    let statuses = [answers.0.0.status(), answers.1.0.status()];
    assert_eq!(
        statuses.iter().filter(|status| **status == StatusCode::NO_CONTENT).count(),
        1,
        "{statuses:?}"
    );
    let won = statuses[0] == StatusCode::NO_CONTENT;
    assert_eq!((server.lives(&one).await, server.lives(&other).await), (won, !won));
    assert_eq!(server.count("account_changes").await, 1);
}

#[tokio::test]
async fn a_completed_reset_and_a_closed_account_end_its_sessions_for_good() {
    let server = TestServer::start().await;
    let account = server.owner(ADA, true).await;
    let before = server.log_in(ADA).await;
    let reset = server.mailed_token(&account, None).await;

    let confirmation = json!({ "token": reset, "new_password": GOOD_PASSWORD });
    server.post("/v1/password-resets/confirm", confirmation).await.assert_status_is_ok();
    assert!(!server.lives(&before).await);
    let after = server.log_in(ADA).await;
    server.directory.disable(account.id).await.unwrap();
    assert!(!server.lives(&after).await);
    server.directory.enable(account.id).await.unwrap();

    assert!(!server.lives(&after).await);
    server.log_in(ADA).await;
}

#[tokio::test]
async fn a_deleted_account_takes_sessions_and_links_with_it() {
    let server = TestServer::start().await;
    let account = server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;
    let reset = server.mailed_token(&account, None).await;
    let delete = async |password: &str| {
        server.call(Method::DELETE, ME, &token, Some(&json!({ "current_password": password }))).await
    };

    let wrong = delete("wrong").await;
    assert_eq!(problem(wrong).await, refusal(422, "invalid_request", &["/current_password"]));
    delete(GOOD_PASSWORD).await.assert_status(StatusCode::NO_CONTENT);

    assert!(!server.lives(&token).await);
    let dead = server.post("/v1/password-resets/inspect", json!({ "token": reset })).await;
    assert_eq!(problem(dead).await, refusal(410, "token_superseded", &[]));
    server.try_log_in(ADA, GOOD_PASSWORD).await.assert_status(StatusCode::UNAUTHORIZED);
    for table in ["accounts", "sessions", "known_clients"] {
        assert_eq!(server.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn the_name_is_changed_and_taken_away() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;
    let rename =
        async |name: &str| server.call(Method::PATCH, ME, &token, Some(&json!({ "name": name }))).await;

    assert_eq!(body(rename(" Ada Lovelace ").await).await["name"], "Ada Lovelace");
    assert_eq!(body(server.get(ME, &token).await).await["name"], "Ada Lovelace");
    let hostile = rename("Ada\r\nBcc: eve@b.test").await;
    assert_eq!(problem(hostile).await, refusal(422, "invalid_request", &["/name"]));
    assert_eq!(body(rename("").await).await["name"], Value::Null);
}

#[tokio::test]
async fn a_cookie_counts_only_in_what_our_own_pages_send() {
    let server = TestServer::start().await;
    server.owner(ADA, true).await;
    let token = server.log_in(ADA).await;
    let call = |method: Method, path: &str, headers: &[(&'static str, &'static str)]| {
        let cookie = format!("other=1; backstamp-session={token}");
        let request = server.client.request(method, path).header("cookie", cookie);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    };

    let foreign: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:9090")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.test")],
    ];
    for headers in foreign {
        call(Method::GET, ME, headers).await.assert_status_is_ok();
        let refused = call(Method::DELETE, "/v1/sessions/current", headers).await;
        assert_eq!(problem(refused).await, refusal(403, "forbidden", &[]), "{headers:?}");
    }
    let other_key = call(Method::GET, ME, &[("authorization", "Bearer bsk_admin")]).await;
    assert_eq!(problem(other_key).await, refusal(401, "unauthorized", &[]));
    assert!(server.lives(&token).await);
    let ours = call(Method::DELETE, "/v1/sessions/current", &[("origin", LOCAL)]).await;

    ours.assert_status(StatusCode::NO_CONTENT);
    assert!(!server.lives(&token).await);
}

#[tokio::test]
async fn without_a_session_nothing_of_it_answers_and_the_document_names_the_role() {
    let server = TestServer::start().await;
    let document = body(server.client.get("/openapi.json").send().await).await;
    let protected = [
        (Method::GET, ME, "/me"),
        (Method::PATCH, ME, "/me"),
        (Method::DELETE, ME, "/me"),
        (Method::PUT, "/v1/me/password", "/me/password"),
        (Method::GET, "/v1/me/sessions", "/me/sessions"),
        (Method::DELETE, "/v1/me/sessions", "/me/sessions"),
        (Method::DELETE, "/v1/me/sessions/ses_1", "/me/sessions/{id}"),
        (Method::DELETE, "/v1/sessions/current", "/sessions/current"),
    ];

    for (method, path, documented) in protected {
        let response = server.client.request(method.clone(), path).send().await;
        assert_eq!(problem(response).await, refusal(401, "unauthorized", &[]), "{method} {path}");
        let operation = &document["paths"][format!("/v1{documented}")][method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["security"], json!([{ "session": ["user"] }]), "{method} {path}");
    }
}

#[tokio::test]
async fn a_hash_from_elsewhere_is_replaced_by_one_of_ours_at_the_first_log_in() {
    let server = TestServer::start().await;
    let account = server.account(ADA).await;
    // Made by argon2-cffi with 1 MiB and one pass.
    let weak =
        "$argon2id$v=19$m=1024,t=1,p=1$QLhgNC3jn39VV0FvR8ByIg$HDJ0Isp3v6CTjzGbCYN+s/24G45Ng67mE7f9/wgoUpg";
    let sql = "UPDATE accounts SET password_hash = $1";
    server.scratch.database.execute(sql, &[weak.into()]).await.unwrap();

    let first = server.log_in(ADA).await;
    let second = server.log_in(ADA).await;

    let row = server.scratch.database.fetch_one("SELECT password_hash FROM accounts", &[]).await.unwrap();
    assert!(row.text("password_hash").unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(server.lives(&first).await && server.lives(&second).await);
    assert_eq!(server.reload(&account).await.credential_version, account.credential_version);
}
