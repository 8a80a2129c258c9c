//! SIGKILL while people register and verify: what was acknowledged is mailed once, and what was verified is
//! verified once, with its own password.

use std::time::Duration;

use backstamp::accounts::{Account, Directory, Match, PasswordHasher};
use backstamp::clock::SystemClock;
use backstamp::domain::address::EmailAddress;
use futures_util::future::join_all;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Api, Installation, Mailbox, perhaps, tables, token_of};

const KILLS: usize = 20;
/// At least.
const LIFE: Duration = Duration::from_millis(2_400);
const CLIENTS: usize = 6;
/// Somebody who has waited so long goes on with another address.
const PATIENCE: Duration = Duration::from_secs(3);
/// On PostgreSQL work of a killed process is leased for 30 s, and so is a completion that it had started.
const RECOVERY: Duration = Duration::from_secs(120);

/// What somebody knows about their address.
#[derive(Debug)]
struct Memory {
    address: String,
    password: String,
    is_registered: bool,
    is_verified: bool,
}

struct Client<'a> {
    number: usize,
    api: &'a Api,
    mailbox: &'a Mailbox,
}

impl Client<'_> {
    async fn work(&self, stop: &CancellationToken) -> Vec<Memory> {
        let mut memories = Vec::new();
        while !stop.is_cancelled() {
            self.wait_for_program().await;
            let address = format!("person-{}-{}@example.test", self.number, memories.len());
            let password = format!("lantern of {}", address.replace('@', " at "));
            let mut memory = Memory { address, password, is_registered: false, is_verified: false };
            self.register(&mut memory).await;
            memories.push(memory);
        }
        memories
    }

    async fn register(&self, memory: &mut Memory) {
        let body = json!({ "email": memory.address, "password": memory.password });
        let Ok(answer) = self.api.try_post("/v1/accounts", &body).await else { return };
        assert!([202, 503].contains(&answer.status), "{}", answer.text);
        memory.is_registered = answer.status == 202;
        let look = async || self.mailbox.try_mails(&memory.address).await?.first().map(token_of);
        let Some(token) = perhaps(PATIENCE, look).await else { return };
        for attempt in 0..4 {
            let body = json!({ "token": token, "password": memory.password });
            match self.api.try_post("/v1/email-verifications/confirm", &body).await {
                Ok(answer) if answer.status == 200 => {
                    memory.is_verified = true;
                    return;
                }
                // An attempt before this one was cut off after it had won.
                Ok(answer) if answer.problem() == (410, "token_used") && attempt > 0 => return,
                Ok(answer) => assert_eq!(answer.status, 503, "{}: {}", memory.address, answer.text),
                Err(_) => {}
            }
            self.wait_for_program().await;
        }
    }

    async fn wait_for_program(&self) {
        perhaps(PATIENCE, async || (self.api.status("/healthz").await == Some(200)).then_some(())).await;
    }
}

/// Waits until nothing is left to do but what is due one day.
async fn settle(installation: &Installation) {
    let sql = "SELECT COUNT(*) AS n FROM work
               WHERE kind NOT IN ('expire_verification_link', 'forget_unverified_address', 'ask_about_silence')
                 AND COALESCE(last_error, '') <> 'not written yet'";
    let done = perhaps(RECOVERY, async || {
        let row = installation.scratch.database.fetch_one(sql, &[]).await.expect("a count");
        (row.int("n").expect("a number") == 0).then_some(())
    });
    assert!(done.await.is_some(), "not everything was done");
}

async fn examine(
    installation: &Installation,
    api: &Api,
    mailbox: &Mailbox,
    hasher: &PasswordHasher,
    memory: &Memory,
) {
    let mails = mailbox.mails(&memory.address).await;
    let of = |template: &str| mails.iter().filter(|mail| mail.tags == [template]).count();
    let address = EmailAddress::parse(&memory.address).expect("an address");
    let account = installation.directory().lookup(&address).await.expect("the directory");
    let verified = account.filter(Account::is_verified);

    assert!(of("email-verification") <= 1, "a mail came twice: {memory:?}");
    if memory.is_registered {
        assert_eq!(of("email-verification"), 1, "one registration, one mail: {memory:?}");
    }
    assert!(verified.is_some() || !memory.is_verified, "what was verified stays so: {memory:?}");
    assert_eq!(of("welcome"), usize::from(verified.is_some()), "one welcome: {memory:?}");
    if let Some(account) = verified {
        let hash = tables::password_hash(&installation.scratch.database, account.id).await;
        let compared = hasher.compare(memory.password.clone().into(), Some(&hash)).await.expect("a verdict");
        assert_ne!(compared, Match::Wrong, "{memory:?}");
        assert_eq!(account.credential_version, 2, "{memory:?}");
    } else if memory.is_registered {
        let token = mails.first().map(token_of).expect("a mail");
        let body = json!({ "token": token, "password": memory.password });
        let path = "/v1/email-verifications/confirm";
        let works = async || (api.post(path, &body).await.status == 200).then_some(());
        assert!(perhaps(RECOVERY, works).await.is_some(), "a link that nobody used works: {memory:?}");
    }
}

#[tokio::test]
async fn registrations_survive_being_killed_at_any_instant_and_are_verified_once() {
    let (mut installation, sandbox) = Installation::with_sandbox().await;
    installation.set("BACKSTAMP_RECONCILE_AFTER", "1");
    let api = Api::new(format!("http://127.0.0.1:{}", installation.port));
    let stop = CancellationToken::new();

    let clients: Vec<_> =
        (0..CLIENTS).map(|number| Client { number, api: &api, mailbox: &sandbox.mailbox }).collect();
    let working = join_all(clients.iter().map(|client| client.work(&stop)));
    let killing = async {
        installation.kill_again_and_again(KILLS, LIFE).await;
        stop.cancel();
        installation.start().await
    };
    let (memories, _program) = tokio::join!(working, killing);
    let memories: Vec<_> = memories.into_iter().flatten().collect();
    settle(&installation).await;

    let hasher = PasswordHasher::new(std::sync::Arc::new(SystemClock));
    for memory in &memories {
        examine(&installation, &api, &sandbox.mailbox, &hasher, memory).await;
    }
    let count = |is: fn(&&Memory) -> bool| memories.iter().filter(is).count();
    let (registered, verified) = (count(|memory| memory.is_registered), count(|memory| memory.is_verified));
    eprintln!("{registered} registered, {verified} verified");
    assert!(registered >= KILLS / 2 && verified > 0, "too little went on to prove anything");
}
