//! What every log must do, on both databases: nothing missed, nothing twice, errors told apart.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::EventStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::append::{Append, Appended, Beside, ClientRequest, Expected, NewEvent};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::database::scratch::Scratch;
use crate::database::{DatabaseError, Transaction};
use crate::domain::address::EmailAddress;
use crate::domain::id::{CommandId, EventId, RequestId};
use crate::domain::keys::RootKeys;
use crate::domain::one_time_link::Requested;
use crate::domain::password_reset::{PasswordReset, PasswordResetEvent, ResetDetails};
use crate::domain::sealed::Sealed;

const ROOT: &str = "a-root-key-for-tests-a-root-key-for-tests";

struct Bench {
    scratch: Scratch,
    log: EventLog,
    tasks: TaskTracker,
}

async fn bench() -> Bench {
    let scratch = Scratch::new().await;
    bench_on(scratch).await
}

async fn bench_on(scratch: Scratch) -> Bench {
    let tasks = TaskTracker::new();
    let log = open(&scratch, &[ROOT], &tasks).await.unwrap();
    Bench { scratch, log, tasks }
}

async fn open(scratch: &Scratch, roots: &[&str], tasks: &TaskTracker) -> Result<EventLog, KeyringError> {
    let roots = RootKeys::new(roots.iter().copied()).unwrap();
    let keyring = Keyring::open(&scratch.database, &roots, Arc::new(SystemClock)).await?;
    let stop = CancellationToken::new();
    Ok(EventLog::start(scratch.database.clone(), keyring, Arc::new(SystemClock), tasks, stop))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_607_200 + seconds, 0).unwrap()
}

fn requested(number: u128) -> PasswordResetEvent {
    PasswordResetEvent::Requested(Requested {
        request_id: RequestId::from_uuid(uuid::Uuid::from_u128(number)),
        email: Sealed::Known(EmailAddress::parse("ada@example.test").unwrap()),
        locale: None,
        browser: None,
        details: ResetDetails::default(),
        at: at(0),
        expires_at: at(3600),
        recent: vec![],
        carried: vec![],
    })
}

fn plain(number: u128) -> PasswordResetEvent {
    PasswordResetEvent::Expired { request_id: RequestId::from_uuid(uuid::Uuid::from_u128(number)), at: at(1) }
}

