//! SIGKILL while owners change their passwords: a change that was acknowledged holds, and its owner is told of
//! every change that was made, once.

use std::time::Duration;

use backstamp::accounts::{Directory, Match, PasswordHasher};
use backstamp::clock::SystemClock;
use backstamp::domain::address::EmailAddress;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, Api, Installation, Mailbox, perhaps, tables};

const KILLS: usize = 12;
/// At least.
const LIFE: Duration = Duration::from_millis(2_000);
const OWNERS: usize = 4;
/// On PostgreSQL work of a killed process is leased for 30 s.
const RECOVERY: Duration = Duration::from_secs(120);

struct Owner<'a> {
    address: String,
    api: &'a Api,
    /// The last password that is known to hold, and one that may.
    password: String,
    perhaps: Option<String>,
    /// Changes that were answered with 204.
    acknowledged: usize,
}

impl Owner<'_> {
    async fn work(mut self, stop: &CancellationToken) -> Self {
        let mut round = 0;
        while !stop.is_cancelled() {
            round += 1;
            self.change(format!("lantern {round} of {}", self.address.replace('@', " at "))).await;
        }
        self
    }

    async fn change(&mut self, new: String) {
        let Some(session) = self.log_in().await else { return };
        let body = json!({ "current_password": self.password, "new_password": new });
        let request = self.api.request(Method::PUT, "/v1/me/password").bearer_auth(session).json(&body);
        match Answer::of(request).await {
            Ok(answer) if answer.status == 204 => {
                self.password = new;
                self.acknowledged += 1;
            }
            Ok(answer) => assert_eq!(answer.status, 503, "{}: {}", self.address, answer.text),
            Err(_) => self.perhaps = Some(new),
        }
    }

    /// With whichever of the two passwords holds.
    async fn log_in(&mut self) -> Option<String> {
        let mut tried: Vec<_> = self.perhaps.iter().cloned().collect();
        tried.push(self.password.clone());
        for password in tried {
            let body = json!({ "email": self.address, "password": password });
            let answer = self.api.try_post("/v1/sessions", &body).await.ok()?;
            if answer.status == 201 {
                self.password = password;
                self.perhaps = None;
                return answer.body["token"].as_str().map(str::to_owned);
            }
            // Over the limit, or away for a moment: later.
            if answer.status != 401 {
                return None;
            }
        }
        None
    }

    async fn examine(&self, installation: &Installation, mailbox: &Mailbox, hasher: &PasswordHasher) {
        let address = EmailAddress::parse(&self.address).expect("an address");
        let account =
            installation.directory().lookup(&address).await.expect("the directory").expect("the owner");
        let changes = usize::try_from(account.credential_version - 1).expect("versions only go up");
        let hash = tables::password_hash(&installation.scratch.database, account.id).await;
        let mut holds = false;
        for password in self.perhaps.iter().chain([&self.password]) {
            let compared = hasher.compare(password.clone().into(), Some(&hash)).await.expect("a verdict");
            holds |= compared != Match::Wrong;
        }
        assert!(holds, "{}: neither password holds", self.address);
        assert!(changes >= self.acknowledged, "{}: a change was lost", self.address);
        let told = mailbox.mails(&self.address).await;
        assert!(told.iter().all(|mail| mail.tags == ["password-changed"]));
        assert_eq!(told.len(), changes, "{}: one notice for each change", self.address);
    }
}

/// Waits until every change was told.
async fn settle(installation: &Installation) {
    let sql = "SELECT (SELECT COUNT(*) FROM account_changes)
                    + (SELECT COUNT(*) FROM work WHERE kind IN ('notify_account_change', 'send_message')) AS n";
    let done = perhaps(RECOVERY, async || {
        let row = installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
        (row.int("n").expect("a number") == 0).then_some(())
    });
    assert!(done.await.is_some(), "not everything was told");
}

#[tokio::test]
async fn every_change_of_a_password_is_told_once_through_kills_at_any_instant() {
    let (mut installation, sandbox) = Installation::with_sandbox().await;
    installation.set("BACKSTAMP_RECONCILE_AFTER", "1");
    let api = Api::new(format!("http://127.0.0.1:{}", installation.port));
    let stop = CancellationToken::new();
    let mut owners = vec![];
    for number in 0..OWNERS {
        let address = format!("owner-{number}@example.test");
        let password = format!("lantern 0 of owner {number}");
        installation.succeed(&["accounts", "add", &address], &format!("{password}\n")).await;
        owners.push(Owner { address, api: &api, password, perhaps: None, acknowledged: 0 });
    }

    let working = join_all(owners.into_iter().map(|owner| owner.work(&stop)));
    let killing = async {
        installation.kill_again_and_again(KILLS, LIFE).await;
        stop.cancel();
        installation.start().await
    };
    let (owners, _program) = tokio::join!(working, killing);
    settle(&installation).await;

    let hasher = PasswordHasher::new(std::sync::Arc::new(SystemClock));
    for owner in &owners {
        owner.examine(&installation, &sandbox.mailbox, &hasher).await;
    }
    let acknowledged: usize = owners.iter().map(|owner| owner.acknowledged).sum();
    eprintln!("{acknowledged} changes were acknowledged");
    assert!(acknowledged >= KILLS / 2, "too little went on to prove anything");
}
