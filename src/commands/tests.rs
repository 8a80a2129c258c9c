//! The write side on a real log: races between processes, what requests cost, what tokens open.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::FixedClock;
use crate::database::scratch::Scratch;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId};
use crate::domain::keys::{RootKey, StreamKey};
use crate::domain::password_reset::{PasswordResetCommand, Resetting};
use crate::domain::token::{Purpose, Token};
use crate::event_log::Keyring;

const ROOT: &str = "a-root-key-for-tests-a-root-key-for-tests";
const CLIENT: &str = "192.0.2.1";
const PER_CLIENT: u32 = 5;

struct Bench {
    scratch: Scratch,
    clock: Arc<FixedClock>,
}

impl Bench {
    async fn new() -> Self {
        let start = DateTime::from_timestamp(1_767_607_200, 0).unwrap();
        Self { scratch: Scratch::new().await, clock: Arc::new(FixedClock::at(start)) }
    }

    /// A write side of its own on the one database, as another process has it.
    async fn process(&self) -> Commands {
        self.process_allowing(10_000).await
    }

    async fn process_allowing(&self, requests_per_client: u32) -> Commands {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let roots = RootKeys::new([ROOT]).unwrap();
        let tasks = TaskTracker::new();
        let keyring = Keyring::open(&self.scratch.database, &roots, Arc::clone(&clock)).await.unwrap();
        let stop = CancellationToken::new();
        let log = EventLog::start(self.scratch.database.clone(), keyring, Arc::clone(&clock), &tasks, stop);
        Commands::new(log, clock, roots, LinkPolicies::default(), requests_per_client, tasks)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// A request whose link was issued, and its token.
    async fn link(&self, commands: &Commands, email: &str) -> (RequestId, Token) {
        let request_id = commands.request_reset(ask(email)).await.unwrap().request_id;
        let stream = stream_of(commands, email);
        let command = PasswordResetCommand::IssueLink {
            request_id,
            message_id: MessageId::from_uuid(self.clock.uuid()),
            account_id: AccountId::from_uuid(self.clock.uuid()),
            credential_version: 1,
            salt: [7; 16],
            email: address(email),
            name: None,
            at: self.now(),
        };
        commands.links(&stream, command, Context::caused_by("test")).await.unwrap();
        let resets = commands.load_links::<Resetting>(&stream).await.unwrap().aggregate;
        let token = commands.token_of(&stream, resets.request(request_id).unwrap()).unwrap();
        (request_id, token)
    }
}

fn address(email: &str) -> EmailAddress {
    EmailAddress::parse(email).unwrap()
}

fn stream_of(commands: &Commands, email: &str) -> String {
    commands.index_key().stream_key(&address(email)).to_string()
}

fn ask(email: &str) -> RequestReset {
    RequestReset {
        email: address(email),
        locale: None,
        redirect_to: None,
        browser: None,
        client: CLIENT.into(),
    }
}

async fn event_types(commands: &Commands) -> Vec<String> {
    let stretch = commands.inner.log.read_after(0, 1000).await.unwrap();
    stretch.events.into_iter().map(|event| event.event_type).collect()
}

async fn counted(commands: &Commands, at: DateTime<Utc>) -> i64 {
    let client = commands.index_key().client_key(CLIENT);
    let window_start = at.timestamp().div_euclid(3600) * 3600 * 1_000_000;
    commands.inner.log.client_requests(&client, window_start).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_attempts_in_two_processes_exactly_one_starts() {
    let bench = Bench::new().await;
    let (one, other) = (bench.process().await, bench.process().await);
    let (_, token) = bench.link(&one, "ada@example.test").await;
    let reset = one.find_link::<Resetting>(&token.reveal()).await.unwrap();

    let attempts = (0..16).map(|n| {
        let (commands, reset) = (if n % 2 == 0 { one.clone() } else { other.clone() }, reset.clone());
        tokio::spawn(async move { commands.start_completion(&reset).await })
    });
    let answers: Vec<_> =
        futures_util::future::join_all(attempts).await.into_iter().map(Result::unwrap).collect();

    let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(won, [&1], "{answers:?}");
    assert!(
        answers.iter().all(|answer| matches!(answer, Ok(1) | Err(TokenError::Busy { .. }))),
        "{answers:?}"
    );
    let started = event_types(&one).await.into_iter().filter(|kind| kind.ends_with("completion_started"));
    assert_eq!(started.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_only_the_current_attempt_completes() {
    let bench = Bench::new().await;
    let (one, other) = (bench.process().await, bench.process().await);
    let (_, token) = bench.link(&one, "ada@example.test").await;
    let reset = one.find_link::<Resetting>(&token.reveal()).await.unwrap();
    let first = one.start_completion(&reset).await.unwrap();
    bench.pass(30);
    let second = other.start_completion(&reset).await.unwrap();

    let late = one.complete(&reset, first).await;
    let current = other.complete(&reset, second).await;

    assert_eq!((first, second), (1, 2));
    assert_eq!((late, current), (Err(TokenError::Superseded), Ok(())));
    assert_eq!(one.find_link::<Resetting>(&token.reveal()).await.unwrap_err(), TokenError::Used);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_one_address_in_two_processes_are_taken_once_per_cool_down() {
    let bench = Bench::new().await;
    let (one, other) = (bench.process().await, bench.process().await);

    let requests = (0..12).map(|n| {
        let commands = if n % 2 == 0 { one.clone() } else { other.clone() };
        async move { commands.request_reset(ask("ada@example.test")).await.unwrap() }
    });
    let answers = futures_util::future::join_all(requests).await;

    let kinds = event_types(&one).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "password_reset.requested").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| *kind == "password_reset.declined").count(), 1);
    assert_eq!(answers.iter().map(|answer| answer.request_id).collect::<BTreeSet<_>>().len(), 12);
}

#[tokio::test]
async fn a_request_in_cool_down_answers_the_same_and_costs_a_durable_write_as_well() {
    let bench = Bench::new().await;
    let commands = bench.process().await;

    let taken = commands.request_reset(ask("ada@example.test")).await.unwrap();
    let declined = commands.request_reset(ask("ada@example.test")).await.unwrap();
    let silent = commands.request_reset(ask("ada@example.test")).await.unwrap();

    for answer in [declined, silent] {
        assert_ne!(answer.request_id, taken.request_id);
        assert_eq!((answer.expires_in, answer.resend_after), (taken.expires_in, taken.resend_after));
    }
    assert_eq!(event_types(&commands).await, ["password_reset.requested", "password_reset.declined"]);
    assert_eq!(counted(&commands, bench.now()).await, 3);
}

#[tokio::test]
async fn what_one_client_asked_for_survives_a_restart() {
    let bench = Bench::new().await;
    let before = bench.process_allowing(PER_CLIENT).await;
    for n in 0..PER_CLIENT {
        before.request_reset(ask(&format!("person{n}@example.test"))).await.unwrap();
    }
    drop(before);
    let after = bench.process_allowing(PER_CLIENT).await;

    let refused = after.request_reset(ask("ada@example.test")).await.unwrap_err();
    let other_client =
        after.request_reset(RequestReset { client: "192.0.2.2".into(), ..ask("ada@example.test") }).await;

    let CommandError::TooManyRequests { retry_after, limit } = refused else { panic!("{refused}") };
    assert_eq!((limit, retry_after), (PER_CLIENT, 3600));
    assert!(other_client.is_ok());
    bench.pass(3600);
    assert!(after.request_reset(ask("eve@example.test")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_client_under_way_at_once_count_before_they_are_stored() {
    let bench = Bench::new().await;
    let commands = bench.process_allowing(PER_CLIENT).await;

    let requests = (0..4 * PER_CLIENT).map(|n| {
        let commands = commands.clone();
        async move { commands.request_reset(ask(&format!("person{n}@example.test"))).await }
    });
    let answers = futures_util::future::join_all(requests).await;

    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(taken <= PER_CLIENT as usize, "{taken}");
    assert_eq!(counted(&commands, bench.now()).await, i64::try_from(taken).unwrap());
}

#[tokio::test]
async fn an_authentic_token_opens_its_own_reset() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (request_id, token) = bench.link(&commands, "ada@example.test").await;

    let reset = commands.find_link::<Resetting>(&token.reveal()).await.unwrap();

    assert_eq!(reset.request_id, request_id);
    assert_eq!(reset.email, address("ada@example.test"));
    assert_eq!(reset.expires_at, bench.now() + TimeDelta::hours(1));
}

#[tokio::test]
async fn whatever_is_not_authentic_is_invalid_alike() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (request_id, token) = bench.link(&commands, "ada@example.test").await;
    let foreign = RootKey::new("another-root-key-another-root-key-another");
    let ours = commands.root_keys().current().clone();
    let derive = |root: &RootKey, stream, request_id: RequestId, salt: u8| {
        Token::derive(root, Purpose::PasswordReset, stream, request_id.uuid(), &[salt; 16]).reveal()
    };
    let nobody = RequestId::from_uuid(bench.clock.uuid());

    let forgeries = [
        ("an unknown stream", derive(&ours, StreamKey([9; 16]), request_id, 7)),
        ("an unknown request", derive(&ours, token.stream_key(), nobody, 7)),
        ("a guessed salt", derive(&ours, token.stream_key(), request_id, 8)),
        ("a foreign key", derive(&foreign, token.stream_key(), request_id, 7)),
        ("no token at all", "not-a-token".to_owned()),
        ("nothing", String::new()),
    ];

    for (what, forged) in forgeries {
        assert_eq!(
            commands.find_link::<Resetting>(&forged).await.unwrap_err(),
            TokenError::Invalid,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_request_without_a_link_has_no_token() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let request_id = commands.request_reset(ask("ada@example.test")).await.unwrap().request_id;
    let stream = commands.index_key().stream_key(&address("ada@example.test"));
    let made_up = Token::derive(
        commands.root_keys().current(),
        Purpose::PasswordReset,
        stream,
        request_id.uuid(),
        &[0; 16],
    );

    let resets = commands.load_links::<Resetting>(&stream.to_string()).await.unwrap().aggregate;

    assert!(commands.token_of(&stream.to_string(), resets.request(request_id).unwrap()).is_none());
    assert_eq!(commands.find_link::<Resetting>(&made_up.reveal()).await.unwrap_err(), TokenError::Invalid);
}

#[tokio::test]
async fn a_link_that_no_newer_request_remembers_is_expired_and_not_invalid() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (old, token) = bench.link(&commands, "ada@example.test").await;
    bench.pass(2 * 3600);
    let (_, newer) = bench.link(&commands, "ada@example.test").await;

    let loaded = commands.load_links::<Resetting>(&stream_of(&commands, "ada@example.test")).await.unwrap();

    assert!(loaded.aggregate.request(old).is_none());
    assert_eq!(commands.find_link::<Resetting>(&token.reveal()).await.unwrap_err(), TokenError::Expired);
    assert!(commands.find_link::<Resetting>(&newer.reveal()).await.is_ok());
}

#[tokio::test]
async fn a_used_link_stays_used_when_no_newer_request_remembers_it() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (_, token) = bench.link(&commands, "ada@example.test").await;
    let reset = commands.find_link::<Resetting>(&token.reveal()).await.unwrap();
    let attempt = commands.start_completion(&reset).await.unwrap();
    commands.complete(&reset, attempt).await.unwrap();
    bench.pass(2 * 3600);

    commands.request_reset(ask("ada@example.test")).await.unwrap();

    assert_eq!(commands.find_link::<Resetting>(&token.reveal()).await.unwrap_err(), TokenError::Used);
}

#[tokio::test]
async fn a_failed_attempt_frees_the_link_for_the_next() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (_, token) = bench.link(&commands, "ada@example.test").await;
    let reset = commands.find_link::<Resetting>(&token.reveal()).await.unwrap();
    let first = commands.start_completion(&reset).await.unwrap();

    commands.fail_completion(&reset, first).await.unwrap();

    assert_eq!(commands.start_completion(&reset).await, Ok(2));
}

#[tokio::test]
async fn nothing_in_the_log_or_its_tables_holds_a_token_or_an_address() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (_, token) = bench.link(&commands, "ada.lovelace@example.test").await;
    let salt = hex::encode([7; 16]);

    let sql = "SELECT CAST(payload AS TEXT) AS payload, CAST(metadata AS TEXT) AS metadata FROM events";
    let rows = bench.scratch.database.fetch_all(sql, &[]).await.unwrap();

    assert_eq!(rows.len(), 2);
    for row in rows {
        let stored = row.text("payload").unwrap() + &row.text("metadata").unwrap();
        for secret in ["lovelace", salt.as_str(), &token.reveal()] {
            assert!(!stored.contains(secret), "{stored}");
        }
    }
}

/// A request and its link of the past, told at their own times.
async fn tell_a_link(bench: &Bench, history: &mut History, stream: &str, email: &str) -> RequestId {
    let request_id = RequestId::from_uuid(bench.clock.uuid());
    let told = || Context {
        causation: "http".to_owned(),
        key: KeyChoice::Fresh { event_types: &["password_reset.requested"], subject: stream.to_owned() },
        ..Context::default()
    };
    let ask = PasswordResetCommand::Request {
        request_id,
        email: address(email),
        locale: None,
        browser: None,
        details: crate::domain::password_reset::ResetDetails::default(),
        at: bench.now(),
    };
    assert_eq!(history.reset(stream, ask, told()).await.unwrap().len(), 1);
    bench.pass(1);
    let issue = PasswordResetCommand::IssueLink {
        request_id,
        message_id: MessageId::from_uuid(bench.clock.uuid()),
        account_id: AccountId::from_uuid(bench.clock.uuid()),
        credential_version: 1,
        salt: [7; 16],
        email: address(email),
        name: None,
        at: bench.now(),
    };
    assert_eq!(history.reset(stream, issue, told()).await.unwrap().len(), 1);
    request_id
}

#[tokio::test]
async fn history_is_written_in_its_order_and_read_like_everything_else() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let mut history = History::new(commands.inner.log.clone(), LinkPolicies::default());
    let start = bench.now();

