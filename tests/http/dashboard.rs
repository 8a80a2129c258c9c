//! Who gets to the dashboard, and what stands around its pages.

use std::cell::Cell;

use backstamp::domain::message::MessageCommand;

use super::visitor::Visitor;
use super::*;

/// An operator whose browser is signed in.
pub async fn operator(server: &TestServer) -> Visitor<'_> {
    member(server, Role::Operator).await
}

/// What comes of it while projections follow beside it, as they do in a running program.
pub async fn followed<T>(server: &TestServer, act: impl Future<Output = T>) -> T {
    let is_done = Cell::new(false);
    let acting = async {
        let outcome = act.await;
        is_done.set(true);
        outcome
    };
    let following = async {
        while !is_done.get() {
            server.follow().await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(acting, following).0
}

async fn member(server: &TestServer, role: Role) -> Visitor<'_> {
    let new = NewAccount {
        address: EmailAddress::parse("op@example.test").unwrap(),
        name: None,
        role,
        verified: true,
        password_hash: server.hasher.hash(GOOD_PASSWORD.into()).await.unwrap(),
    };
    server.directory.add(new).await.unwrap();
    let mut visitor = Visitor::new(&server.client);
    visitor.log_in("op@example.test", GOOD_PASSWORD).await;
    visitor
}

#[tokio::test]
async fn a_browser_that_is_not_signed_in_is_led_there_and_back() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::new(&server.client);

    let seen = visitor.open("/dashboard?range=7d&template=password-reset").await;

    assert_eq!(seen.status, 303);
    assert_eq!(seen.header("location"), "/login?next=%2Fdashboard%3Frange%3D7d%26template%3Dpassword-reset");
}

