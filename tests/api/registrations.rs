//! Registering, verifying, and everything that a stranger could try with somebody else's address.

use backstamp::accounts::{Account, Directory, Match, PasswordHasher};
use backstamp::clock::SystemClock;
use backstamp::database::Dialect;
use backstamp::domain::address::EmailAddress;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::{Answer, Api, Installation, Mail, Mailbox, Program, eventually, token_of};

const ADA: &str = "ada@example.test";
const HERS: &str = "vermilion otter lantern";
const THEIRS: &str = "somebody elses good password";

pub async fn register(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/v1/accounts", &json!({ "email": email, "password": password, "name": "Ada" })).await
}

pub async fn verify(api: &Api, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "password": password });
    api.post("/v1/email-verifications/confirm", &body).await
}

async fn ask_again(api: &Api, email: &str) -> Answer {
    api.post("/v1/email-verifications", &json!({ "email": email })).await
}

/// Mails of one template to this address, oldest first, once there are so many.
pub async fn received(mailbox: &Mailbox, to: &str, template: &str, count: usize) -> Vec<Mail> {
    eventually(&format!("{count} mails of {template}"), async || {
        let mut mails = mailbox.mails(to).await;
        mails.retain(|mail| mail.tags.iter().any(|tag| tag == template));
        mails.reverse();
        (mails.len() >= count).then_some(mails)
    })
    .await
}

async fn link(mailbox: &Mailbox, to: &str) -> String {
    token_of(&mailbox.receive(to, "email-verification").await)
}

pub async fn account(installation: &Installation, address: &str) -> Option<Account> {
    let address = EmailAddress::parse(address).expect("an address");
    installation.directory().lookup(&address).await.expect("the directory")
}

/// Whether the account's password is this one.
pub async fn opens(installation: &Installation, address: &str, password: &str) -> bool {
    let sql = "SELECT password_hash FROM accounts WHERE normalised_address = $1";
    let row = installation.scratch.database.fetch_one(sql, &[address.into()]).await.expect("the account");
    let hash = row.text("password_hash").expect("a hash");
    let hasher = PasswordHasher::new(Arc::new(SystemClock));
    hasher.compare(password.into(), Some(&hash)).await.expect("a verdict") != Match::Wrong
}

pub async fn count(installation: &Installation, sql: &str) -> i64 {
    installation.scratch.database.fetch_one(sql, &[]).await.expect("a row").int("n").expect("a number")
}

/// Waits until nothing that mails anybody is left to do.
pub async fn settle(installation: &Installation) {
    eventually("nothing is left to be mailed", async || {
        let events = count(installation, "SELECT COALESCE(MAX(position), 0) AS n FROM events").await;
        let seen = "SELECT position AS n FROM checkpoints WHERE consumer = 'reactors'";
        let work = "SELECT COUNT(*) AS n FROM work WHERE kind NOT LIKE 'expire%' AND kind NOT LIKE 'forget%' \
                    AND kind NOT LIKE 'settle%' AND kind NOT LIKE 'ask%'";
        (count(installation, seen).await == events && count(installation, work).await == 0).then_some(())
    })
    .await;
}

/// Without pauses between mails and with room for many, so that a test can ask as often as it likes.
async fn patient() -> (Installation, Program) {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0").set("BACKSTAMP_RESETS_PER_HOUR", "100");
    let program = installation.start().await;
    (installation, program)
}

