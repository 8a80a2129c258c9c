//! Sending by SMTP: the program, and a mail server that it does not know, between them a wire.

use backstamp::domain::address::EmailAddress;
use mail_parser::{Message, MessageParser};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::mail_server::{Certificates, Door, MailServer, Taken};
use crate::support::{ADMIN_KEY, Answer, Api, Installation, eventually, free_port};

const ADA: &str = "ada@example.test";
const NEW: &str = "vermilion otter lantern";

/// An installation that sends by this server.
async fn installation(url: &str) -> Installation {
    let mut installation = Installation::new().await;
    installation
        .set("BACKSTAMP_MAIL_PROVIDER", "smtp")
        .set("BACKSTAMP_MAIL_FROM", "\"Bücher & Söhne\" <no-reply@accounts.test>")
        .set("BACKSTAMP_MAILGUN_SIGNING_KEY", "")
        .set("BACKSTAMP_SMTP_URL", url);
    installation
}

fn plain(server: &MailServer) -> String {
    format!("smtp://127.0.0.1:{}", server.port)
}

/// What a reader sees.
struct Letter {
    subject: String,
    text: String,
    html: String,
    message_id: String,
}

fn read(mail: &Taken) -> Letter {
    let content = mail.content();
    let message: Message<'_> = MessageParser::default().parse(&content).expect("a message");
    Letter {
        subject: message.subject().expect("a subject").to_owned(),
        text: message.body_text(0).expect("a text").into_owned(),
        html: message.body_html(0).expect("HTML").into_owned(),
        message_id: message.message_id().expect("a Message-ID").to_owned(),
    }
}

impl Letter {
    fn token(&self) -> String {
        let (_, rest) = self.text.split_once("?token=").expect("a link");
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
    }
}

/// The entry of this kind in the timeline of a reset, once it is there.
async fn entry(api: &Api, request_id: &str, kind: &str) -> Value {
    let path = format!("/v1/password-resets/{request_id}/timeline");
    eventually(&format!("the timeline tells {kind}"), async || {
        let answer =
            Answer::of(api.request(Method::GET, &path).bearer_auth(ADMIN_KEY)).await.expect("an answer");
        let entries = answer.body["data"].as_array().cloned().unwrap_or_default();
        entries.into_iter().find(|entry| entry["kind"] == kind)
    })
    .await
}

/// The newest mail to this address in the message log, once it has come so far.
async fn message(api: &Api, recipient: &str, outcome: &str) -> Value {
    let path = format!("/v1/messages?recipient={recipient}");
    eventually(&format!("the mail to {recipient} is {outcome}"), async || {
        let mut body = api.ask(&path).await;
        let newest = body["data"][0].take();
        (newest["outcome"] == outcome).then_some(newest)
    })
    .await
}

#[tokio::test]
async fn a_reset_goes_through_by_smtp_and_what_nobody_reports_is_said_to_be_unknown() {
    let server = MailServer::start().await;
    let installation = installation(&plain(&server)).await;
    let program = installation.start().await;
    let api = &program.api;
    installation.succeed(&["accounts", "add", ADA, "--name", "Ada Lövelace"], "an old lantern\n").await;

    let request_id = api.request_reset(ADA).await;
    let taken = server.take(ADA, 1).await.remove(0);
    let letter = read(&taken);
    let sent = entry(api, &request_id, "sent").await;
    let waiting = message(api, ADA, "sent").await;
    let done = api.confirm(&letter.token(), NEW).await;
    let notice = read(&server.take(ADA, 2).await.remove(1));

    assert_eq!((taken.from.as_str(), taken.hello.as_str()), ("no-reply@accounts.test", "accounts.test"));
    assert!(letter.text.contains("Ada Lövelace") && letter.html.contains("Ada Lövelace"), "{}", letter.text);
    assert!(letter.html.contains(&letter.token()), "the link stands in both parts");
    assert!(letter.message_id.ends_with("@accounts.test"), "{}", letter.message_id);
    assert!(!letter.subject.is_empty() && letter.subject != notice.subject);
    assert_eq!(sent["text"], "The mail server took it; what became of it is not reported.");
    assert!(
        sent["meta"]["reply"].as_str().is_some_and(|reply| reply.contains("queued as 4XkQ2c0001")),
        "{sent}"
    );
    assert_eq!(waiting["explanation"], "The mail server took it; what became of it is not reported.");
    assert_eq!((&waiting["provider"], done.status), (&json!("smtp"), 200), "{}", done.text);
    assert!(!notice.text.contains("token="));

    // A person came back by the link: so it arrived. Opens are seen by nobody.
    let metrics = eventually("the reset is counted", async || {
        let metrics = api.ask("/v1/metrics/delivery").await;
        (metrics["totals"]["completed"] == 1 && metrics["totals"]["sent"] == 2).then_some(metrics)
    })
    .await;
    let totals = &metrics["totals"];
    assert_eq!((&totals["delivered_inferred"], &totals["in_flight"]), (&json!(1), &json!(1)), "{totals}");
    assert_eq!(metrics["rates"]["open_rate"], Value::Null);
    assert_eq!(metrics["null_reasons"]["open_rate"], "tracking_off");
    assert_eq!(metrics["in_flight_oldest"], Value::Null);
    // Nothing of Mailgun's is configured, and nothing of the sandbox's is there.
    let webhook = api.post("/webhooks/mailgun", &json!({})).await;
    assert_eq!((webhook.status, api.get("/sandbox").await.status), (503, 404));
}

