//! The sandbox from outside: the real client sends, a receiver of our own takes the webhooks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support {
    pub mod sandbox_desk;
}

use std::time::Duration;

use backstamp::domain::provider_event::ProviderEventKind;
use backstamp::providers::{Provider, SendError};
use backstamp::sandbox::Pace;
use serde_json::Value;
use support::sandbox_desk::{Desk, mail_to, message_id};

#[tokio::test]
async fn a_mail_is_accepted_first_and_then_delivered() {
    let desk = Desk::open().await;

    let accepted = desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();
    let events = desk.settled(2).await;

    assert_eq!(accepted.provider_message_id, "1@sandbox.test");
    assert_eq!(desk.kinds(&events), ["accepted", "delivered"]);
    for event in &events {
        assert_eq!(event.delivery_id, Some(message_id(1)));
        assert_eq!(event.provider_message_id.as_deref(), Some("1@sandbox.test"));
        assert_eq!(event.recipient.as_deref(), Some("ada@example.test"));
    }
    assert!(events[0].at < events[1].at);
}

#[tokio::test]
async fn the_recipients_name_decides_what_becomes_of_a_mail() {
    for (to, expected) in [
        ("bounce+mailbox_full@example.test", vec!["accepted", "bounced"]),
        ("Defer.ada@example.test", vec!["accepted", "deferred", "deferred", "delivered"]),
        ("complain@example.test", vec!["accepted", "delivered", "complained"]),
        ("suppressed@example.test", vec!["accepted", "suppressed"]),
        ("lost@example.test", vec!["accepted"]),
    ] {
        let desk = Desk::open().await;

        desk.client.send(&mail_to(to, 1)).await.unwrap();
        let events = desk.settled(expected.len()).await;

        assert_eq!(desk.kinds(&events), expected, "{to}");
    }
}

#[tokio::test]
async fn a_bounce_carries_a_diagnostic_of_the_named_category() {
    let desk = Desk::open().await;

    desk.client.send(&mail_to("bounce+mailbox_full@example.test", 1)).await.unwrap();
    let events = desk.settled(2).await;

    let ProviderEventKind::Bounced { diagnostic, delayed: false } = &events[1].kind else {
        panic!("not a bounce: {:?}", events[1].kind)
    };
    assert_eq!((diagnostic.code, diagnostic.enhanced.as_deref()), (Some(552), Some("5.2.2")));
}

#[tokio::test]
async fn a_refused_recipient_is_refused_in_the_call() {
    let desk = Desk::open().await;

    let result = desk.client.send(&mail_to("refuse@example.test", 1)).await;

    assert!(matches!(result, Err(SendError::Refused { .. })), "{result:?}");
    assert_eq!(desk.mailbox("").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_domain_are_answered_as_mailgun_does() {
    let desk = Desk::open().await;
    let post = |domain: &str, key: &str| {
        let url = desk.url(&format!("v3/{domain}/messages"));
        desk.http.post(url).basic_auth("api", Some(key)).form(&[("to", "ada@example.test")]).send()
    };

    let forbidden = post("sandbox.test", "wrong").await.unwrap();
    let unknown = post("other.test", "key-sandbox").await.unwrap();
    let incomplete = post("sandbox.test", "key-sandbox").await.unwrap();

    assert_eq!(forbidden.status(), 401);
    assert_eq!(forbidden.headers()["www-authenticate"], "Basic realm=\"MG API\"");
    assert_eq!(forbidden.text().await.unwrap(), "Forbidden");
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.json::<Value>().await.unwrap()["message"], "Domain not found: other.test");
    assert_eq!(incomplete.status(), 400);
    assert_eq!(incomplete.json::<Value>().await.unwrap()["message"], "from parameter is missing");
}

#[tokio::test]
async fn a_multipart_call_reaches_every_recipient_once() {
    let desk = Desk::open().await;
    let form = reqwest::multipart::Form::new()
        .text("from", "Acme <no-reply@sandbox.test>")
        .text("to", "Ada <ada@example.test>, BOB@example.test")
        .text("to", "ada@EXAMPLE.test")
        .text("text", "Hello");

    let url = desk.url("v3/sandbox.test/messages");
    let answer =
        desk.http.post(url).basic_auth("api", Some("key-sandbox")).multipart(form).send().await.unwrap();
    desk.settled(4).await;

    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with('<') && id.ends_with("@sandbox.test>"), "{id}");
    assert_eq!(desk.mailbox("").await.len(), 2);
    assert_eq!(desk.mailbox("?to=bob@example.TEST").await.len(), 1);
}

