//! Moving an account to another address, over the API: proved at the new one, told to the old one.

use backstamp::accounts::{Account, Directory};
use backstamp::domain::address::EmailAddress;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Installation, Program, eventually, token_of};

const OLD: &str = "ada@example.test";
const NEW: &str = "ada.lovelace@example.test";
const PASSWORD: &str = "vermilion otter lantern";

async fn ada() -> (Installation, Program) {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    installation.succeed(&["accounts", "add", OLD, "--name", "Ada"], &format!("{PASSWORD}\n")).await;
    (installation, program)
}

async fn log_in(api: &Api, email: &str) -> Answer {
    api.post("/v1/sessions", &json!({ "email": email, "password": PASSWORD })).await
}

async fn session(api: &Api) -> String {
    let answer = log_in(api, OLD).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["token"].as_str().expect("a token").to_owned()
}

async fn move_to(api: &Api, session: &str, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "current_password": password });
    Answer::of(api.request(Method::POST, "/v1/me/email").bearer_auth(session).json(&body))
        .await
        .expect("an answer")
}

async fn me(api: &Api, session: &str) -> u16 {
    Answer::of(api.request(Method::GET, "/v1/me").bearer_auth(session)).await.expect("an answer").status
}

async fn verify(api: &Api, token: &str, password: &str) -> Answer {
    api.post("/v1/email-verifications/confirm", &json!({ "token": token, "password": password })).await
}

async fn account(installation: &Installation, address: &str) -> Option<Account> {
    let address = EmailAddress::parse(address).expect("an address");
    installation.directory().lookup(&address).await.expect("the directory")
}

#[tokio::test]
async fn an_account_moves_once_the_link_at_the_new_address_was_followed() {
    let (installation, program) = ada().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    let before = account(&installation, OLD).await.expect("the account");
    let session = session(api).await;
    api.request_reset(OLD).await;
    let (_, reset) = mailbox.receive_link(OLD).await;

    let taken = move_to(api, &session, NEW, PASSWORD).await;
    assert_eq!((taken.status, &taken.body["status"]), (202, &json!("accepted")), "{}", taken.text);
    let mail = mailbox.receive(NEW, "email-verification").await;
    // A reset goes to the address that the account has: it proves nothing about the new one.
    assert!(!mail.text.contains("/forgot-password"), "{}", mail.text);
    let token = token_of(&mail);
    let seen = api.post("/v1/email-verifications/inspect", &json!({ "token": token })).await;
    assert_eq!(seen.body["verifies"], "address_change", "{}", seen.text);
    assert_eq!(account(&installation, OLD).await, Some(before.clone()), "nothing has changed yet");
    assert_eq!(verify(api, &token, "somebody elses password").await.status, 422);
    assert_eq!((api.inspect(&reset).await.status, me(api, &session).await), (200, 200));
    let done = verify(api, &token, PASSWORD).await;
    assert_eq!(done.status, 200, "{}", done.text);

    let after = account(&installation, NEW).await.expect("the account");
    assert_eq!((after.id, account(&installation, OLD).await), (before.id, None));
    assert_eq!(after.credential_version, before.credential_version + 1);
    assert_eq!(me(api, &session).await, 401);
    assert_eq!(api.confirm(&reset, "amber bicycle quartz").await.problem(), (410, "token_superseded"));
    assert_eq!(verify(api, &token, PASSWORD).await.problem(), (410, "token_used"));
    assert_eq!((log_in(api, NEW).await.status, log_in(api, OLD).await.status), (201, 401));
    let notice = mailbox.receive(OLD, "address-changed").await;
    assert!(notice.text.contains("a***@e***.test") && !notice.text.contains(NEW), "{}", notice.text);
    assert!(!notice.text.contains(&token) && !notice.html.contains(&token));
    assert_eq!(mailbox.mails(NEW).await.len(), 1, "no welcome for somebody who has moved");
}

#[tokio::test]
async fn an_address_of_somebody_else_is_told_to_its_owner_and_to_nobody_else() {
    let (installation, program) = ada().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    let owner = installation.account("owner@example.test").await;
    let session = session(api).await;

    let mut answers = vec![];
    for email in ["owner@example.test", "nobody@example.test"] {
        let mut answer = move_to(api, &session, email, PASSWORD).await;
        answer.body["request_id"] = Value::Null;
        answers.push((answer.status, answer.body));
    }

    assert_eq!(answers[0], answers[1]);
    let told = mailbox.receive("owner@example.test", "already-registered").await;
    assert!(told.links.iter().all(|link| !link.contains("token=")), "{:?}", told.links);
    mailbox.receive("nobody@example.test", "email-verification").await;
    assert_eq!(mailbox.mails("owner@example.test").await.len(), 1);
    assert_eq!(account(&installation, "owner@example.test").await, Some(owner));
    assert_eq!(me(api, &session).await, 200);
}