#[tokio::test]
async fn a_registration_becomes_an_account_by_its_link_and_its_password() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let (api, mailbox) = (&program.api, &program.mailbox);

    let answer = register(api, ADA, HERS).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("accepted")), "{}", answer.text);
    assert_eq!((&answer.body["expires_in"], &answer.body["resend_after"]), (&json!(86_400), &json!(60)));
    assert!(answer.body["request_id"].as_str().expect("an id").starts_with("ver_"));

    let mail = mailbox.receive(ADA, "email-verification").await;
    let token = token_of(&mail);
    assert!(mail.links.iter().any(|link| link.starts_with(&format!("{}/verify-email?token=", api.base))));
    assert!(!mail.text.contains(HERS));
    let reset = format!("{}/forgot-password", api.base);
    assert!(mail.text.contains(&reset) && mail.html.contains(&reset), "{}", mail.text);
    let unverified = account(&installation, ADA).await.expect("a provisional account");
    assert!(!unverified.is_verified());

    let seen = api.post("/v1/email-verifications/inspect", &json!({ "token": token })).await;
    assert_eq!((seen.status, &seen.body["status"]), (200, &json!("valid")), "{}", seen.text);
    assert_eq!(seen.body["account_hint"], "a***@e***.test");
    assert_eq!(
        (&seen.body["password_required"], &seen.body["verifies"]),
        (&json!(true), &json!("registration"))
    );

    let done = verify(api, &token, HERS).await;
    assert_eq!((done.status, &done.body), (200, &json!({ "status": "verified" })), "{}", done.text);
    let verified = account(&installation, ADA).await.expect("the account");
    assert!(verified.is_verified() && verified.credential_version == unverified.credential_version + 1);
    assert!(opens(&installation, ADA, HERS).await);
    assert_eq!(count(&installation, "SELECT COUNT(*) AS n FROM registrations").await, 0);
    assert_eq!(verify(api, &token, HERS).await.problem(), (410, "token_used"));

    let welcome = mailbox.receive(ADA, "welcome").await;
    assert!(!welcome.text.contains(&token) && !welcome.html.contains(&token));
    settle(&installation).await;
    assert_eq!(mailbox.mails(ADA).await.len(), 2, "one link, one welcome");
}

#[tokio::test]
async fn the_story_of_a_verification_is_told_at_its_mail_and_counts_as_completed() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    register(api, ADA, HERS).await;
    let mail = mailbox.receive(ADA, "email-verification").await;
    let message_id = mail.message_id().to_owned();
    eventually("the mail is delivered", async || {
        let message = api.ask(&format!("/v1/messages/{message_id}")).await;
        (!message["delivered_at"].is_null()).then_some(())
    })
    .await;
    verify(api, &token_of(&mail), THEIRS).await;
    verify(api, &token_of(&mail), HERS).await;

    let story = eventually("the verification is told", async || {
        let timeline = api.ask(&format!("/v1/messages/{message_id}/timeline")).await;
        let entries = timeline["data"].as_array().cloned().unwrap_or_default();
        let kinds: Vec<_> =
            entries.iter().filter_map(|entry| entry["kind"].as_str()).map(str::to_owned).collect();
        kinds.contains(&"completed".to_owned()).then_some(kinds)
    })
    .await;
    for kind in ["requested", "sent", "delivered", "completion_started", "completion_refused", "completed"] {
        assert!(story.iter().any(|told| told == kind), "{kind}: {story:?}");
    }
    let message = eventually("the mail counts as completed", async || {
        let message = api.ask(&format!("/v1/messages/{message_id}")).await;
        (!message["completed_at"].is_null()).then_some(message)
    })
    .await;
    assert_eq!(message["template"], "email-verification");
    assert!(message["email_verification_id"].as_str().is_some_and(|id| id.starts_with("ver_")), "{message}");
    assert_eq!(message["password_reset_id"], Value::Null);
    let id = message["email_verification_id"].as_str().expect("an id");
    let whole = api.ask(&format!("/v1/email-verifications/{id}/timeline")).await.to_string();
    assert!(
        ["message_requested", "link_issued", "completed"].iter().all(|kind| whole.contains(kind)),
        "{whole}"
    );
    let metrics = api.ask("/v1/metrics/delivery?group_by=template").await;
    let groups = metrics["groups"].as_array().expect("groups");
    let group = groups.iter().find(|group| group["key"] == "email-verification").expect("the template");
    assert_eq!(group["totals"]["completed"], 1);
}