#[tokio::test]
async fn a_webhook_that_is_not_taken_comes_again_under_the_same_signature() {
    let desk = Desk::open().await;
    desk.receiver.refuse_next(2);

    desk.client.send(&mail_to("lost@example.test", 1)).await.unwrap();
    desk.settled(1).await;

    let bodies = desk.receiver.all();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

#[tokio::test]
async fn a_webhook_that_is_refused_for_good_does_not_come_again() {
    let desk = Desk::open().await;
    desk.receiver.answer_next_with(406);

    desk.client.send(&mail_to("lost@example.test", 1)).await.unwrap();
    desk.receiver.until(|bodies| bodies.len() == 1).await;
    // The second mail's three retries last longer than the first one's would have had to wait.
    desk.receiver.refuse_next(3);
    desk.client.send(&mail_to("lost@example.test", 2)).await.unwrap();
    desk.settled(1).await;

    assert_eq!(desk.receiver.all().len(), 1 + 4);
}

#[tokio::test]
async fn what_was_accepted_survives_a_power_cut() {
    let mut desk = Desk::open().await;
    desk.receiver.refuse_next(usize::MAX);
    desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();
    desk.receiver.until(|bodies| !bodies.is_empty()).await;

    desk.cut_power_and_restart().await;
    desk.receiver.refuse_next(0);
    let events = desk.settled(2).await;

    assert_eq!(desk.kinds(&events), ["accepted", "delivered"]);
    let bodies = desk.receiver.all();
    let signature = |body: &String| body.split("event-data").next().unwrap().to_owned();
    assert_eq!(
        signature(&bodies[0]),
        signature(bodies.iter().rfind(|body| body.contains("accepted")).unwrap())
    );
}

#[tokio::test]
async fn the_client_finds_what_was_taken() {
    let desk = Desk::open().await;
    let since = desk.now();
    let taken = desk.client.send(&mail_to("lost@example.test", 1)).await.unwrap();

    let found = desk.client.find_accepted(message_id(1), "1@sandbox.test", since).await.unwrap();
    let unknown = desk.client.find_accepted(message_id(2), "2@sandbox.test", since).await.unwrap();
    let foreign = desk.client.find_accepted(message_id(2), "1@sandbox.test", since).await.unwrap();

    assert_eq!(found, Some(taken));
    assert_eq!((unknown, foreign), (None, None));
}

#[tokio::test]
async fn the_mailbox_shows_a_mail_with_its_links() {
    let desk = Desk::open().await;

    desk.client.send(&mail_to("Ada@example.test", 1)).await.unwrap();
    desk.client.send(&mail_to("bounce@example.test", 2)).await.unwrap();
    let mails = desk.mailbox("").await;
    let adas = desk.mailbox("?to=aDA@example.test&limit=5").await;

    assert_eq!((mails.len(), adas.len()), (2, 1));
    assert_eq!(mails[0]["outcome"], "bounced");
    let mail = &adas[0];
    assert_eq!(mail["to"], "Ada@example.test");
    assert_eq!(mail["links"][0], "http://127.0.0.1:8080/reset-password?token=T0KEN");
    assert_eq!(mail["tags"][0], "password_reset");
    assert_eq!(mail["variables"]["delivery_id"], message_id(1).to_string());
    assert_eq!(mail["headers"]["Message-Id"], "<1@sandbox.test>");
}

#[tokio::test]
async fn a_person_reads_later_than_a_machine() {
    let desk = Desk::open().await;
    desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();
    let id = desk.mailbox("").await[0]["id"].as_str().unwrap().to_owned();

    assert_eq!(desk.post(&format!("sandbox/api/messages/{id}/open?actor=machine")).await, 202);
    assert_eq!(desk.post(&format!("sandbox/api/messages/{id}/click")).await, 202);
    assert_eq!(desk.post("sandbox/api/messages/sbx_none/click").await, 404);
    let events = desk.settled(4).await;

    let by_name = |name: &str| events.iter().find(|event| event.kind.name() == name).unwrap();
    let delivered = by_name("delivered");
    let ProviderEventKind::Opened(machine) = &by_name("opened").kind else { panic!("not opened") };
    let ProviderEventKind::Clicked { client: human, link } = &by_name("clicked").kind else {
        panic!("not clicked")
    };
    assert_eq!(
        (machine.bot.as_deref(), machine.user_agent.as_deref()),
        (Some("generic"), Some("Mozilla/5.0"))
    );
    assert_eq!((human.bot.as_deref(), human.client_type.as_deref()), (None, Some("browser")));
    assert_eq!(link.as_deref(), Some("http://127.0.0.1:8080/reset-password"));
    assert!(by_name("clicked").at - delivered.at >= chrono::TimeDelta::seconds(3));
    assert!(by_name("opened").at - delivered.at < chrono::TimeDelta::seconds(2));
    assert!(desk.receiver.all().iter().all(|body| !body.contains("T0KEN")));
}

#[tokio::test]
async fn the_pages_report_what_their_reader_does() {
    let desk = Desk::open().await;
    desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();
    desk.settled(2).await;
    let id = desk.mailbox("").await[0]["id"].as_str().unwrap().to_owned();

    let list = desk.page("sandbox").await;
    let mail = desk.page(&format!("sandbox/messages/{id}")).await;
    let frame = desk.page(&format!("sandbox/messages/{id}/html")).await;
    let link = desk.get(&format!("sandbox/messages/{id}/links/0")).await;
    let events = desk.settled(4).await;

    assert!(list.contains(&format!("/sandbox/messages/{id}")));
    assert!(mail.contains("&lt;script&gt;") && !mail.contains("<script>"));
    assert!(frame.contains(&format!("/sandbox/messages/{id}/links/0")) && !frame.contains("T0KEN"));
    assert_eq!(link.status(), 303);
    assert_eq!(link.headers()["location"], "http://127.0.0.1:8080/reset-password?token=T0KEN");
    let mut kinds = desk.kinds(&events);
    kinds.sort_unstable();
    assert_eq!(kinds, ["accepted", "clicked", "delivered", "opened"]);
}

#[tokio::test]
async fn a_mail_that_was_deferred_is_shown_as_delivered_once_it_is() {
    let desk = Desk::open().await;
    let slow = Desk::at(Pace { deferral: Duration::from_secs(3600), ..Pace::quick() }).await;
    for desk in [&desk, &slow] {
        desk.client.send(&mail_to("defer@example.test", 1)).await.unwrap();
    }
    desk.settled(4).await;
    slow.settled(2).await;

    for (desk, expected) in [(&desk, "delivered"), (&slow, "deferred")] {
        let id = desk.mailbox("").await[0]["id"].as_str().unwrap().to_owned();
        let word = format!("<span class=\"outcome {expected}\">{expected}</span>");
        for path in ["sandbox".to_owned(), format!("sandbox/messages/{id}")] {
            assert!(desk.page(&path).await.contains(&word), "{path}: {expected}");
        }
    }
}

#[tokio::test]
async fn the_mailbox_can_be_emptied() {
    let desk = Desk::open().await;
    desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();

    let answer = desk.http.delete(desk.url("sandbox/api/messages")).send().await.unwrap();

    assert_eq!(answer.status(), 204);
    assert!(desk.mailbox("").await.is_empty());
    assert_eq!(desk.settled(2).await.len(), 2);
}

#[tokio::test]
async fn the_mailbox_answers_nobody_but_a_direct_caller_on_this_machine() {
    let desk = Desk::open().await;
    for (name, value) in [
        ("forwarded", "for=127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("x-real-ip", "127.0.0.1"),
        ("host", "rebound.test"),
    ] {
        let answer =
            desk.http.get(desk.url("sandbox/api/messages")).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}");
    }
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("origin", "http://evil.test"), ("origin", "null")]
    {
        let answer = desk.http.post(desk.url("sandbox/clear")).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}");
    }

    let own = desk.http.post(desk.url("sandbox/clear")).header("sec-fetch-site", "same-origin");
    assert_eq!(own.send().await.unwrap().status(), 303);
}

