//! SIGKILL at any instant, again and again, while clients go on: nothing that was acknowledged is lost, and
//! nothing happens twice.

use std::collections::HashMap;
use std::time::Duration;

use backstamp::accounts::{Directory, Match, PasswordHasher};
use backstamp::clock::SystemClock;
use backstamp::database::Row;
use backstamp::domain::address::EmailAddress;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Api, Chance, Installation, Mailbox, SandboxProcess, perhaps, tables, token_of};

const KILLS: usize = 50;
/// After every so many of them the sandbox is killed too.
const SANDBOX_SURVIVES: usize = 5;
/// At least.
const LIFE: Duration = Duration::from_millis(1_600);
const CLIENTS: usize = 8;
/// A client that has waited so long goes on with another address.
const PATIENCE: Duration = Duration::from_secs(3);
/// On PostgreSQL work of a killed process is leased for 30 s, and so is a completion that it had started.
const RECOVERY: Duration = Duration::from_secs(120);

/// What a client knows about one address.
#[derive(Debug)]
struct Memory {
    address: String,
    /// The 202 that it got.
    request_id: Option<String>,
    /// The passwords that it sent without learning what became of them.
    tried: Vec<String>,
    /// The password that it got a 200 for.
    confirmed: Option<String>,
}

struct Client<'a> {
    number: usize,
    api: &'a Api,
    mailbox: &'a Mailbox,
    installation: &'a Installation,
}

impl Client<'_> {
    async fn work(&self, stop: &CancellationToken) -> Vec<Memory> {
        let mut memories = Vec::new();
        while !stop.is_cancelled() {
            let address = format!("owner-{}-{}@example.test", self.number, memories.len());
            self.installation.account(&address).await;
            self.wait_for_program().await;
            memories.push(self.reset(address, memories.len()).await);
        }
        memories
    }

    async fn reset(&self, address: String, round: usize) -> Memory {
        let mut memory = Memory { address, request_id: None, tried: vec![], confirmed: None };
        let asked = self.api.try_post("/v1/password-resets", &json!({ "email": memory.address })).await;
        if let Ok(answer) = asked {
            assert!([202, 503].contains(&answer.status), "{}", answer.text);
            memory.request_id = answer.body["request_id"].as_str().map(str::to_owned);
        }
        let leaves_the_link = round % 4 == 3;
        if memory.request_id.is_some() && !leaves_the_link {
            let look = async || self.mailbox.try_mails(&memory.address).await?.first().map(token_of);
            if let Some(token) = perhaps(PATIENCE, look).await {
                self.confirm(&token, &mut memory).await;
            }
        }
        memory
    }

    async fn confirm(&self, token: &str, memory: &mut Memory) {
        for attempt in 0..4 {
            let password = format!("lantern {} of {}", attempt, memory.address.replace('@', " at "));
            let body = json!({ "token": token, "new_password": password });
            match self.api.try_post("/v1/password-resets/confirm", &body).await {
                Ok(answer) if answer.status == 200 => {
                    memory.confirmed = Some(password);
                    return;
                }
                // An attempt before this one was cut off after it had won.
                Ok(answer) if answer.problem() == (410, "token_used") && attempt > 0 => return,
                Ok(answer) if answer.status == 503 => memory.tried.push(password),
                Ok(answer) => panic!("{}: {}", memory.address, answer.text),
                Err(_) => memory.tried.push(password),
            }
            self.wait_for_program().await;
        }
    }

    async fn wait_for_program(&self) {
        perhaps(PATIENCE, async || (self.api.status("/healthz").await == Some(200)).then_some(())).await;
    }
}

/// Kills and starts the program at random instants; leaves it running.
async fn kill_again_and_again(installation: &Installation, sandbox: &mut SandboxProcess) {
    let mut chance = Chance::new();
    let life = installation.life(LIFE).await;
    for kill in 1..=KILLS {
        let program = installation.launch();
        chance.instant_within(life).await;
        if kill % SANDBOX_SURVIVES == 0 {
            sandbox.kill_and_restart().await;
            chance.instant_within(life).await;
        }
        program.kill().await;
    }
}

/// How often each request was completed, by the log.
async fn completions(installation: &Installation) -> HashMap<String, usize> {
    let sql = "SELECT CAST(payload AS TEXT) AS payload FROM events
               WHERE event_type = 'password_reset.completed'";
    let rows = installation.scratch.database.fetch_all(sql, &[]).await.expect("the events");
    let mut completions = HashMap::new();
    for row in rows {
        let payload: Value = serde_json::from_str(&row.text("payload").expect("a text")).expect("JSON");
        let request_id = payload["data"]["request_id"].as_str().expect("an id").to_owned();
        *completions.entry(request_id).or_default() += 1;
    }
    completions
}