#[tokio::test]
async fn a_wrong_password_leaves_the_link_alive_and_guessing_ends() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let api = &program.api;
    register(api, ADA, HERS).await;
    let token = link(&program.mailbox, ADA).await;

    let missing = api.post("/v1/email-verifications/confirm", &json!({ "token": token })).await;
    assert_eq!((missing.problem(), missing.pointers()), ((422, "invalid_request"), vec!["/password"]));
    let wrong = verify(api, &token, THEIRS).await;
    assert_eq!((wrong.problem(), wrong.pointers()), ((422, "invalid_request"), vec!["/password"]));
    assert_eq!(wrong.body["errors"][0]["code"], "wrong_password");

    for _ in 1..10 {
        assert_eq!(verify(api, &token, THEIRS).await.status, 422);
    }
    let refused = verify(api, &token, HERS).await;
    assert_eq!(refused.problem(), (429, "rate_limited"));
    let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((3_000..=3_600).contains(&seconds), "{seconds}");
    assert!(refused.header("ratelimit-policy").starts_with("\"link\";q=10;w=3600"));
    let seen = api.post("/v1/email-verifications/inspect", &json!({ "token": token })).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert!(!account(&installation, ADA).await.expect("the account").is_verified());
}

/// Whoever registers first, and whichever mail the owner follows.
#[tokio::test]
async fn nobody_activates_an_account_at_a_strangers_address() {
    for owner_comes_first in [true, false] {
        let (installation, program) = patient().await;
        let (api, mailbox) = (&program.api, &program.mailbox);
        let passwords = if owner_comes_first { [HERS, THEIRS] } else { [THEIRS, HERS] };
        for (n, password) in passwords.into_iter().enumerate() {
            register(api, ADA, password).await;
            received(mailbox, ADA, "email-verification", n + 1).await;
        }
        let tokens: Vec<_> =
            received(mailbox, ADA, "email-verification", 2).await.iter().map(token_of).collect();
        assert_ne!(tokens[0], tokens[1]);
        let (hers, theirs) = if owner_comes_first { (0, 1) } else { (1, 0) };

        // The owner follows the stranger's link and types her own password; the stranger has no link.
        assert_eq!(verify(api, &tokens[theirs], HERS).await.status, 422);
        assert!(!account(&installation, ADA).await.expect("the account").is_verified());
        let done = verify(api, &tokens[hers], HERS).await;

        assert_eq!(done.status, 200, "{}", done.text);
        assert!(opens(&installation, ADA, HERS).await && !opens(&installation, ADA, THEIRS).await);
        let late = verify(api, &tokens[theirs], THEIRS).await;
        assert_eq!(late.problem(), (410, "token_superseded"));
        assert!(opens(&installation, ADA, HERS).await);
        received(mailbox, ADA, "welcome", 1).await;
        settle(&installation).await;
        assert_eq!(received(mailbox, ADA, "welcome", 1).await.len(), 1);
    }
}

#[tokio::test]
async fn an_address_that_has_an_account_gets_another_mail_and_the_same_answer() {
    let (installation, program) = patient().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    let known = installation.account("Owner@Example.test").await;
    installation.account("closed@example.test").await;
    let close = "UPDATE accounts SET disabled = 1 WHERE normalised_address = 'closed@example.test'";
    installation.scratch.database.execute(close, &[]).await.expect("it is disabled");

    let mut answers = vec![];
    for email in ["owner@example.test", "closed@example.test", "nobody@example.test"] {
        let mut answer = register(api, email, HERS).await;
        answer.body["request_id"] = Value::Null;
        answers.push((answer.status, answer.body));
    }

    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    let mail = mailbox.receive("Owner@Example.test", "already-registered").await;
    assert_eq!(mail.to, "Owner@Example.test");
    assert!(mail.links.iter().all(|link| !link.contains("token=")), "{:?}", mail.links);
    mailbox.receive("nobody@example.test", "email-verification").await;
    settle(&installation).await;
    assert_eq!(mailbox.mails("closed@example.test").await.len(), 0);
    assert_eq!(mailbox.mails("Owner@Example.test").await.len(), 1);
    let unchanged = account(&installation, "owner@example.test").await.expect("the account");
    assert_eq!(unchanged, known);
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_told_before_anything_is_done() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let api = &program.api;
    let with = |name: &str, value: Value| {
        let mut body = json!({ "email": ADA, "password": HERS });
        body[name] = value;
        body
    };

    for (body, pointer) in [
        (with("email", json!("ada@example.test\r\nbcc: x@example.test")), "/email"),
        (with("email", json!(["ada@example.test"])), "/email"),
        (with("name", json!("Ada\u{0}")), "/name"),
        (with("name", json!("x".repeat(101))), "/name"),
        (with("locale", json!("../en")), "/locale"),
        (with("role", json!("admin")), "/role"),
        (with("password", Value::Null), "/password"),
    ] {
        let answer = api.post("/v1/accounts", &body).await;
        assert_eq!(
            (answer.problem(), answer.pointers()),
            ((422, "invalid_request"), vec![pointer]),
            "{body}"
        );
    }
    let common = register(api, ADA, "password").await;
    assert_eq!(common.problem(), (422, "password_rejected"));
    assert_ne!(common.body["reasons"], json!([]));
    assert_eq!(register(api, ADA, ADA).await.problem(), (422, "password_rejected"));
    assert_eq!(count(&installation, "SELECT COUNT(*) AS n FROM registrations").await, 0);
    assert_eq!(count(&installation, "SELECT COUNT(*) AS n FROM events").await, 0);
}