/// An append of plain events as the appender takes it.
fn append_of(stream: &str, expected: Expected, events: &[PasswordResetEvent]) -> Append {
    let metadata = Metadata {
        event_id: EventId::from_uuid(SystemClock.uuid()),
        command_id: CommandId::from_uuid(SystemClock.uuid()),
        causation: "test".into(),
        data_key: None,
        recorded_at: at(0),
    };
    let prepare = |event: &PasswordResetEvent| NewEvent {
        event_type: cqrs_es::DomainEvent::event_type(event),
        event_version: "1".into(),
        payload: codec::encode(event, None, &SystemClock),
        metadata: serde_json::json!(metadata.to_map()).to_string(),
        recorded_at: 1,
    };
    Append {
        aggregate_type: "password_reset",
        stream: stream.into(),
        expected,
        command_id: metadata.command_id,
        events: events.iter().map(prepare).collect(),
        data_key: None,
        new_data_key: None,
        beside: Beside::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_and_one_reader_miss_nothing() {
    const EACH: i64 = 300;
    let bench = bench().await;
    // A second appender on the same database stands for a second process.
    let other = open(&bench.scratch, &[ROOT], &bench.tasks).await.unwrap();
    let write = |log: EventLog, name: &'static str| async move {
        let writes = (0..EACH).map(|n| {
            let log = log.clone();
            async move {
                let stream = format!("{name}{}", n % 7);
                log.append(append_of(&stream, Expected::Any, &[plain(1)])).await.unwrap();
            }
        });
        futures_util::future::join_all(writes).await;
    };
    let reader = async {
        let mut seen = Vec::new();
        while seen.len() < 2 * usize::try_from(EACH).unwrap() {
            let after = seen.last().copied().unwrap_or(0);
            let stretch = bench.log.read_after(after, 50).await.unwrap();
            seen.extend(stretch.events.iter().map(|event| event.position));
            tokio::task::yield_now().await;
        }
        seen
    };

    let ((), (), seen) = tokio::join!(write(bench.log.clone(), "a"), write(other, "b"), reader);

    assert_eq!(seen, (1..=2 * EACH).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_decision_on_an_old_state_is_a_conflict_and_leaves_nothing() {
    let bench = bench().await;
    bench.log.append(append_of("s", Expected::Sequence(0), &[plain(1), plain(2)])).await.unwrap();

    let outcome = bench.log.append(append_of("s", Expected::Sequence(1), &[plain(3)])).await;

    assert!(matches!(outcome, Err(AppendError::Conflict)), "{outcome:?}");
    assert_eq!(bench.log.last_position().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_decisions_on_one_state_exactly_one_is_stored() {
    let bench = bench().await;
    let tries = (0..20).map(|_| bench.log.append(append_of("s", Expected::Sequence(0), &[plain(1)])));

    let outcomes = futures_util::future::join_all(tries).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(bench.log.last_position().await.unwrap(), 1);
}

#[tokio::test]
async fn a_command_that_comes_again_is_a_duplicate() {
    let bench = bench().await;
    let append = append_of("s", Expected::Sequence(0), &[plain(1)]);
    bench.log.append(append.clone()).await.unwrap();

    let again = bench.log.append(append).await.unwrap();

    assert_eq!(again, Appended::Duplicate);
    assert_eq!(bench.log.last_position().await.unwrap(), 1);
}

#[tokio::test]
async fn an_effect_takes_place_once_however_often_it_is_told() {
    let bench = bench().await;
    let told = |stream: &str| {
        let mut append = append_of(stream, Expected::Any, &[plain(1)]);
        append.beside.effect = Some("mailgun:e1:delivered".into());
        append
    };

    let (first, second) = tokio::join!(bench.log.append(told("s")), bench.log.append(told("s")));
    let third = bench.log.append(told("t")).await.unwrap();

    let outcomes = [first.unwrap(), second.unwrap(), third];
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Appended::EffectKnown).count(), 2);
    assert_eq!(bench.log.last_position().await.unwrap(), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_stored_does_not_fail_its_batch_mates() {
    let bench = bench().await;
    let mut poison = append_of("poison", Expected::Any, &[plain(1)]);
    // Two events of one command under one data key that is there already: the key's row is refused.
    let key = bench.log.keyring().new_data_key("someone");
    let mut keyed = append_of("good", Expected::Any, &[plain(1)]);
    keyed.new_data_key = Some(key.clone());
    keyed.data_key = Some(key.id);
    bench.log.append(keyed).await.unwrap();
    poison.new_data_key = Some(key.clone());
    poison.data_key = Some(key.id);
    let good = (0..10).map(|n| bench.log.append(append_of(&format!("g{n}"), Expected::Any, &[plain(1)])));

    let (refused, stored) = tokio::join!(bench.log.append(poison), futures_util::future::join_all(good));

    assert!(matches!(refused, Err(AppendError::Permanent(_))), "{refused:?}");
    assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    assert_eq!(bench.log.last_position().await.unwrap(), 11);
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let scratch = Scratch::new().await;
    let tasks = TaskTracker::new();
    let log = open(&scratch, &[ROOT], &tasks).await.unwrap();
    let tiny = super::appender::Appender::with_capacity(
        scratch.database.clone(),
        log.keyring().clone(),
        Wake::default(),
        &tasks,
        1,
    );
    let many = (0..50).map(|n| tiny.append(append_of(&format!("s{n}"), Expected::Any, &[plain(1)])));

    let outcomes = futures_util::future::join_all(many).await;

    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(AppendError::QueueFull))));
    assert!(outcomes.iter().any(Result::is_ok));
}

#[tokio::test]
async fn an_append_without_events_still_counts_the_client() {
    let bench = bench().await;
    for _ in 0..3 {
        let mut append = append_of("s", Expected::Any, &[]);
        append.beside.client = Some(ClientRequest { client: "c".into(), window_start: 60 });
        bench.log.append(append).await.unwrap();
    }

    assert_eq!(bench.log.client_requests("c", 60).await.unwrap(), 3);
    assert_eq!(bench.log.client_requests("c", 61).await.unwrap(), 0);
    assert_eq!(bench.log.last_position().await.unwrap(), 0);
}

#[tokio::test]
async fn a_stream_reads_back_through_the_event_store_and_lies_sealed_in_the_database() {
    let bench = bench().await;
    let streams = Streams::<PasswordReset>::new(bench.log.clone());
    let mut loaded = streams.load("s").await.unwrap();
    loaded.new_data_key = Some(bench.log.keyring().new_data_key("s"));
    streams.commit(vec![requested(1)], loaded, HashMap::new()).await.unwrap();

    let events = streams.load_events("s").await.unwrap();
    let followed = bench.log.read_after(0, 10).await.unwrap().events;

    assert_eq!(events[0].payload, requested(1));
    assert_eq!(followed[0].event, LogEvent::PasswordReset(requested(1)));
    let row =
        bench.scratch.database.fetch_one("SELECT CAST(payload AS TEXT) AS p FROM events", &[]).await.unwrap();
    assert!(!row.text("p").unwrap().contains("example.test"));
}

#[tokio::test]
async fn erasing_a_data_key_makes_its_events_unreadable_and_the_stream_still_loads() {
    let bench = bench().await;
    let streams = Streams::<PasswordReset>::new(bench.log.clone());
    let mut loaded = streams.load("s").await.unwrap();
    loaded.new_data_key = Some(bench.log.keyring().new_data_key("s"));
    streams.commit(vec![requested(1)], loaded, HashMap::new()).await.unwrap();

    let key = streams.load("s").await.unwrap().data_key.unwrap();
    bench.log.forget_data_key(key).await.unwrap();
    let state = Streams::<PasswordReset>::new(bench.log.clone()).load("s").await.unwrap();

    let request = state.aggregate.requests().next().unwrap();
    assert_eq!(request.email, Sealed::Erased);
}

#[tokio::test]
async fn loading_starts_at_the_newest_request() {
    let bench = bench().await;
    bench
        .log
        .append(append_of("s", Expected::Any, &[requested(1), plain(1), requested(2), plain(2)]))
        .await
        .unwrap();
    let streams = Streams::<PasswordReset>::new(bench.log.clone());

    let short = streams.load("s").await.unwrap();
    let whole = streams.load_all("s").await.unwrap();

    assert_eq!((short.aggregate.requests().count(), short.sequence), (1, 4));
    assert_eq!((whole.aggregate.requests().count(), whole.sequence), (2, 4));
}

#[tokio::test]
async fn a_stream_that_is_named_twice_is_loaded_as_if_named_once() {
    let bench = bench().await;
    bench.log.append(append_of("s", Expected::Any, &[plain(1), plain(2)])).await.unwrap();
    let streams = Streams::<PasswordReset>::new(bench.log);

    let loaded = streams.load_many(&["s".into(), "none".into(), "s".into()]).await.unwrap();

    assert_eq!((loaded["s"].sequence, loaded["none"].sequence), (2, 0));
}

#[tokio::test]
async fn the_root_key_rotates_by_wrapping_two_rows_again() {
    const NEW: &str = "another-root-key-another-root-key-another";
    let bench = bench().await;
    let address = EmailAddress::parse("ada@example.test").unwrap();
    let before = bench.log.keyring().index().stream_key(&address);

    let both = open(&bench.scratch, &[NEW, ROOT], &bench.tasks).await.unwrap();
    let new_only = open(&bench.scratch, &[NEW], &bench.tasks).await.unwrap();
    let old_only = open(&bench.scratch, &[ROOT], &bench.tasks).await.err().unwrap();

    assert_eq!(both.keyring().index().stream_key(&address), before);
    assert_eq!(new_only.keyring().index().stream_key(&address), before);
    assert!(matches!(old_only, KeyringError::UnknownRootKey { .. }), "{old_only}");
}

/// Writes down what it is given; fails at one position as often as it is told to.
struct Scribe {
    fails_at: i64,
    on_failure: OnFailure,
}

#[async_trait]
impl Consumer for Scribe {
    fn name(&self) -> &'static str {
        "scribe"
    }

    fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        for event in events {
            let name = format!("seen {}", event.position);
            let sql = "INSERT INTO installation (name, value) VALUES ($1, 'x')";
            transaction.execute(sql, &[name.into()]).await?;
            if event.position == self.fails_at {
                return Err(ConsumeError::Event("it makes no sense".into()));
            }
        }
        Ok(())
    }
}