#[tokio::test]
async fn another_server_can_mount_the_same_routes() {
    let desk = Desk::open().await;
    desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();

    let base = desk.mount_elsewhere().await;
    let page = reqwest::get(format!("{base}/sandbox")).await.unwrap();
    let style = reqwest::get(format!("{base}/sandbox/style.css")).await.unwrap();

    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!(page.headers()["cache-control"], "no-store");
    let page = page.text().await.unwrap();
    assert!(page.contains("ada@example.test"));
    // Beside the program the mailbox is the first page; alone it has nothing to lead to.
    assert!(page.contains("href=\"/register\"") && page.contains("href=\"/dashboard\""), "{page}");
    assert!(!desk.page("sandbox").await.contains("/register"));
    assert_eq!(style.status(), 200);
}

#[tokio::test]
async fn every_mail_can_be_looked_at_in_every_language_on_either_ground() {
    let desk = Desk::open().await;
    let base = desk.mount_elsewhere().await;
    let get = |path: &str| reqwest::get(format!("{base}/sandbox/templates{path}"));

    let list = get("").await.unwrap().text().await.unwrap();
    let page = get("/password-reset?locale=de&theme=dark").await.unwrap().text().await.unwrap();
    let frame = get("/password-reset/html?locale=de&theme=dark").await.unwrap();
    let unknown = get("/nothing").await.unwrap();
    let forwarded = desk.http.get(format!("{base}/sandbox/templates")).header("x-forwarded-for", "127.0.0.1");
    let forwarded = forwarded.send().await.unwrap();

    assert!(
        list.contains("/sandbox/templates/password-reset") && list.contains("/sandbox/templates/welcome")
    );
    assert!(page.contains("Setzen Sie Ihr Passwort") && page.contains("Guten Tag Ada Lovelace,"));
    assert!(
        page.contains("sandbox=\"\" src=\"/sandbox/templates/password-reset/html?locale=de&amp;theme=dark\"")
    );
    let policy = frame.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("sandbox") && policy.contains("default-src 'none'"));
    let frame = frame.text().await.unwrap();
    assert!(frame.contains("@media all") && !frame.contains("prefers-color-scheme: dark"));
    assert_eq!((unknown.status().as_u16(), forwarded.status().as_u16()), (404, 403));
}

#[tokio::test]
async fn it_refuses_to_serve_or_call_other_machines() {
    let refused = |listen: &'static str, webhook: &'static str| async move {
        Desk::try_start(listen, webhook).await.err().map(|error| error.to_string())
    };

    assert!(refused("0.0.0.0:0", "http://127.0.0.1:1/").await.unwrap().contains("the listener"));
    for webhook in
        ["http://example.test/", "http://192.0.2.1/", "http://localhost.example.test/", "ftp://127.0.0.1/"]
    {
        assert!(refused("127.0.0.1:0", webhook).await.unwrap().contains("the webhook URL"), "{webhook}");
    }
    assert_eq!(refused("127.0.0.1:0", "http://[::1]:1/").await, None);
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let desk = Desk::open().await;
    desk.client.send(&mail_to("ada@example.test", 1)).await.unwrap();

    let stopped = tokio::time::timeout(Duration::from_secs(10), desk.stop()).await;

    assert!(stopped.is_ok());
}
