//! Hostile and clumsy input on the public API: refused by its form, the same for every address, and no mail
//! to anybody.

use std::collections::BTreeSet;
use std::time::Duration;

use backstamp::clock::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Installation, Program, eventually, within};

const PATH: &str = "/v1/password-resets";
const OWNER: &str = "owner@example.test";

/// Makes sure that whatever was asked for before has led to its mail by now: one more request, and its mail.
async fn settle(installation: &Installation, program: &Program) {
    installation.account("marker@example.test").await;
    program.api.request_reset("marker@example.test").await;
    program.mailbox.receive("marker@example.test", "password-reset").await;
    eventually("nothing is left to do", async || {
        let sql = "SELECT COUNT(*) AS n FROM work WHERE kind IN ('issue_reset_link', 'send_message')";
        let row = installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
        (row.int("n").expect("a number") == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_address_in_any_other_form_is_refused_with_its_place_and_nobody_gets_mail() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    installation.account("mallory@evil.test").await;

    for email in [
        json!([OWNER]),
        json!([OWNER, "mallory@evil.test"]),
        json!({ "0": OWNER }),
        json!(null),
        json!(7),
        json!(true),
        json!(""),
        json!("owner"),
        json!("@example.test"),
        json!("owner@"),
        json!("owner@@example.test"),
        json!("owner@example.test,mallory@evil.test"),
        json!("owner@example.test;mallory@evil.test"),
        json!("owner@example.test mallory@evil.test"),
        json!("owner@example.test%0amallory@evil.test"),
        json!("owner@example.test\r\nBcc: mallory@evil.test"),
        json!("owner@example.test\nmallory@evil.test"),
        json!("owner@example.test\u{0}"),
        json!("owner\u{0}@example.test"),
        json!("Owner <owner@example.test>"),
        json!("<owner@example.test>"),
        json!("\"owner@example.test\" <mallory@evil.test>"),
        json!(" owner@example.test"),
        json!("owner@example.test "),
        json!("owner@example.test\t"),
        json!("owner@exa\u{200b}mple.test"),
        json!("owner\u{202e}@example.test"),
        json!("mailto:owner@example.test"),
        json!("owner@[127.0.0.1]"),
        json!(format!("{}@example.test", "o".repeat(300))),
    ] {
        let answer = program.api.post(PATH, &json!({ "email": email })).await;
        assert_eq!(answer.problem(), (422, "invalid_request"), "{email}");
        assert_eq!(answer.pointers(), ["/email"], "{email}");
        assert!(!answer.text.contains("example.test"), "the input comes back: {}", answer.text);
    }

    settle(&installation, &program).await;
    let to: BTreeSet<_> = program.mailbox.all().await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, BTreeSet::from(["marker@example.test".to_owned()]));
}

#[tokio::test]
async fn addresses_that_only_look_alike_are_other_peoples() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account("mike@example.test").await;
    installation.account("owner@xn--exmple-cua.test").await;

    // A dotless i, a full-width k, a Kelvin sign; then the same mailbox in other spellings.
    for look_alike in ["m\u{131}ke@example.test", "mi\u{ff4b}e@example.test", "mi\u{212a}e@example.test"] {
        let answer = program.api.post(PATH, &json!({ "email": look_alike })).await;
        assert!([202, 422].contains(&answer.status), "{look_alike}: {}", answer.text);
    }
    program.api.request_reset("OWNER@ex\u{e4}mple.TEST").await;

    let mail = program.mailbox.receive("owner@xn--exmple-cua.test", "password-reset").await;
    settle(&installation, &program).await;
    assert_eq!(mail.to, "owner@xn--exmple-cua.test");
    assert!(program.mailbox.mails("mike@example.test").await.is_empty());
}

#[tokio::test]
async fn a_body_of_any_other_shape_is_refused_by_its_kind() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    let api = &program.api;
    let deep = format!(r#"{{"email":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let huge = json!({ "email": OWNER, "locale": "x".repeat(17_000) }).to_string();

    for (body, status, code, pointers) in [
        ("", 400, "malformed_json", vec![]),
        ("{", 400, "malformed_json", vec![]),
        (r#"{"email":"owner@example.test"} {}"#, 400, "malformed_json", vec![]),
        (r#"{"email":"a@b.test","email":"owner@example.test"}"#, 400, "malformed_json", vec![]),
        (r#"{"email":"owner@example.test","email":"owner@example.test"}"#, 400, "malformed_json", vec![]),
        (&deep, 400, "malformed_json", vec![]),
        (&huge, 413, "payload_too_large", vec![]),
        ("[]", 422, "invalid_request", vec![""]),
        (r#""owner@example.test""#, 422, "invalid_request", vec![""]),
        ("{}", 422, "invalid_request", vec!["/email"]),
        (r#"{"Email":"owner@example.test"}"#, 422, "invalid_request", vec!["/Email"]),
        (r#"{"email":"owner@example.test","admin":true}"#, 422, "invalid_request", vec!["/admin"]),
        (r#"{"email":"owner@example.test","locale":7}"#, 422, "invalid_request", vec!["/locale"]),
        (r#"{"email":"owner@example.test","locale":"en\n"}"#, 422, "invalid_request", vec!["/locale"]),
        (
            r#"{"email":"owner@example.test","redirect_to":"https://evil.test/"}"#,
            422,
            "invalid_request",
            vec!["/redirect_to"],
        ),
    ] {
        let answer = api.post_raw(PATH, body.to_owned()).await;
        let told = &body[..body.len().min(70)];
        assert_eq!(answer.problem(), (status, code), "{told}");
        assert_eq!(answer.pointers(), pointers, "{told}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{told}");
        assert_eq!(answer.header("cache-control"), "no-store", "{told}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{told}");
    }
    let form = api.request(Method::POST, PATH).form(&[("email", OWNER)]);
    assert_eq!(Answer::of(form).await.expect("an answer").status, 415);
    let fetched = Answer::of(api.request(Method::PUT, PATH)).await.expect("an answer");
    assert!(fetched.status == 405 && fetched.header("allow").contains("POST"), "{:?}", fetched.headers);

    settle(&installation, &program).await;
    assert!(program.mailbox.mails(OWNER).await.is_empty());
}

#[tokio::test]
async fn a_token_in_any_other_form_is_invalid_and_the_real_one_still_works() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    program.api.request_reset(OWNER).await;
    let (_, token) = program.mailbox.receive_link(OWNER).await;
    let flipped = if token.ends_with('A') { 'B' } else { 'A' };
    let mut other_end = token.clone();
    other_end.pop();
    other_end.push(flipped);

    for forged in [
        "",
        "x",
        &token[1..],
        &token.to_lowercase(),
        &format!("{token}="),
        &format!("{token}A"),
        &format!(" {token}"),
        &format!("{token}\n"),
        &token.replacen(&token[..1], "%41", 1),
        &other_end,
        &"A".repeat(token.len()),
        &"A".repeat(5_000),
    ] {
        assert_eq!(program.api.inspect(forged).await.problem(), (400, "token_invalid"), "{forged:?}");
        let confirmed = program.api.confirm(forged, "vermilion otter lantern").await;
        assert_eq!(confirmed.problem(), (400, "token_invalid"), "{forged:?}");
    }

    assert_eq!(program.api.inspect(&token).await.status, 200);
}

/// Everything of an answer that a stranger could compare, without what differs from call to call.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let is_fixed = |name: &str| !["date", "x-request-id"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| is_fixed(name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut body = answer.body.clone();
    let id = body["request_id"].take();
    assert_eq!(id.as_str().map(|id| (id.len(), id.starts_with("rst_"))), Some((36, true)), "{id}");
    (answer.status, headers, body)
}

#[tokio::test]
async fn every_well_formed_address_gets_the_same_answer_however_often_it_asks() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    installation
        .succeed(&["accounts", "add", "unverified@example.test", "--unverified"], "otter lantern\n")
        .await;
    installation.account("disabled@example.test").await;
    let disable = "UPDATE accounts SET disabled = 1 WHERE address = 'disabled@example.test'";
    installation.scratch.database.execute(disable, &[]).await.expect("it is disabled");
    let addresses = [OWNER, "unverified@example.test", "disabled@example.test", "unknown@example.test"];

    let mut seen = Vec::new();
    for _ in 0..6 {
        for address in addresses {
            seen.push(comparable(&program.api.post(PATH, &json!({ "email": address })).await));
        }
    }

    assert!(seen.iter().all(|answer| *answer == seen[0]), "{seen:#?}");
    let (status, _, body) = &seen[0];
    let fixed = json!({ "request_id": null, "status": "accepted", "expires_in": 3600, "resend_after": 60 });
    assert_eq!((*status, body), (202, &fixed));
    settle(&installation, &program).await;
    let to: BTreeSet<_> = program.mailbox.all().await.into_iter().map(|mail| mail.to).collect();
    let expected = [OWNER, "unverified@example.test", "marker@example.test"].map(str::to_owned);
    assert_eq!(to, BTreeSet::from(expected));
    assert_eq!(program.mailbox.mails(OWNER).await.len(), 1);
}

/// Asks from behind a made-up proxy.
async fn ask_forwarded(api: &Api, forwarded_for: &str) -> Answer {
    let request = api.request(Method::POST, PATH).header("x-forwarded-for", forwarded_for);
    let request = request.header("forwarded", format!("for={forwarded_for}"));
    Answer::of(request.json(&json!({ "email": "unknown@example.test" }))).await.expect("an answer")
}

#[tokio::test]
async fn a_client_over_its_limit_is_told_when_to_come_back_and_no_header_moves_it_elsewhere() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_REQUESTS_PER_IP_PER_HOUR", "5");
    let program = installation.start().await;
    // Requests are counted by the hour: the next one forgives them.
    let hour_lasts = async || (SystemClock.now().timestamp() % 3600 < 3570).then_some(());
    within(Duration::from_secs(40), "enough of the hour is left", hour_lasts).await;

    let mut statuses = vec![];
    for n in 0..5 {
        statuses.push(ask_forwarded(&program.api, &format!("203.0.113.{n}")).await.status);
    }
    let over = ask_forwarded(&program.api, "203.0.113.77").await;
    program.kill().await;
    let restarted = installation.start().await;
    let after_restart = ask_forwarded(&restarted.api, "203.0.113.78").await;

    assert_eq!(statuses, [202; 5]);
    assert_eq!(over.problem(), (429, "rate_limited"));
    let wait: u64 = over.header("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&wait));
    assert_eq!(over.header("ratelimit-policy"), "\"client\";q=5;w=3600");
    assert_eq!(over.header("ratelimit"), format!("\"client\";r=0;t={wait}"));
    assert_eq!(after_restart.status, 429);
}

#[tokio::test]
async fn links_come_from_the_public_url_whatever_a_request_claims() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    let hostile = [
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.test;proto=gopher"),
        ("host", "evil.test"),
        ("origin", "https://evil.test"),
        ("referer", "https://evil.test/"),
    ];

    let request = program.api.request(Method::POST, PATH).json(&json!({ "email": OWNER }));
    let request = hostile.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    assert_eq!(Answer::of(request).await.expect("an answer").status, 202);

    let mail = program.mailbox.receive(OWNER, "password-reset").await;
    let base = format!("{}/reset-password?token=", program.api.base);
    assert!(mail.links.iter().any(|link| link.starts_with(&base)), "{:?}", mail.links);
    let whole = format!("{}{}{:?}", mail.text, mail.html, mail.headers);
    assert!(!whole.contains("evil") && !whole.contains("gopher"), "{whole}");
}