    let mut requests = Vec::new();
    for email in ["ada@example.test", "bea@example.test"] {
        let stream = stream_of(&commands, email);
        requests.push((stream.clone(), tell_a_link(&bench, &mut history, &stream, email).await));
        bench.pass(1);
    }
    let written = history.write().await.unwrap();

    let stretch = commands.inner.log.read_after(0, 100).await.unwrap();
    let times: Vec<_> =
        stretch.events.iter().map(|event| (event.metadata.recorded_at - start).num_seconds()).collect();
    assert_eq!((written, times), (4, vec![0, 1, 2, 3]));
    assert_eq!(stretch.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 1, 2]);
    for (stream, request_id) in requests {
        let links = commands.load_links::<Resetting>(&stream).await.unwrap().aggregate;
        let request = links.request(request_id).expect("the request is there");
        assert!(request.email.known().is_some() && request.link.is_some(), "{request:?}");
    }
}

#[tokio::test]
async fn history_that_does_not_fit_is_refused_and_so_is_a_log_that_others_write_to() {
    let bench = Bench::new().await;
    let commands = bench.process().await;
    let (email, mut history) =
        ("ada@example.test", History::new(commands.inner.log.clone(), LinkPolicies::default()));
    let stream = stream_of(&commands, email);
    let request_id = tell_a_link(&bench, &mut history, &stream, email).await;

    let complete = PasswordResetCommand::Complete { request_id, attempt: 1, at: bench.now() };
    let refused = history.reset(&stream, complete, Context::default()).await;
    commands.request_reset(ask("bea@example.test")).await.unwrap();
    let beside_others = history.write().await;

    assert!(matches!(refused, Err(HistoryError::Refused(_))), "{refused:?}");
    assert!(matches!(beside_others, Err(HistoryError::NotAlone)), "{beside_others:?}");
}
