//! Bounces and suppressions, as operators see them on the dashboard.

use backstamp::domain::message::MessageCommand;
use backstamp::domain::provider_event::{Diagnostic, DiagnosticText};

use super::dashboard::{followed, operator};
use super::dashboard_messages::counted;
use super::operators::mail;
use super::*;

const SUPPRESSIONS: &str = "/dashboard/suppressions";

/// A mail that failed half an hour after it was asked for, with these words.
async fn bounce(server: &TestServer, number: u128, recipient: &str, code: u16, enhanced: &str, said: &str) {
    let id = mail(server, number, "password-reset", recipient).await;
    let diagnostic = Diagnostic {
        code: Some(code),
        enhanced: Some(enhanced.into()),
        reason: Some("bounce".into()),
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText { message: said.into(), ..DiagnosticText::default() }.into(),
    };
    let at = server.clock.now() + TimeDelta::minutes(30);
    for command in [
        MessageCommand::RecordSent {
            attempt: 1,
            provider_message_id: format!("{id}@mail.test"),
            reply: None,
            at,
        },
        MessageCommand::RecordBounced { diagnostic, delayed: false, at },
    ] {
        server.commands.message(id, command, Context::caused_by("test")).await.unwrap();
    }
}

#[tokio::test]
async fn every_number_of_the_bounces_leads_to_as_many_messages() {
    let server = TestServer::start().await;
    for (number, name) in [(1, "ada"), (2, "bo"), (3, "cy")] {
        let said = format!("550 5.1.1 <{name}@example.test>: Recipient address rejected: User unknown");
        bounce(&server, number, &format!("{name}@example.test"), 550, "5.1.1", &said).await;
    }
    bounce(&server, 4, "di@example.test", 554, "5.7.1", "554 5.7.1 blocked using zen.spamhaus.org").await;
    server.follow().await;
    let mut operator = operator(&server).await;
    operator.open("/dashboard/bounces").await.says("Nothing failed in this range");
    server.clock.advance(TimeDelta::hours(2));

    let seen = operator.open("/dashboard/bounces").await;

    let (critical, dead) = (seen.html.find("id=\"blocklisted\""), seen.html.find("id=\"invalid_recipient\""));
    assert!(critical.is_some() && critical < dead, "the critical ones come first: {}", seen.html);
    assert!(!seen.html.contains("ada@") && !seen.html.contains("bo@"));
    let numbers: Vec<(String, i64)> = seen
        .html
        .split("<a class=\"number\" href=\"")
        .skip(1)
        .map(|rest| {
            let (href, rest) = rest.split_once("\" data-count=\"").unwrap();
            (href.replace("&amp;", "&"), rest.split('"').next().unwrap().parse().unwrap())
        })
        .collect();
    assert!(numbers.len() >= 9, "{numbers:?}");
    for (href, number) in numbers {
        let list = operator.open(&href).await;
        assert_eq!((list.status, counted(&list)), (200, (number, number as usize)), "{href}");
    }
}

#[tokio::test]
async fn a_bounced_mail_says_why_and_what_to_do() {
    let server = TestServer::start().await;
    bounce(&server, 1, "ada@example.test", 552, "5.2.2", "552 5.2.2 <ada@example.test> Mailbox full").await;
    server.follow().await;
    let mut operator = operator(&server).await;

    let list = operator.open("/dashboard/messages?q=ada%40example.test").await;
    let (_, rest) = list.html.split_once("href=\"/dashboard/messages/msg_").unwrap();
    let seen = operator.open(&format!("/dashboard/messages/msg_{}", rest.split('"').next().unwrap())).await;

    seen.says("Why it failed").says("mailbox full").says("What to do.").says("552 5.2.2");
    seen.says("The recipient&#x27;s own storage or message quota is exhausted.");
    assert!(!seen.html.contains("ada@"), "{}", seen.html);
}