#[tokio::test]
async fn asking_again_mails_the_same_link_within_the_limits() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    register(api, ADA, HERS).await;
    let first = received(mailbox, ADA, "email-verification", 1).await;

    let known = ask_again(api, ADA).await;
    let unknown = ask_again(api, "nobody@example.test").await;
    assert_eq!((known.status, unknown.status), (202, 202));
    let without_id = |mut answer: Answer| {
        answer.body["request_id"] = Value::Null;
        answer.body
    };
    assert_eq!(without_id(known), without_id(unknown));

    let mails = received(mailbox, ADA, "email-verification", 2).await;
    assert_eq!(token_of(&mails[0]), token_of(&mails[1]));
    assert_ne!(mails[0].message_id(), mails[1].message_id());
    assert_eq!(first[0].message_id(), mails[0].message_id());
    // The third of the hour; then no more, and the answer stays the same.
    ask_again(api, ADA).await;
    received(mailbox, ADA, "email-verification", 3).await;
    assert_eq!(ask_again(api, ADA).await.status, 202);
    assert_eq!(register(api, ADA, THEIRS).await.status, 202);
    settle(&installation).await;
    assert_eq!(mailbox.mails(ADA).await.len(), 3);
    assert_eq!(mailbox.mails("nobody@example.test").await.len(), 0);
    assert_eq!(count(&installation, "SELECT COUNT(*) AS n FROM registrations").await, 1);

    assert_eq!(verify(api, &token_of(&mails[1]), HERS).await.status, 200);
}

#[tokio::test]
async fn an_account_that_was_added_unverified_is_verified_by_its_own_password() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    installation.succeed(&["accounts", "add", ADA, "--unverified"], &format!("{HERS}\n")).await;

    ask_again(api, ADA).await;
    let token = link(mailbox, ADA).await;

    assert_eq!(verify(api, &token, THEIRS).await.status, 422);
    assert_eq!(verify(api, &token, HERS).await.status, 200);
    assert!(account(&installation, ADA).await.expect("the account").is_verified());
    mailbox.receive(ADA, "welcome").await;
    // Nothing is left to verify, so asking again leads to nothing.
    ask_again(api, ADA).await;
    settle(&installation).await;
    assert_eq!(mailbox.mails(ADA).await.len(), 2);
}

#[tokio::test]
async fn a_completed_reset_verifies_the_account_and_ends_its_registrations() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    register(api, ADA, THEIRS).await;
    let verification = link(mailbox, ADA).await;
    api.request_reset(ADA).await;
    let (_, reset) = mailbox.receive_link(ADA).await;

    assert_eq!(verify(api, &reset, THEIRS).await.problem(), (400, "token_invalid"));
    assert_eq!(api.confirm(&verification, HERS).await.problem(), (400, "token_invalid"));
    assert_eq!(api.inspect(&verification).await.problem(), (400, "token_invalid"));
    let done = api.confirm(&reset, HERS).await;

    assert_eq!(done.status, 200, "{}", done.text);
    assert!(account(&installation, ADA).await.expect("the account").is_verified());
    assert_eq!(verify(api, &verification, THEIRS).await.problem(), (410, "token_superseded"));
    assert!(opens(&installation, ADA, HERS).await);
    assert_eq!(count(&installation, "SELECT COUNT(*) AS n FROM registrations").await, 0);
}