#[tokio::test]
async fn a_program_without_a_key_is_told_so() {
    let server = TestServer::start().await;

    for (key, status) in [(None, 401), (Some("Bearer bsk_wrong"), 401), (Some("Basic b3A6b3A="), 401)] {
        let request = server.client.get("/dashboard");
        let request = match key {
            Some(key) => request.header("authorization", key),
            None => request,
        };
        let response = request.send().await;
        assert_eq!(response.0.status().as_u16(), status, "{key:?}");
        assert_eq!(response.0.content_type(), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn a_user_who_is_no_operator_is_refused_and_an_operator_is_not() {
    let server = TestServer::start().await;

    let mut user = member(&server, Role::User).await;
    let seen = user.open("/dashboard").await;

    assert_eq!(seen.status, 403);
    seen.says("role “operator”")
        .says("op@example.test")
        .says("backstamp accounts add")
        .says("href=\"/account\"");
    assert!(!user.open("/account").await.html.contains("href=\"/dashboard\""));
    user.open("/dashboard/messages").await;
    assert_eq!(
        user.send("/logout", &[]).await.header("location"),
        "/login",
        "one can sign in as somebody else"
    );
    let server = TestServer::start().await;
    let seen = operator(&server).await.open("/dashboard").await;
    assert_eq!(seen.status, 200);
    assert!(seen.html.contains("Overview"));
}

#[tokio::test]
async fn an_operator_goes_from_the_account_to_the_dashboard_and_back() {
    let server = TestServer::start().await;
    let mut operator = operator(&server).await;

    operator.open("/account").await.says("href=\"/dashboard\"");
    operator.open("/dashboard").await.says("href=\"/account\"");
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_told_within_the_dashboard() {
    let server = TestServer::start().await;
    let mut operator = operator(&server).await;

    for path in [
        "/nothing",
        "/messages/whatever",
        "/messages/msg_1/whatever",
        "/webhooks/whk_1",
        "/messages/requests/x",
    ] {
        let seen = operator.open(&format!("/dashboard{path}")).await;
        assert_eq!(seen.status, 404, "{path}");
        seen.says("aria-label=\"Dashboard\"").says("href=\"/dashboard/suppressions\"");
    }
    for (path, page) in
        [("/", ""), ("/messages/?q=bounced", "/messages?q=bounced"), ("/?range=7d", "?range=7d")]
    {
        let seen = operator.open(&format!("/dashboard{path}")).await;
        assert_eq!((seen.status, seen.header("location")), (303, &*format!("/dashboard{page}")), "{path}");
    }
    for (path, first) in [
        ("/messages?cursor=xyz", "/messages"),
        ("/suppressions?cursor=xyz&amp;reason=manual", "/suppressions?reason=manual"),
        ("/webhooks/dead-letters?cursor=xyz", "/webhooks/dead-letters"),
    ] {
        let seen = operator.open(&format!("/dashboard{}", path.replace("&amp;", "&"))).await;
        assert_eq!(seen.status, 422, "{path}");
        seen.says("not known any more").says(&format!("href=\"/dashboard{first}\""));
    }
    let program = server.ask("/dashboard/nothing").await;
    assert_eq!(problem(program).await.0, 404);
}

#[tokio::test]
async fn a_parameter_that_a_page_does_not_know_is_told_and_left_out() {
    let server = TestServer::start().await;
    let mut operator = operator(&server).await;

    for (path, words) in [
        ("?mailbox_provider=gmial", "Did you mean “gmail”?"),
        ("?mailbox_providr=gmail", "Did you mean “mailbox_provider”?"),
        ("/bounces?from=2026-13-01", "The start of the range (“from”)"),
        ("/messages?colour=red", "knows no parameter “colour”"),
        ("/webhooks?outcome=procesed", "Did you mean “processed”?"),
        ("/suppressions?reason=hard-bounce", "Did you mean “hard_bounce”?"),
    ] {
        let seen = operator.open(&format!("/dashboard{path}")).await;
        assert_eq!(seen.status, 422, "{path}");
        seen.says(words).says("role=\"alert\"");
    }
    assert_eq!(operator.open("/dashboard?from=2024-10-01&to=2024-10-02").await.status, 200);
}

#[tokio::test]
async fn a_key_with_the_scope_opens_it() {
    let server = TestServer::start().await;

    let response = server.client.get("/dashboard").header("authorization", "Bearer bsk_admin").send().await;

    response.assert_status_is_ok();
}

#[tokio::test]
async fn its_pages_load_nothing_from_elsewhere_and_bring_no_style_or_script() {
    let server = TestServer::start().await;

    let seen = operator(&server).await.open("/dashboard").await;

    let policy = seen.header("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"));
    for inline in [" style=", "<style", "onclick=", "javascript:", "http://", "https://"] {
        let html = seen.html.replace("http://www.w3.org/2000/svg", "");
        assert!(!html.contains(inline), "{inline}");
    }
    assert_eq!(seen.header("cache-control"), "no-store");
    assert_eq!(seen.header("referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn the_environment_cannot_be_mistaken() {
    let sandbox = TestServer::start().await;
    let real = TestServer::with(LOCAL, TestReadiness::Ready, |s| s.mail_provider = "mailgun").await;

    let (sandbox, real) =
        (operator(&sandbox).await.open("/dashboard").await, operator(&real).await.open("/dashboard").await);

    assert!(sandbox.html.contains("no mail leaves this machine"));
    assert!(real.html.contains("real mail") && !real.html.contains("no mail leaves"));
}

#[tokio::test]
async fn what_is_chosen_stays_in_every_address() {
    let server = TestServer::start().await;

    let mut visitor = operator(&server).await;
    let seen = visitor.open("/dashboard?range=7d&mailbox_provider=gmail").await;

    for link in [
        "href=\"/dashboard/bounces?range=7d&amp;mailbox_provider=gmail\"",
        "href=\"/dashboard?range=7d&amp;mailbox_provider=gmail&amp;template=password-reset\"",
        "href=\"/dashboard?mailbox_provider=gmail&amp;range=1h\"",
        "href=\"/dashboard?range=7d\"",
    ] {
        assert!(seen.html.contains(link), "{link} in {}", seen.html);
    }
    let by_provider = visitor.open("/dashboard?provider=mailgun").await.html;
    assert!(by_provider.contains("href=\"/dashboard?provider=mailgun&amp;range=1h\""), "{by_provider}");
    assert!(!by_provider.contains("provider=mailgun&amp;provider=mailgun"), "{by_provider}");
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_told_and_never_a_fault_of_ours() {
    let server = TestServer::start().await;
    let mut visitor = operator(&server).await;

    for query in
        ["range=%00", "from=2026-01-02T00:00&to=2026-01-01T00:00", "to=-262143-01-01T00:00", "template=a%0ab"]
    {
        let seen = visitor.open(&format!("/dashboard?{query}")).await;
        assert_eq!(seen.status, 422, "{query}");
        assert!(seen.html.contains("role=\"alert\""), "{query}");
    }
}

#[tokio::test]
async fn signing_out_is_one_press_away() {
    let server = TestServer::start().await;
    let mut visitor = operator(&server).await;
    visitor.open("/dashboard").await;

    let seen = visitor.send("/logout", &[]).await;

    assert_eq!((seen.status, seen.header("location")), (303, "/login"));
    assert_eq!(visitor.open("/dashboard").await.status, 303);
}

#[tokio::test]
async fn mail_that_goes_out_without_a_word_coming_back_is_told_with_the_likely_cause() {
    let server = TestServer::start().await;
    let id = operators::mail(&server, 1, "password-reset", "m1@example.test").await;
    let sent = MessageCommand::RecordSent {
        attempt: 1,
        provider_message_id: "id@mail.test".into(),
        reply: None,
        at: server.clock.now() + TimeDelta::minutes(2),
    };
    server.commands.message(id, sent, Context::caused_by("test")).await.unwrap();
    server.follow().await;
    let mut visitor = operator(&server).await;
    let told = "Mail goes out, and nothing comes back";

    server.clock.advance(TimeDelta::minutes(11));
    assert!(!visitor.open("/dashboard").await.html.contains(told));
    server.clock.advance(TimeDelta::minutes(2));

    visitor.open("/dashboard").await.says(told).says("backstamp webhooks register");
}

#[tokio::test]
async fn a_refused_signature_is_told_with_its_reason() {
    let server = TestServer::start().await;
    let mut visitor = operator(&server).await;
    let forged = json!({
        "signature": { "timestamp": "1728000000", "token": "a".repeat(50), "signature": "0".repeat(64) },
        "event-data": { "event": "delivered" },
    });

    let answer = server.client.post("/webhooks/mailgun").body_json(&forged).send().await;
    answer.assert_status(StatusCode::NOT_ACCEPTABLE);

    visitor.open("/dashboard").await.says("A post was refused").says("backstamp doctor");
}