/// Waits until nothing is left to do but to expire links one day, to ask about mails that stay silent, and to ask
/// again about completions that died before they wrote anything: their links are free.
async fn settle(installation: &Installation) {
    let database = &installation.scratch.database;
    let sql = "SELECT id, last_error FROM work
               WHERE kind NOT IN ('expire_reset_link', 'ask_about_silence') AND COALESCE(last_error, '') <> 'not written yet'
               UNION ALL SELECT id, reason AS last_error FROM webhooks WHERE outcome = 'pending'";
    let mut left = Vec::new();
    let done = perhaps(RECOVERY, async || {
        let rows = database.fetch_all(sql, &[]).await.expect("rows");
        let tell = |row: &Row| (row.text("id").ok(), row.optional_text("last_error").ok().flatten());
        left = rows.iter().map(tell).collect();
        left.is_empty().then_some(())
    });
    assert!(done.await.is_some(), "not done: {left:#?}");
    assert!(tables::rows(database, "parked_events").await.is_empty());
}

struct Auditor<'a> {
    client: Client<'a>,
    completions: HashMap<String, usize>,
    hasher: PasswordHasher,
}

impl Auditor<'_> {
    async fn examine(&self, memory: &Memory) {
        let mails = self.client.mailbox.mails(&memory.address).await;
        let of = |template: &str| mails.iter().filter(|mail| mail.tags == [template]).collect::<Vec<_>>();
        let (links, notices) = (of("password-reset"), of("password-changed"));
        let Some(request_id) = &memory.request_id else {
            assert!(links.len() <= 1, "a mail came twice: {memory:?}");
            return;
        };
        assert_eq!(links.len(), 1, "one accepted request, one mail: {memory:?}");
        let completed = self.completions.get(request_id).copied().unwrap_or_default();
        assert_eq!(notices.len(), completed, "one change, one notice: {memory:?}");
        match (&memory.confirmed, completed) {
            (Some(password), 1) => assert!(self.is_password(memory, password).await, "{memory:?}"),
            (None, 1) => {
                let checks = memory.tried.iter().map(|password| self.is_password(memory, password));
                assert_eq!(join_all(checks).await.iter().filter(|fits| **fits).count(), 1, "{memory:?}");
            }
            (None, 0) => {
                let token = token_of(links[0]);
                let usable = async || (self.client.api.inspect(&token).await.status == 200).then_some(());
                assert!(perhaps(RECOVERY, usable).await.is_some(), "an unused link works: {memory:?}");
            }
            (_, times) => panic!("completed {times} times: {memory:?}"),
        }
    }

    async fn is_password(&self, memory: &Memory, password: &str) -> bool {
        let address = EmailAddress::parse(&memory.address).expect("an address");
        let account = self.client.installation.directory().lookup(&address).await.expect("the directory");
        let id = account.expect("an account").id.to_string();
        let sql = "SELECT password_hash FROM accounts WHERE id = $1";
        let row = self.client.installation.scratch.database.fetch_one(sql, &[id.into()]).await;
        let hash = row.expect("an account").text("password_hash").expect("a hash");
        let compared = self.hasher.compare(password.to_owned().into(), Some(&hash)).await;
        compared.expect("a verdict") != Match::Wrong
    }
}

#[tokio::test]
async fn whatever_was_acknowledged_survives_being_killed_at_any_instant_and_happens_once() {
    let (mut installation, mut sandbox) = Installation::with_sandbox().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0").set("BACKSTAMP_RECONCILE_AFTER", "1");
    let api = Api::new(format!("http://127.0.0.1:{}", installation.port));
    let mailbox = sandbox.mailbox.clone();
    let client = |number| Client { number, api: &api, mailbox: &mailbox, installation: &installation };
    let stop = CancellationToken::new();

    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let working = join_all(clients.iter().map(|client| client.work(&stop)));
    let killing = async {
        kill_again_and_again(&installation, &mut sandbox).await;
        stop.cancel();
        installation.start().await
    };
    let (memories, program) = tokio::join!(working, killing);
    let memories: Vec<_> = memories.into_iter().flatten().collect();
    settle(&installation).await;

    let completions = completions(&installation).await;
    let hasher = PasswordHasher::new(std::sync::Arc::new(SystemClock));
    let auditor = Auditor { client: client(CLIENTS), completions, hasher };
    for memory in &memories {
        auditor.examine(memory).await;
    }
    let count = |is: fn(&&Memory) -> bool| memories.iter().filter(is).count();
    let accepted = count(|memory| memory.request_id.is_some());
    let confirmed = count(|memory| memory.confirmed.is_some());
    let in_doubt = count(|memory| !memory.tried.is_empty());
    eprintln!("{accepted} accepted, {confirmed} confirmed, {in_doubt} with doubts");
    assert!(accepted > KILLS && confirmed > KILLS / 10, "too little went on to prove anything");

    drop(sandbox);
    tables::folded(&installation.scratch.database).await;
    assert!(program.terminate().await.success());
    let before = tables::projected(&installation.scratch.database).await;
    installation.succeed(&["rebuild"], "").await;
    assert_eq!(tables::projected(&installation.scratch.database).await, before);
}