#[tokio::test]
async fn a_database_that_has_sent_by_smtp_never_goes_back_to_the_sandbox() {
    let server = MailServer::start().await;
    let mut installation = installation(&plain(&server)).await;
    installation.start().await.terminate().await;

    installation.set("BACKSTAMP_MAIL_PROVIDER", "sandbox");
    let refused = installation.run(&[], "").await;

    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("has sent mail through smtp"), "{told}");
}

#[tokio::test]
async fn mails_go_out_encrypted_and_logged_in_however_the_server_wants_it() {
    let certificates = Certificates::new().await;
    let login = ("ada@example.test", "p/s s:ü+%");
    let credentials = "ada%40example.test:p%2Fs%20s%3A%C3%BC+%25";
    for (tls, scheme, host, query) in [
        ("wrapped", "smtps", "localhost", ""),
        ("starttls", "smtp", "127.0.0.1", "?tls=required"),
        ("starttls", "smtp", "localhost", "?tls=opportunistic"),
    ] {
        let door = Door { tls: Some((tls, &certificates)), login: Some(login), ..Door::default() };
        let server = MailServer::behind(door).await;
        let url = format!("{scheme}://{credentials}@{host}:{}{query}", server.port);
        let mut installation = installation(&url).await;
        installation.set("BACKSTAMP_SMTP_CA_FILE", &certificates.authority());
        let program = installation.start().await;
        installation.account(ADA).await;

        program.api.request_reset(ADA).await;
        let taken = server.take(ADA, 1).await.remove(0);

        assert!(taken.encryption.is_some_and(|version| version.starts_with("TLSv1.")), "{url}");
        assert_eq!(taken.user.as_deref(), Some(login.0));
        assert!(!program.log().contains("p/s"), "{}", program.log());
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_or_does_not_know_us_gets_no_mail_and_the_timeline_says_why() {
    let certificates = Certificates::new().await;
    let login = Some(("ada", "right"));
    let trusted = certificates.authority();
    for (password, authority, why) in [
        ("right", "", "no encryption: invalid peer certificate"),
        ("wrong", &*trusted, "at the log-in: 535 5.7.8"),
    ] {
        let door = Door { tls: Some(("wrapped", &certificates)), login, ..Door::default() };
        let server = MailServer::behind(door).await;
        let mut installation =
            installation(&format!("smtps://ada:{password}@127.0.0.1:{}", server.port)).await;
        installation.set("BACKSTAMP_SMTP_CA_FILE", authority);
        let program = installation.start().await;
        installation.account(ADA).await;

        let request_id = program.api.request_reset(ADA).await;
        let failed = entry(&program.api, &request_id, "send_failed").await;

        assert!(failed["meta"]["error"].as_str().is_some_and(|error| error.contains(why)), "{failed}");
        assert_eq!(message(&program.api, ADA, "queued").await["sent_at"], Value::Null);
        assert!(server.taken(ADA).is_empty());
    }
}

#[tokio::test]
async fn the_doctor_says_whether_the_mail_server_lets_us_in() {
    let door = Door { login: Some(("ada", "right")), ..Door::default() };
    let server = MailServer::behind(door).await;
    let mut told = vec![];
    for password in ["right", "wrong"] {
        let installation = installation(&format!("smtp://ada:{password}@127.0.0.1:{}", server.port)).await;
        installation.start().await.terminate().await;

        let report = installation.run(&["doctor", "--json"], "").await;

        let report: Value = serde_json::from_slice(&report.stdout).expect("a report");
        let findings = report["findings"].as_array().expect("findings");
        told.extend(findings.iter().find(|finding| finding["check"] == "provider").cloned());
    }

    assert_eq!((&told[0]["verdict"], &told[1]["verdict"]), (&json!("good"), &json!("failed")), "{told:?}");
    assert!(told[1]["told"].as_str().is_some_and(|told| told.contains("at the log-in: 535")), "{told:?}");
}

#[tokio::test]
async fn a_refusal_is_a_bounce_with_its_diagnostic_in_the_log_the_timeline_and_the_metrics() {
    let server = MailServer::start().await;
    let installation = installation(&plain(&server)).await;
    let program = installation.start().await;
    let api = &program.api;
    let recipients = ["nobody@example.test", "spam@example.test"];
    let mut told = vec![];
    for recipient in recipients {
        installation.account(recipient).await;
        let request_id = api.request_reset(recipient).await;
        told.push((entry(api, &request_id, "bounced").await, message(api, recipient, "bounced").await));
    }

    let [(unknown, log), (spam, _)] = told.try_into().expect("two of them");
    let meta = &unknown["meta"];
    assert_eq!(unknown["text"], "The mail server refused it for good.");
    assert_eq!((&meta["code"], &meta["enhanced"]), (&json!(550), &json!("5.1.1")), "{unknown}");
    assert_eq!(
        (&meta["category"], &meta["class"]),
        (&json!("invalid_recipient"), &json!("hard")),
        "{unknown}"
    );
    assert_eq!(
        meta["diagnostic"],
        "5.1.1 *** Recipient address rejected: User unknown in virtual mailbox table"
    );
    assert_eq!(log["bounce"]["category"], "invalid_recipient");
    assert_eq!((&log["deferrals"], &log["rejected_at"]), (&json!(0), &Value::Null));
    assert_eq!((&spam["meta"]["code"], &spam["meta"]["enhanced"]), (&json!(554), &json!("5.7.1")), "{spam}");
    let metrics = api.ask("/v1/metrics/delivery").await;
    let counts = ["requested", "sent", "bounced", "bounced_hard", "rejected", "in_flight"];
    let totals = counts.map(|name| metrics["totals"][name].as_i64().expect("a number"));
    assert_eq!(totals, [2, 2, 2, 1, 0, 0], "{metrics}");
    // Nobody else is kept waiting.
    installation.account(ADA).await;
    api.request_reset(ADA).await;
    server.take(ADA, 1).await;
    assert!(recipients.iter().all(|recipient| server.taken(recipient).is_empty()));
    assert!(
        EmailAddress::parse(recipients[0]).is_ok_and(|address| !program.log().contains(address.as_str()))
    );
}

/// A refusal for every category that a server can express; only a provider says that it did not try.
const REFUSALS: [(&str, &str); 19] = [
    ("invalid_recipient", "550 5.1.1 There is no such mailbox in this house"),
    ("inactive_recipient", "550 5.2.1 The owner has closed this account"),
    ("invalid_domain", "556 5.1.10 That domain publishes a null MX"),
    ("mailbox_full", "552 5.2.2 The recipient has no storage space left"),
    ("message_too_large", "552 5.3.4 The message is larger than the 20 MB we take"),
    ("spam_content", "554 5.7.1 This message looks like spam"),
    ("content_rejected", "550 5.6.0 The header Message-ID is missing"),
    ("blocklisted", "554 5.7.1 Client host 192.0.2.7 is listed at bl.lists.test"),
    ("reputation_block", "550 5.7.1 Refused for the poor reputation of your address"),
    ("rate_limited", "554 5.7.28 Too many messages an hour from your network"),
    ("greylisted", "550 5.7.0 You are greylisted"),
    ("auth_failed", "550 5.7.26 Neither SPF nor DKIM passed for accounts.test"),
    ("sender_dns_invalid", "550 5.7.25 There is no reverse DNS for 192.0.2.7"),
    ("relay_denied", "554 5.7.1 We do not relay for that domain"),
    ("policy_refused", "550 5.7.1 Only members may write to this group"),
    ("protocol_error", "555 5.5.4 This parameter of RCPT is not recognized"),
    ("server_error", "554 5.3.5 Local configuration error"),
    ("unreachable", "554 5.4.6 Too many hops: the message runs in a circle"),
    ("unclassified", "550 5.0.0 #77-12"),
];

#[tokio::test]
async fn every_category_that_a_server_can_express_is_told_from_its_reply() {
    let server = MailServer::start().await;
    server.script(&REFUSALS);
    let installation = installation(&plain(&server)).await;
    let recipient = |category: &str| format!("says+{category}@example.test");
    for (category, _) in REFUSALS {
        installation.account(&recipient(category)).await;
    }
    let program = installation.start().await;
    let api = &program.api;

    for (category, _) in REFUSALS {
        api.request_reset(&recipient(category)).await;
    }

    for (category, reply) in REFUSALS {
        let path = format!("/v1/messages?recipient={}", recipient(category).replace('+', "%2B"));
        let told = eventually(&format!("a bounce for “{reply}”"), async || {
            let mut body = api.ask(&path).await;
            let newest = body["data"].get_mut(0)?.take();
            (newest["outcome"] == "bounced").then_some(newest)
        })
        .await;
        assert_eq!(told["bounce"]["category"], category, "{reply}");
    }
    let metrics = api.ask("/v1/metrics/bounces").await;
    let categories = metrics["categories"].as_array().expect("a list");
    assert_eq!(categories.len(), REFUSALS.len(), "{metrics}");
    assert!(categories.iter().all(|told| told["count"] == 1), "{metrics}");
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_taken_later() {
    let (server, busy) = (MailServer::start().await, "busy@example.test");
    let installation = installation(&plain(&server)).await;
    let program = installation.start().await;
    installation.account(busy).await;

    let request_id = program.api.request_reset(busy).await;
    let deferred = entry(&program.api, &request_id, "deferred").await;
    let waiting = program.api.ask("/v1/metrics/delivery").await;
    let taken = message(&program.api, busy, "sent").await;

    assert_eq!(deferred["text"], "The mail server did not take it yet and asked to come back later.");
    assert_eq!(deferred["meta"]["code"], 451);
    assert!(deferred["meta"]["retry_seconds"].as_u64().is_some_and(|seconds| seconds <= 6), "{deferred}");
    assert_eq!((&waiting["totals"]["sent"], &waiting["totals"]["not_handed_over"]), (&json!(0), &json!(1)));
    assert_eq!((&taken["deferrals"], server.taken(busy).len()), (&json!(1), 1));
}

#[tokio::test]
async fn a_mail_of_which_nobody_knows_whether_it_was_taken_is_sent_again_as_the_same_mail() {
    let (server, cut) = (MailServer::start().await, "cut@example.test");
    let mut installation = installation(&plain(&server)).await;
    installation.set("BACKSTAMP_RECONCILE_AFTER", "1");
    let program = installation.start().await;
    installation.account(cut).await;

    let request_id = program.api.request_reset(cut).await;
    let failed = entry(&program.api, &request_id, "send_failed").await;
    let taken = server.take(cut, 2).await;
    message(&program.api, cut, "sent").await;

    assert_eq!(failed["text"], "The call broke off: nobody knows yet whether the provider took it.");
    let [first, second] = [&taken[0], &taken[1]].map(read);
    assert_eq!((first.message_id, first.text), (second.message_id, second.text));
    assert_eq!(server.taken(cut).len(), 2);
}

#[tokio::test]
async fn mails_wait_for_a_server_that_is_away_also_through_a_restart() {
    let port = free_port();
    let installation = installation(&format!("smtp://127.0.0.1:{port}")).await;
    let program = installation.start().await;
    installation.account(ADA).await;

    let request_id = program.api.request_reset(ADA).await;
    let failed = entry(&program.api, &request_id, "send_failed").await;
    program.kill().await;
    let server = MailServer::behind(Door { port: Some(port), ..Door::default() }).await;
    let program = installation.start().await;
    let letter = read(&server.take(ADA, 1).await.remove(0));

    assert!(failed["meta"]["error"].as_str().is_some_and(|error| error.contains("refused")), "{failed}");
    assert_eq!(program.api.inspect(&letter.token()).await.status, 200);
}