#[tokio::test]
async fn where_the_password_is_not_asked_for_the_link_is_enough() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_VERIFY_WITH_PASSWORD", "false");
    let program = installation.start().await;
    register(&program.api, ADA, HERS).await;
    let token = link(&program.mailbox, ADA).await;

    let wrong = verify(&program.api, &token, THEIRS).await;
    let body = json!({ "token": token });
    let done = program.api.post("/v1/email-verifications/confirm", &body).await;

    assert_eq!((wrong.status, done.status), (422, 200), "{}", done.text);
    assert!(opens(&installation, ADA, HERS).await);
}

#[tokio::test]
async fn of_many_simultaneous_confirms_of_a_registration_exactly_one_wins() {
    const CLIENTS: usize = 24;
    let (installation, sandbox) = Installation::with_sandbox().await;
    let mut programs = vec![installation.start().await];
    if installation.scratch.database.dialect() == Dialect::Postgres {
        programs.push(installation.launch_with(&installation.listening_elsewhere()).ready().await);
    }
    register(&programs[0].api, ADA, HERS).await;
    let token = link(&sandbox.mailbox, ADA).await;

    let confirms = (0..CLIENTS).map(|n| verify(&programs[n % programs.len()].api, &token, HERS));
    let answers = join_all(confirms).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:#?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(
            matches!(answer.problem(), (410, "token_used" | "token_superseded") | (503, "busy")),
            "{answer:?}"
        );
    }
    sandbox.mailbox.receive(ADA, "welcome").await;
    settle(&installation).await;
    assert_eq!(sandbox.mailbox.mails(ADA).await.len(), 2, "one link, one welcome");
    let completed = "SELECT COUNT(*) AS n FROM events WHERE event_type = 'email_verification.completed'";
    assert_eq!(count(&installation, completed).await, 1);
    let version = account(&installation, ADA).await.expect("the account").credential_version;
    assert_eq!(version, 2);
}

#[tokio::test]
async fn a_link_that_was_fetched_by_machines_still_works() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    register(&program.api, ADA, HERS).await;
    let token = link(&program.mailbox, ADA).await;

    for path in ["/verify-email", "/v1/email-verifications/confirm", "/v1/email-verifications/inspect"] {
        for method in [reqwest::Method::GET, reqwest::Method::HEAD, reqwest::Method::OPTIONS] {
            let request = program.api.request(method, &format!("{path}?token={token}"));
            Answer::of(request).await.expect("the server answers");
        }
    }

    assert!(!account(&installation, ADA).await.expect("the account").is_verified());
    assert_eq!(verify(&program.api, &token, HERS).await.status, 200);
}

#[tokio::test]
async fn logging_in_after_several_registrations_does_not_tell_whose_address_it_is() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0").set("BACKSTAMP_RESETS_PER_HOUR", "100");
    let program = installation.start().await;
    let api = &program.api;
    installation.account(ADA).await;
    let free = "nobody@example.test";
    for password in [THEIRS, HERS] {
        for address in [ADA, free] {
            assert_eq!(register(api, address, password).await.status, 202);
        }
    }
    received(&program.mailbox, free, "email-verification", 2).await;
    received(&program.mailbox, ADA, "already-registered", 1).await;

    let mut answers = vec![];
    for address in [ADA, free] {
        for password in [THEIRS, HERS, "a third password of nobody"] {
            let body = json!({ "email": address, "password": password });
            answers.push(api.post("/v1/sessions", &body).await.problem().1.to_owned());
        }
    }

    let told = ["invalid_credentials", "account_not_verified", "invalid_credentials"];
    assert_eq!(answers, [told, told].concat());
}