async fn seen(scratch: &Scratch) -> Result<i64, DatabaseError> {
    let sql = "SELECT count(*) AS n FROM installation WHERE name LIKE 'seen %'";
    scratch.database.fetch_one(sql, &[]).await?.int("n")
}

#[tokio::test]
async fn a_failing_event_is_parked_and_the_rest_goes_on() {
    let bench = bench().await;
    bench.log.append(append_of("s", Expected::Any, &[plain(1), plain(2), plain(3)])).await.unwrap();
    let scribe = Arc::new(Scribe { fails_at: 2, on_failure: OnFailure::Park });
    let mut subscription = Subscription::new(bench.log.clone(), scribe);

    while !matches!(subscription.turn().await, Ok(Turn::Idle)) {}

    assert_eq!(seen(&bench.scratch).await.unwrap(), 2);
    let row =
        bench.scratch.database.fetch_one("SELECT position, error FROM parked_events", &[]).await.unwrap();
    assert_eq!(row.int("position").unwrap(), 2);
    assert_eq!(checkpoint::position(&bench.scratch.database, "scribe").await.unwrap(), 3);
}

#[tokio::test]
async fn a_parked_event_is_handled_once_more_when_somebody_asks_for_it() {
    let bench = bench().await;
    let database = &bench.scratch.database;
    bench.log.append(append_of("s", Expected::Any, &[plain(1), plain(2), plain(3)])).await.unwrap();
    let follow = async |fails_at| {
        let scribe = Arc::new(Scribe { fails_at, on_failure: OnFailure::Park });
        let mut subscription = Subscription::new(bench.log.clone(), scribe);
        while !matches!(subscription.turn().await, Ok(Turn::Idle)) {}
        seen(&bench.scratch).await.unwrap()
    };
    let ask = async || database.execute("UPDATE parked_events SET replay_at = 1", &[]).await.unwrap();

    let parked = follow(2).await;
    let unasked = follow(0).await;
    ask().await;
    let failed_again = follow(2).await;
    let row = database.fetch_one("SELECT replays, replay_at FROM parked_events", &[]).await.unwrap();
    ask().await;
    let handled = follow(0).await;

    assert_eq!((parked, unasked, failed_again, handled), (2, 2, 2, 3));
    assert_eq!((row.int("replays").unwrap(), row.is_null("replay_at").unwrap()), (1, true));
    assert!(database.fetch_all("SELECT * FROM parked_events", &[]).await.unwrap().is_empty());
    assert_eq!(checkpoint::position(database, "scribe").await.unwrap(), 3);
}

