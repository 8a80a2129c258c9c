//! A stranger uses up the mails that an address may get for verifying it. Its owner gets in all the same.

use serde_json::{Value, json};

use super::registrations::{account, count, opens, received, register, settle, verify};
use crate::support::{Answer, Installation, token_of};

const ADA: &str = "ada@example.test";
const HERS: &str = "vermilion otter lantern";
const THEIRS: &str = "somebody elses good password";

fn without_id(mut answer: Answer) -> (u16, Value) {
    answer.body["request_id"] = Value::Null;
    (answer.status, answer.body)
}

#[tokio::test]
async fn an_owner_whose_mails_a_stranger_used_up_gets_in_by_a_reset() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    for n in 1..=3 {
        register(api, ADA, THEIRS).await;
        received(mailbox, ADA, "email-verification", n).await;
    }

    // The owner registers. She gets the answer that everybody gets, which says what helps, and no mail.
    let hers = without_id(register(api, ADA, HERS).await);
    let anybodys = without_id(register(api, "nobody@example.test", HERS).await);
    settle(&installation).await;
    assert_eq!(hers, anybodys);
    assert_eq!(hers.0, 202);
    assert!(hers.1["resolution"].as_str().is_some_and(|told| told.contains("password reset")), "{}", hers.1);
    assert_eq!(mailbox.mails(ADA).await.len(), 3);
    // The mails that she has are a stranger's, whose password she does not know.
    let mails = received(mailbox, ADA, "email-verification", 3).await;
    let theirs = token_of(&mails[2]);
    assert_eq!(verify(api, &theirs, HERS).await.status, 422);
    assert!(mails.iter().all(|mail| mail.text.contains(&format!("{}/forgot-password", api.base))));

    // Resets have mails of their own.
    api.request_reset(ADA).await;
    let (_, reset) = mailbox.receive_link(ADA).await;
    assert_eq!(api.confirm(&reset, HERS).await.status, 200);

    let log_in =
        async |password| api.post("/v1/sessions", &json!({ "email": ADA, "password": password })).await;
    let session = log_in(HERS).await;
    assert_eq!(session.status, 201, "{}", session.text);
    // The stranger had called her by a name.
    assert_eq!(session.body["account"]["name"], Value::Null);
    assert_eq!(log_in(THEIRS).await.problem(), (401, "invalid_credentials"));
    assert_eq!(verify(api, &theirs, THEIRS).await.problem(), (410, "token_superseded"));
    assert!(account(&installation, ADA).await.expect("the account").is_verified());
    assert!(opens(&installation, ADA, HERS).await);
    let waiting = "SELECT COUNT(*) AS n FROM registrations WHERE normalised_address = 'ada@example.test'";
    assert_eq!(count(&installation, waiting).await, 0);
}