#[tokio::test]
async fn a_mail_that_was_never_sent_says_why_and_what_to_do() {
    let server = TestServer::start().await;
    let at = server.clock.now() + TimeDelta::minutes(2);
    let rejected =
        MessageCommand::RecordRejected { reason: "'to' parameter is not a valid address".into(), at };
    let canceled = MessageCommand::Cancel { reason: "link_superseded".into(), at };
    let mut operator = operator(&server).await;

    for (number, command, title, words) in [
        (1, rejected, "Why it failed", "does not take this recipient"),
        (2, canceled, "Why it was not sent", "A newer mail took its place"),
    ] {
        let id = mail(&server, number, "welcome", "ada@example.test").await;
        server.commands.message(id, command, Context::caused_by("test")).await.unwrap();
        server.follow().await;
        operator.open(&format!("/dashboard/messages/{id}")).await.says(title).says(words).says("What to do.");
    }
    let told = server.rows("/v1/messages").await;
    assert_eq!(told[0]["canceled_reason"], "link_superseded");
    assert_eq!(told[1]["rejected_reason"], "'to' parameter is not a valid address");
}

#[tokio::test]
async fn a_mail_of_which_nothing_was_heard_says_what_is_done_about_it() {
    let server = TestServer::start().await;
    let id = mail(&server, 1, "password-reset", "ada@example.test").await;
    let sent = MessageCommand::RecordSent {
        attempt: 1,
        provider_message_id: "id@mail.test".into(),
        reply: None,
        at: server.clock.now() + TimeDelta::minutes(2),
    };
    server.commands.message(id, sent, Context::caused_by("test")).await.unwrap();
    server.follow().await;
    let mut operator = operator(&server).await;
    let path = format!("/dashboard/messages/{id}");

    for (hours, words) in [(1, "what it tells then shows here"), (100, "It is asked no more.")] {
        assert!(!operator.open(&path).await.html.contains(words));
        server.clock.advance(TimeDelta::hours(hours));
        operator.open(&path).await.says("Why nothing more is known").says(words);
    }
}

#[tokio::test]
async fn an_address_is_added_found_and_lifted() {
    let server = TestServer::start().await;
    let mut operator = operator(&server).await;
    operator.open(SUPPRESSIONS).await.says("No address is suppressed");

    let wrong = operator.send(SUPPRESSIONS, &[("address", "ada@"), ("blocks", "bulk")]).await;
    let fields = [("address", " ada@example.test "), ("blocks", "bulk")];
    let added = followed(&server, operator.send(SUPPRESSIONS, &fields)).await;
    let list = operator.open(added.header("location")).await;
    let again = operator.send(SUPPRESSIONS, &[("address", "ada@example.test"), ("blocks", "bulk")]).await;

    assert_eq!((wrong.status, added.status), (422, 303));
    wrong.says("value=\"ada@\"").says("Write one whole address");
    assert_eq!(again.header("location"), "/dashboard/suppressions?done=held");
    list.says("a***@e***.test").says("an operator decided so").says("acc_");
    assert_eq!(counted(&list), (1, 1));
    assert!(!list.html.contains("ada@example.test"));
    for (query, rows) in [
        ("address=ADA%40example.test", 1),
        ("address=eve%40example.test", 0),
        ("reason=manual", 1),
        ("reason=complaint", 0),
        ("status=lifted", 0),
    ] {
        let found = operator.open(&format!("{SUPPRESSIONS}?{query}")).await;
        assert_eq!(counted(&found), (rows, rows as usize), "{query}");
    }
    let odd = operator.open(&format!("{SUPPRESSIONS}?address=ada")).await;
    assert_eq!(odd.status, 422);
    odd.says("value=\"ada\"");

    let (_, rest) = list.html.split_once("/dashboard/suppressions/lift?id=").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    operator.open(&format!("{SUPPRESSIONS}/lift?id={id}")).await.says("Lift it").says("a***@e***.test");
    let lifted = followed(&server, operator.send(&format!("{SUPPRESSIONS}/lift"), &[("id", &id)])).await;
    assert_eq!(lifted.status, 303);
    assert_eq!(counted(&operator.open(lifted.header("location")).await), (0, 0), "the list shows it at once");
    assert_eq!(counted(&operator.open(&format!("{SUPPRESSIONS}?status=lifted")).await), (1, 1));
    for gone in [id.as_str(), "sup_x", "", "sup_00000000000000000000000000000000"] {
        let seen = operator.open(&format!("{SUPPRESSIONS}/lift?id={gone}")).await;
        assert_eq!(seen.status, 404, "{gone}");
        seen.says("There is nothing to lift");
    }
}
