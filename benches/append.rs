//! Commands a second through the log, as ratios to what the same database does with the same rows in the same
//! run: single inserts (`raw`), inserts of whole batches (`batched`, the ceiling), and, on PostgreSQL, a plain
//! postgres-es framework (`postgres-es`).
//!
//! `cargo bench --bench append` measures SQLite, and PostgreSQL too when BACKSTAMP_TEST_DATABASE_URL names a
//! server. BENCH_SECONDS (3), BENCH_ROUNDS (3) and BENCH_TASKS (64) change how long and how wide.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstamp::clock::{Clock, SystemClock};
use backstamp::commands::{Commands, Context, KeyChoice, LinkPolicies};
use backstamp::database::scratch::Scratch;
use backstamp::database::{Database, Value};
use backstamp::domain::address::EmailAddress;
use backstamp::domain::id::RequestId;
use backstamp::domain::keys::RootKeys;
use backstamp::domain::one_time_link::{LinkPolicy, LinkPurpose};
use backstamp::domain::password_reset::{PasswordReset, PasswordResetCommand, ResetDetails, Resetting};
use backstamp::event_log::{EventLog, Keyring};
use cqrs_es::CqrsFramework;
use cqrs_es::persist::PersistedEventStore;
use postgres_es::PostgresEventRepository;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `work` on many tasks for the set time; answers how often a second it was done.
async fn rate<W, F>(work: W) -> f64
where
    W: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let span = Duration::from_secs(setting("BENCH_SECONDS", 3));
    let (work, next, done) = (Arc::new(work), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let start = tokio::time::Instant::now();
    let tasks: Vec<_> = (0..setting("BENCH_TASKS", 64))
        .map(|_| {
            let (work, next, done) = (Arc::clone(&work), Arc::clone(&next), Arc::clone(&done));
            tokio::spawn(async move {
                while start.elapsed() < span {
                    work(next.fetch_add(1, Ordering::Relaxed)).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds' work fit a double")]
    let done = done.load(Ordering::Relaxed) as f64;
    done / start.elapsed().as_secs_f64()
}

fn request(number: u64) -> (String, PasswordResetCommand) {
    let email = EmailAddress::parse(&format!("user{number}@example.test")).expect("an address");
    let command = PasswordResetCommand::Request {
        request_id: RequestId::from_uuid(SystemClock.uuid()),
        email,
        locale: None,
        browser: None,
        details: ResetDetails::default(),
        at: SystemClock.now(),
    };
    (format!("{number:032x}"), command)
}

/// What backstamp does: decide, seal under a fresh key, append through the group commit.
async fn commands(scratch: &Scratch) -> f64 {
    let tasks = TaskTracker::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let roots = RootKeys::new(["a-root-key-for-benchmarks-a-root-key"]).expect("a key");
    let keyring = Keyring::open(&scratch.database, &roots, Arc::clone(&clock)).await.expect("keys");
    let log = EventLog::start(
        scratch.database.clone(),
        keyring,
        Arc::clone(&clock),
        &tasks,
        CancellationToken::new(),
    );
    let commands = Commands::new(log, clock, roots, LinkPolicies::default(), u32::MAX, tasks);
    rate(move |number| {
        let commands = commands.clone();
        async move {
            let (stream, command) = request(number);
            let context = Context {
                causation: "bench".to_owned(),
                key: KeyChoice::Fresh { event_types: Resetting::BEGINNINGS, subject: stream.clone() },
                ..Context::default()
            };
            commands.links(&stream, command, context).await.expect("it is appended");
        }
    })
    .await
}

/// Rows of the size that `commands` stores: 316 bytes of payload, 205 of metadata.
fn rows(number: u64) -> (Vec<Value>, Vec<Value>) {
    let stream = format!("{number:032x}");
    let payload = format!(r#"{{"type":"requested","data":{{"filler":"{}"}}}}"#, "x".repeat(273));
    let metadata = format!(r#"{{"filler":"{}"}}"#, "x".repeat(192));
    let at = SystemClock.now().timestamp_micros();
    let event = vec![
        i64::try_from(number + 1).unwrap_or(i64::MAX).into(),
        "password_reset".into(),
        stream.clone().into(),
        1i64.into(),
        "password_reset.requested".into(),
        "1".into(),
        payload.into(),
        metadata.into(),
        stream.clone().into(),
        stream.clone().into(),
        at.into(),
    ];
    let key = vec![stream.clone().into(), stream.into(), vec![7u8; 72].into(), at.into()];
    (event, key)
}

const EVENT: [&str; 11] = [
    "position",
    "aggregate_type",
    "aggregate_id",
    "sequence",
    "event_type",
    "event_version",
    "payload",
    "metadata",
    "command_id",
    "data_key",
    "recorded_at",
];
const KEY: [&str; 4] = ["id", "subject", "wrapped", "created_at"];

/// The same rows into a copy of the tables whose JSON columns are text, `size` commands per transaction.
async fn inserts(database: &Database, size: u64) -> f64 {
    let database = database.clone();
    rate(move |number| {
        let database = database.clone();
        async move {
            let (events, keys) = (number * size..(number + 1) * size).map(rows).unzip();
            let mut transaction = database.begin().await.expect("a transaction");
            transaction.insert_many("plain_events", &EVENT, events, "").await.expect("events");
            transaction.insert_many("data_keys", &KEY, keys, "").await.expect("keys");
            transaction.commit().await.expect("a commit");
        }
    })
    .await
        * f64::from(u32::try_from(size).unwrap_or(u32::MAX))
}

async fn plain_tables(database: &Database) {
    let sql = "CREATE TABLE plain_events (
        position BIGINT NOT NULL PRIMARY KEY, aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL,
        sequence BIGINT NOT NULL, event_type TEXT NOT NULL, event_version TEXT NOT NULL, payload TEXT NOT NULL,
        metadata TEXT NOT NULL, command_id TEXT UNIQUE, data_key TEXT, recorded_at BIGINT NOT NULL,
        UNIQUE (aggregate_type, aggregate_id, sequence))";
    database.execute(sql, &[]).await.expect("a table");
}

/// The framework as its documentation sets it up: same aggregate, same command, nothing sealed.
async fn plain_postgres_es(database: &Database) -> Option<f64> {
    let Database::Postgres(pool) = database else { return None };
    let sql = "CREATE TABLE es_events (
        aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, sequence BIGINT NOT NULL CHECK (sequence >= 0),
        event_type TEXT NOT NULL, event_version TEXT NOT NULL, payload JSON NOT NULL, metadata JSON NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence))";
    database.execute(sql, &[]).await.expect("a table");
    let repository = PostgresEventRepository::new(pool.clone()).with_tables("es_events", "es_snapshots");
    let store = PersistedEventStore::<_, PasswordReset>::new_event_store(repository);
    let framework = Arc::new(CqrsFramework::new(store, vec![], LinkPolicy::default()));
    let rate = rate(move |number| {
        let framework = Arc::clone(&framework);
        async move {
            let (stream, command) = request(number);
            framework.execute(&stream, command).await.expect("it is appended");
        }
    });
    Some(rate.await)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn measure(name: &str) {
    let (mut ours, mut raw, mut batched, mut framework) = (vec![], vec![], vec![], vec![]);
    for _ in 0..setting("BENCH_ROUNDS", 3) {
        ours.push(commands(&Scratch::new().await).await);
        let scratch = Scratch::new().await;
        plain_tables(&scratch.database).await;
        raw.push(inserts(&scratch.database, 1).await);
        let scratch = Scratch::new().await;
        plain_tables(&scratch.database).await;
        batched.push(inserts(&scratch.database, 64).await);
        framework.extend(plain_postgres_es(&Scratch::new().await.database).await);
    }
    let ours = median(ours);
    println!("{name}: {ours:.0} commands/s");
    for (what, rates) in [("raw", raw), ("batched", batched), ("postgres-es", framework)] {
        if !rates.is_empty() {
            let rate = median(rates);
            println!("{name}: {:.2} of {what} ({rate:.0}/s)", ours / rate);
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let name =
        if std::env::var(backstamp::database::scratch::VARIABLE).is_ok() { "postgres" } else { "sqlite" };
    runtime.block_on(measure(name));
}