#[tokio::test]
async fn a_change_of_address_is_asked_for_by_the_owner_and_by_nobody_else() {
    let (installation, program) = ada().await;
    let api = &program.api;
    let session = session(api).await;

    let stranger = move_to(api, "bss_nobodys", NEW, PASSWORD).await;
    let thief = move_to(api, &session, NEW, "a guess at the password").await;
    let nowhere = move_to(api, &session, "not an address", PASSWORD).await;
    let unchanged = move_to(api, &session, OLD, PASSWORD).await;

    assert_eq!(stranger.problem(), (401, "unauthorized"));
    assert_eq!((thief.problem(), thief.pointers()), ((422, "invalid_request"), vec!["/current_password"]));
    assert_eq!((nowhere.problem(), nowhere.pointers()), ((422, "invalid_request"), vec!["/email"]));
    assert_eq!((unchanged.problem(), unchanged.pointers()), ((422, "invalid_request"), vec!["/email"]));
    let sql = "SELECT COUNT(*) AS n FROM events WHERE aggregate_type = 'email_verification'";
    let row = installation.scratch.database.fetch_one(sql, &[]).await.expect("a row");
    assert_eq!(row.int("n").expect("a number"), 0);
}

#[tokio::test]
async fn the_link_to_a_new_address_dies_with_any_other_change_of_the_account() {
    let (installation, program) = ada().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    let session = session(api).await;
    move_to(api, &session, NEW, PASSWORD).await;
    let token = token_of(&mailbox.receive(NEW, "email-verification").await);
    let body = json!({ "current_password": PASSWORD, "new_password": "amber bicycle quartz" });
    let change = api.request(Method::PUT, "/v1/me/password").bearer_auth(&session).json(&body);
    assert_eq!(Answer::of(change).await.expect("an answer").status, 204);

    let late = verify(api, &token, "amber bicycle quartz").await;

    assert_eq!(late.problem(), (410, "token_superseded"));
    assert!(account(&installation, OLD).await.is_some());
}

#[tokio::test]
async fn whoever_registered_the_new_address_before_does_not_stand_in_the_way_of_its_owner() {
    let (installation, program) = ada().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    let squatting = json!({ "email": NEW, "password": "a strangers good password" });
    assert_eq!(api.post("/v1/accounts", &squatting).await.status, 202);
    let strangers = token_of(&mailbox.receive(NEW, "email-verification").await);
    let session = session(api).await;

    move_to(api, &session, NEW, PASSWORD).await;
    let token = eventually("the second link", async || {
        let mails = mailbox.mails(NEW).await;
        (mails.len() == 2).then(|| token_of(&mails[0]))
    })
    .await;
    let done = verify(api, &token, PASSWORD).await;

    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(
        verify(api, &strangers, "a strangers good password").await.problem(),
        (410, "token_superseded")
    );
    assert_eq!(log_in(api, NEW).await.status, 201);
    assert!(account(&installation, NEW).await.is_some_and(|account| account.name.as_deref() == Some("Ada")));
}

#[tokio::test]
async fn a_pair_that_waits_for_its_verification_is_told_so_whoever_has_the_address() {
    let (_installation, program) = ada().await;
    let api = &program.api;
    const WAITING: &str = "a registrations good password";
    let log_in = async |email: &str, password: &str| {
        api.post("/v1/sessions", &json!({ "email": email, "password": password })).await
    };
    for email in [OLD, NEW] {
        let registration = json!({ "email": email, "password": WAITING });
        assert_eq!(api.post("/v1/accounts", &registration).await.status, 202);
    }

    for email in [OLD, NEW] {
        let waiting = log_in(email, WAITING).await;
        assert_eq!(waiting.problem(), (403, "account_not_verified"), "{email}");
        assert!(waiting.body["resolution"].is_string(), "{}", waiting.text);
        assert_eq!(
            log_in(email, "neither of the two").await.problem(),
            (401, "invalid_credentials"),
            "{email}"
        );
    }
    // Who has an account gets in with its own password all the while.
    assert_eq!(log_in(OLD, PASSWORD).await.status, 201);
}
