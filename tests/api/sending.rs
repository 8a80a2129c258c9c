//! Sending to a list, and sending again: from the call to the mailbox, also when the program dies midway.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Answer, Api, Chance, Installation, eventually, tables};

const OWNER: &str = "owner@example.test";

fn call_to(to: &[String]) -> Value {
    json!({ "template": "password-changed", "to": to, "data": { "changed_at": "2026-01-05T10:00:00Z" } })
}

fn people(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("reader{n}@example.test")).collect()
}

async fn send(api: &Api, body: &Value, key: Option<&str>) -> reqwest::Result<Answer> {
    let request = api.request(Method::POST, "/v1/messages").bearer_auth(ADMIN_KEY).json(body);
    Answer::of(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
    .await
}

async fn resend(api: &Api, message_id: &str) -> Answer {
    let path = format!("/v1/messages/{message_id}/resend");
    Answer::of(api.request(Method::POST, &path).bearer_auth(ADMIN_KEY)).await.expect("the server answers")
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 202, "{}", answer.text);
    let messages = answer.body["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_list_gets_one_mail_each_and_each_is_counted() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let to = people(25);

    let sent = send(&program.api, &call_to(&to), None).await.expect("the server answers");

    let ids: BTreeSet<_> = ids(&sent).into_iter().collect();
    assert_eq!(ids.len(), 25);
    let mails = eventually("every mail is there", async || {
        let mails = program.mailbox.all().await;
        (mails.len() >= 25).then_some(mails)
    })
    .await;
    assert_eq!(mails.iter().map(|mail| mail.to.clone()).collect::<BTreeSet<_>>(), to.into_iter().collect());
    assert_eq!(mails.iter().map(|mail| mail.message_id().to_owned()).collect::<BTreeSet<_>>(), ids);
    eventually("every mail is counted", async || {
        let totals = program.api.ask("/v1/metrics/delivery").await["totals"].clone();
        (totals["requested"] == 25 && totals["delivered"] == 25).then_some(())
    })
    .await;
    let timeline = program.api.ask(&format!("/v1/messages/{}/timeline", ids.first().expect("one"))).await;
    assert_eq!(timeline["data"][0]["kind"], "requested");
    assert_eq!(timeline["data"][0]["source"], "operator");
    assert_eq!(timeline["data"][0]["meta"]["asked_by"], "operator");
}

#[tokio::test]
async fn a_call_that_a_kill_cuts_off_is_completed_by_its_repetition_and_nobody_is_mailed_twice() {
    let installation = Installation::new().await;
    let (to, mut chance) = (people(300), Chance::new());
    let body = call_to(&to);
    let program = installation.start().await;

    let (api, first) = (program.api.clone(), body.clone());
    let call = tokio::spawn(async move { send(&api, &first, Some("newsletter-7")).await });
    chance.instant_within(Duration::from_millis(150)).await;
    program.kill().await;
    let cut_off = call.await.expect("the call ends");
    let program = installation.start().await;
    let repeated = eventually("the call can be repeated", async || {
        let answer = send(&program.api, &body, Some("newsletter-7")).await.expect("the server answers");
        (answer.status != 409).then_some(answer)
    })
    .await;
    let again = send(&program.api, &body, Some("newsletter-7")).await.expect("the server answers");

    let known = ids(&repeated);
    assert_eq!(known, ids(&again));
    if let Ok(answered) = cut_off {
        assert_eq!(known, ids(&answered));
    }
    eventually("every mail is handed over", async || {
        let sql = "SELECT COUNT(*) AS n FROM work WHERE kind = 'send_message'";
        let left = installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
        tables::folded(&installation.scratch.database).await;
        (left.int("n").expect("a number") == 0).then_some(())
    })
    .await;
    let mut mailed: Vec<_> = program.mailbox.all().await.into_iter().map(|mail| mail.to).collect();
    mailed.sort();
    let mut expected = to;
    expected.sort();
    assert_eq!(mailed, expected);
}

#[tokio::test]
async fn support_sends_a_reset_again_with_the_same_link_for_as_long_as_it_works() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    program.api.request_reset(OWNER).await;
    let (mail, token) = program.mailbox.receive_link(OWNER).await;
    let message_id = mail.message_id();

    let resent = eventually("the mail can be sent again", async || {
        let answer = resend(&program.api, message_id).await;
        (answer.status != 409).then_some(answer)
    })
    .await;

    assert_eq!((resent.status, &resent.body["status"]), (202, &json!("accepted")), "{}", resent.text);
    assert_ne!(resent.body["id"], message_id);
    let mails = eventually("there are two mails", async || {
        let mails = program.mailbox.mails(OWNER).await;
        (mails.len() == 2).then_some(mails)
    })
    .await;
    assert!(mails.iter().all(|mail| mail.text.contains(&token)), "not the same link");
    assert_eq!(mails[0].message_id(), resent.body["id"]);
    assert_eq!(program.api.confirm(&token, "vermilion otter lantern").await.status, 200);
    let dead = resend(&program.api, message_id).await;
    assert_eq!(dead.problem(), (409, "conflict"));
    assert!(
        dead.body["detail"].as_str().is_some_and(|why| why.contains("ask for a new one")),
        "{}",
        dead.text
    );
    let nothing = resend(&program.api, "msg_01900000000070008000000000000001").await;
    assert_eq!(nothing.problem(), (404, "not_found"));
}