#[tokio::test]
async fn a_consumer_that_must_not_skip_waits_at_the_failing_event() {
    let bench = bench().await;
    bench.log.append(append_of("s", Expected::Any, &[plain(1), plain(2), plain(3)])).await.unwrap();
    let scribe = Arc::new(Scribe { fails_at: 2, on_failure: OnFailure::Stop });
    let mut subscription = Subscription::new(bench.log.clone(), scribe);

    for _ in 0..20 {
        let _ = subscription.turn().await;
    }

    assert_eq!(checkpoint::position(&bench.scratch.database, "scribe").await.unwrap(), 1);
    assert_eq!(seen(&bench.scratch).await.unwrap(), 1);
}

#[tokio::test]
async fn an_event_of_newer_code_stops_the_consumer_before_it() {
    let bench = bench().await;
    let mut newer = append_of("s", Expected::Any, &[plain(1), plain(2)]);
    newer.events[1].payload = r#"{"type":"teleported","data":{"to":"mars"}}"#.into();
    bench.log.append(newer).await.unwrap();
    let scribe = Arc::new(Scribe { fails_at: 0, on_failure: OnFailure::Park });
    let mut subscription = Subscription::new(bench.log.clone(), scribe);

    assert_eq!(subscription.turn().await.unwrap(), Turn::Advanced);
    assert_eq!(subscription.turn().await.unwrap(), Turn::NotOurs);

    assert_eq!(checkpoint::position(&bench.scratch.database, "scribe").await.unwrap(), 1);
}

#[tokio::test]
async fn older_code_does_not_move_a_checkpoint_of_newer_code() {
    let bench = bench().await;
    bench.log.append(append_of("s", Expected::Any, &[plain(1)])).await.unwrap();
    let sql =
        "INSERT INTO checkpoints (consumer, position, code_version, updated_at) VALUES ('scribe', 0, 2, 0)";
    bench.scratch.database.execute(sql, &[]).await.unwrap();
    let scribe = Arc::new(Scribe { fails_at: 0, on_failure: OnFailure::Park });

    let turn = Subscription::new(bench.log.clone(), scribe).turn().await.unwrap();

    assert_eq!(turn, Turn::NotOurs);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_leaders_each_event_is_handled_by_one() {
    let bench = bench().await;
    let follow = || {
        let scribe = Arc::new(Scribe { fails_at: 0, on_failure: OnFailure::Stop });
        let stop = CancellationToken::new();
        let running = tokio::spawn(Subscription::new(bench.log.clone(), scribe).run(stop.clone()));
        (running, stop)
    };
    let (first, stop_first) = follow();
    let (second, stop_second) = follow();

    for n in 0..40 {
        bench.log.append(append_of(&format!("s{n}"), Expected::Any, &[plain(1)])).await.unwrap();
    }
    while seen(&bench.scratch).await.unwrap() < 40 {
        tokio::task::yield_now().await;
    }
    stop_first.cancel();
    stop_second.cancel();
    first.await.unwrap();
    second.await.unwrap();

    // The insert of an event handled twice would have failed on its key and stopped the consumer.
    assert_eq!(checkpoint::position(&bench.scratch.database, "scribe").await.unwrap(), 40);
}
