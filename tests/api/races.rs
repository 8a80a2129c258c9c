//! Many clients with one token at the same instant, over as many processes as the database takes.

use std::sync::Arc;

use backstamp::accounts::{Directory, Match, PasswordHasher};
use backstamp::clock::SystemClock;
use backstamp::database::Dialect;
use backstamp::domain::address::EmailAddress;
use futures_util::future::join_all;

use crate::support::{Installation, Program, eventually};

const OWNER: &str = "owner@example.test";
const CLIENTS: usize = 24;

/// The first process, and on PostgreSQL a second one beside it.
async fn processes(installation: &Installation) -> Vec<Program> {
    let mut programs = vec![installation.start().await];
    if installation.scratch.database.dialect() == Dialect::Postgres {
        programs.push(installation.launch_with(&installation.listening_elsewhere()).ready().await);
    }
    programs
}

#[tokio::test]
async fn of_many_simultaneous_confirms_exactly_one_wins_and_its_password_works() {
    let (installation, sandbox) = Installation::with_sandbox().await;
    let programs = processes(&installation).await;
    let account = installation.account(OWNER).await;
    let request_id = programs[0].api.request_reset(OWNER).await;
    let (_, token) = sandbox.mailbox.receive_link(OWNER).await;

    let passwords: Vec<_> = (0..CLIENTS).map(|n| format!("vermilion otter lantern {n}")).collect();
    let confirms = passwords.iter().enumerate().map(|(n, password)| {
        let program = &programs[n % programs.len()];
        program.api.confirm(&token, password)
    });
    let answers = join_all(confirms).await;

    let winners: Vec<_> = (0..CLIENTS).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(winners.len(), 1, "{answers:#?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(
            matches!(answer.problem(), (410, "token_used" | "token_superseded") | (503, "busy")),
            "{answer:?}"
        );
    }
    let sql = "SELECT password_hash, credential_version AS version FROM accounts WHERE id = $1";
    let row = installation.scratch.database.fetch_one(sql, &[account.id.to_string().into()]).await;
    let hash = row.expect("the account").text("password_hash").expect("a hash");
    let hasher = PasswordHasher::new(Arc::new(SystemClock));
    for (n, password) in passwords.iter().enumerate() {
        let compared = hasher.compare(password.clone().into(), Some(&hash)).await.expect("a verdict");
        assert_eq!(compared != Match::Wrong, n == winners[0], "{password}");
    }
    let address = EmailAddress::parse(OWNER).expect("an address");
    let now = installation.directory().lookup(&address).await.expect("the directory").expect("the account");
    assert_eq!(now.credential_version, account.credential_version + 1);

    sandbox.mailbox.receive(OWNER, "password-changed").await;
    eventually("every process has nothing left to do", async || {
        let sql = "SELECT COUNT(*) AS n FROM work WHERE kind IN ('notify_password_changed', 'send_message')";
        let row = installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
        (row.int("n").expect("a number") == 0).then_some(())
    })
    .await;
    assert_eq!(sandbox.mailbox.mails(OWNER).await.len(), 2, "one link, one notice");
    for program in &programs {
        let kinds = program.api.kinds(&request_id).await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "completed").count(), 1, "{kinds:?}");
        assert_eq!(program.api.confirm(&token, &passwords[0]).await.problem(), (410, "token_used"));
    }
}

#[tokio::test]
async fn simultaneous_requests_for_one_address_make_one_mail() {
    let (installation, sandbox) = Installation::with_sandbox().await;
    let programs = processes(&installation).await;
    installation.account(OWNER).await;

    let asking = (0..CLIENTS).map(|n| programs[n % programs.len()].api.request_reset(OWNER));
    let ids = join_all(asking).await;

    let (_, token) = sandbox.mailbox.receive_link(OWNER).await;
    eventually("nothing is left to be sent", async || {
        let sql = "SELECT COUNT(*) AS n FROM work WHERE kind IN ('issue_reset_link', 'send_message')";
        let row = installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
        (row.int("n").expect("a number") == 0).then_some(())
    })
    .await;
    assert_eq!((ids.len(), sandbox.mailbox.mails(OWNER).await.len()), (CLIENTS, 1));
    assert_eq!(programs[0].api.inspect(&token).await.status, 200);
}
