//! Webhooks a second over HTTP with 32 connections, as a ratio to a bare handler of the same stack in the
//! same run: `verify` checks the signature and parses, `batch` also stores one plain row per webhook with the
//! same group commit. Both are what an inbox cannot beat.
//!
//! `cargo bench --bench webhooks` measures SQLite, or PostgreSQL when BACKSTAMP_TEST_DATABASE_URL names a
//! server. BENCH_SECONDS (3), BENCH_ROUNDS (3), BENCH_CONNECTIONS (32).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstamp::app::App;
use backstamp::clock::{Clock, SystemClock};
use backstamp::config::{Config, Sources};
use backstamp::database::scratch::Scratch;
use backstamp::database::{Database, GroupCommit, Submission};
use backstamp::providers::mailgun::{self, SigningKeys};
use hmac::{Hmac, KeyInit, Mac};
use poem::endpoint::make;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, EndpointExt, Request, Response, Server, http::StatusCode};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

const KEY: &str = "a-signing-key-for-benchmarks";

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A delivered event of some message, signed.
fn webhook(number: u64) -> String {
    let now = SystemClock.now();
    let (timestamp, token) = (now.timestamp().to_string(), format!("{number:050}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key");
    mac.update(timestamp.as_bytes());
    mac.update(token.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    serde_json::json!({
        "signature": {"timestamp": timestamp, "token": token, "signature": signature},
        "event-data": {
            "event": "delivered", "id": format!("ev{number}"), "timestamp": now.timestamp(),
            "log-level": "info", "recipient": format!("user{number}@example.test"),
            "recipient-domain": "example.test", "tags": ["password-reset"], "campaigns": [],
            "user-variables": {"delivery_id": format!("msg_{number:032x}")},
            "flags": {"is-authenticated": true, "is-routed": false, "is-test-mode": false},
            "envelope": {"sender": "no-reply@mg.example.test", "transport": "smtp", "sending-ip": "198.51.100.7"},
            "delivery-status": {"attempt-no": 1, "code": 250, "message": "OK", "session-seconds": 0.611,
                "mx-host": "mx1.example.test", "tls": true, "utf8": true},
            "message": {"headers": {"message-id": format!("{number}@mg.example.test"),
                "to": "ada@example.test", "from": "Acme <no-reply@mg.example.test>",
                "subject": "Reset your password"}, "attachments": [], "size": 1834},
        },
    })
    .to_string()
}

/// Posts over so many connections for the set time; answers how many a second were answered 200.
async fn rate(url: String) -> f64 {
    let span = Duration::from_secs(setting("BENCH_SECONDS", 3));
    let (next, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let start = tokio::time::Instant::now();
    let tasks: Vec<_> = (0..setting("BENCH_CONNECTIONS", 32))
        .map(|_| {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            let (url, next, done) = (url.clone(), Arc::clone(&next), Arc::clone(&done));
            tokio::spawn(async move {
                while start.elapsed() < span {
                    let body = webhook(next.fetch_add(1, Ordering::Relaxed));
                    let post = client.post(&url).header("content-type", "application/json").body(body);
                    assert_eq!(post.send().await.expect("an answer").status(), 200);
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

async fn serve(endpoint: impl Endpoint + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let acceptor = TcpAcceptor::from_tokio(listener).expect("an acceptor");
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    address
}

async fn verified(request: Request, keys: &SigningKeys) -> Option<Vec<u8>> {
    let body = request.into_body().into_bytes().await.ok()?;
    let max_age = Duration::from_secs(43_200);
    mailgun::verify(&body, keys, SystemClock.now(), max_age).ok().map(|_| body.to_vec())
}

fn status(good: bool) -> Response {
    Response::from(if good { StatusCode::OK } else { StatusCode::NOT_ACCEPTABLE })
}

/// The signature and nothing else.
async fn verify_only() -> f64 {
    let keys = SigningKeys::new(vec![KEY.into()]).expect("a key");
    let endpoint = make(move |request| {
        let keys = keys.clone();
        async move { status(verified(request, &keys).await.is_some()) }
    });
    rate(format!("http://{}/", serve(endpoint.boxed()).await)).await
}

/// The signature and one plain row, group committed.
async fn batched(scratch: &Scratch) -> f64 {
    let database = scratch.database.clone();
    let sql = "CREATE TABLE plain_webhooks (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL)";
    database.execute(sql, &[]).await.expect("a table");
    let tasks = TaskTracker::new();
    let store = GroupCommit::start(&tasks, 8192, 512, move |batch| write(database.clone(), batch));
    let keys = SigningKeys::new(vec![KEY.into()]).expect("a key");
    let endpoint = make(move |request| {
        let (keys, store) = (keys.clone(), store.clone());
        async move {
            let Some(body) = verified(request, &keys).await else { return status(false) };
            status(matches!(store.submit(String::from_utf8(body).unwrap_or_default()).await, Ok(Some(()))))
        }
    });
    rate(format!("http://{}/", serve(endpoint.boxed()).await)).await
}

async fn write(database: Database, batch: Vec<Submission<String, ()>>) {
    let (bodies, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(Submission::split).unzip();
    let rows =
        bodies.into_iter().map(|body| vec![SystemClock.uuid().to_string().into(), body.into()]).collect();
    let mut transaction = database.begin().await.expect("a transaction");
    transaction.insert_many("plain_webhooks", &["id", "body"], rows, "").await.expect("rows");
    transaction.commit().await.expect("a commit");
    for answer in answers {
        let _ = answer.send(());
    }
}

/// The whole program, its workers included.
async fn program(scratch: &Scratch) -> f64 {
    let folder = std::env::temp_dir().join(format!("backstamp_bench_{}", SystemClock.uuid().simple()));
    let environment = [
        ("BACKSTAMP_LISTEN", "127.0.0.1:0"),
        ("BACKSTAMP_DATABASE_URL", &scratch.url),
        ("BACKSTAMP_MAILGUN_SIGNING_KEY", KEY),
        ("BACKSTAMP_DATA_DIR", folder.to_str().expect("a path in UTF-8")),
    ];
    let environment = environment.map(|(name, value)| (name.into(), value.into())).into_iter().collect();
    let sources = Sources { environment, folder: std::env::temp_dir() };
    let mut config = Config::load(&sources).expect("a configuration");
    config.load_or_create_keys(&SystemClock).expect("keys");
    let app = App::start(config, Arc::new(SystemClock)).await.expect("it starts");
    let rate = rate(format!("{}webhooks/mailgun", app.url())).await;
    app.stop().await;
    let _ = std::fs::remove_dir_all(folder);
    rate
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn measure(name: &str) {
    let (mut ours, mut verify, mut batch) = (vec![], vec![], vec![]);
    for _ in 0..setting("BENCH_ROUNDS", 3) {
        ours.push(program(&Scratch::new().await).await);
        verify.push(verify_only().await);
        batch.push(batched(&Scratch::new().await).await);
    }
    let ours = median(ours);
    println!("{name}: {ours:.0} webhooks/s");
    for (what, rates) in [("verify alone", verify), ("verify and one plain row, batched", batch)] {
        let rate = median(rates);
        println!("{name}: {:.2} of {what} ({rate:.0}/s)", ours / rate);
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let name =
        if std::env::var(backstamp::database::scratch::VARIABLE).is_ok() { "postgres" } else { "sqlite" };
    runtime.block_on(measure(name));
}
