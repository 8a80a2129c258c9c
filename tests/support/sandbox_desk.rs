//! A running sandbox with the real client on one side and a receiver of webhooks on the other.

use std::path::Path;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstamp::clock::{Clock, SystemClock};
use backstamp::domain::address::EmailAddress;
use backstamp::domain::id::MessageId;
use backstamp::domain::provider_event::ProviderEvent;
use backstamp::providers::OutgoingMail;
use backstamp::providers::mailgun::{Mailgun, MailgunSettings, SigningKeys, translate, verify};
use backstamp::rendering::{RenderSettings, Renderer};
use backstamp::sandbox::{Pace, Sandbox, SandboxError, SandboxSettings};
use chrono::{DateTime, Utc};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::Data;
use poem::{EndpointExt, Route, Server, handler};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

const SIGNING_KEY: &str = "sandbox-signing-key";
const PATIENCE: Duration = Duration::from_secs(20);

pub fn message_id(number: u128) -> MessageId {
    MessageId::from_uuid(uuid::Uuid::from_u128(number))
}

pub fn mail_to(to: &str, number: u128) -> OutgoingMail {
    OutgoingMail {
        message_id: message_id(number),
        message_id_header: format!("{number}@sandbox.test"),
        from: "Acme <no-reply@localhost>".into(),
        to: EmailAddress::parse(to).unwrap(),
        subject: "Reset <script>".into(),
        text: "Open http://127.0.0.1:8080/reset-password?token=T0KEN.".into(),
        html: "<a href=\"http://127.0.0.1:8080/reset-password?token=T0KEN\">Reset</a>".into(),
        tag: "password_reset".into(),
        track_opens: true,
    }
}

/// Keeps every body it gets, and answers as it is told.
#[derive(Default)]
pub struct Receiver {
    bodies: Mutex<Vec<String>>,
    taken: Mutex<Vec<String>>,
    refusals: AtomicUsize,
    next_status: AtomicU16,
}

#[handler]
fn receive(body: String, Data(receiver): Data<&Arc<Receiver>>) -> StatusCode {
    receiver.bodies.lock().unwrap().push(body.clone());
    let refuse =
        receiver.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if refuse.is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match receiver.next_status.swap(0, Ordering::SeqCst) {
        0 => {
            receiver.taken.lock().unwrap().push(body);
            StatusCode::OK
        }
        status => StatusCode::from_u16(status).unwrap(),
    }
}

impl Receiver {
    pub fn refuse_next(&self, count: usize) {
        self.refusals.store(count, Ordering::SeqCst);
    }

    pub fn answer_next_with(&self, status: u16) {
        self.next_status.store(status, Ordering::SeqCst);
    }

    pub fn all(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    pub async fn until(&self, reached: impl Fn(&[String]) -> bool) {
        wait_for(|| reached(&self.bodies.lock().unwrap())).await;
    }
}

async fn wait_for(reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it happens in time");
}

pub struct Desk {
    pub client: Mailgun,
    pub http: reqwest::Client,
    pub receiver: Arc<Receiver>,
    /// Away only while the power is cut.
    sandbox: Option<Sandbox>,
    webhook_url: Url,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Desk {
    pub async fn open() -> Self {
        Self::at(Pace::quick()).await
    }

    /// One in which things take their time.
    pub async fn at(pace: Pace) -> Self {
        let receiver = Arc::new(Receiver::default());
        let webhook_url =
            serve(Route::new().at("/webhooks", poem::post(receive)).data(receiver.clone())).await;
        let webhook_url: Url = format!("{webhook_url}/webhooks").parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let sandbox = start("127.0.0.1:0", &webhook_url, folder.path(), pace, stop.clone()).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client: client(&sandbox), http, receiver, sandbox: Some(sandbox), webhook_url, folder, stop }
    }

    /// Starts one that is of no further use.
    pub async fn try_start(listen: &str, webhook_url: &str) -> Result<Sandbox, SandboxError> {
        let folder = tempfile::tempdir().unwrap();
        start(listen, &webhook_url.parse().unwrap(), folder.path(), Pace::quick(), CancellationToken::new())
            .await
    }

    pub async fn cut_power_and_restart(&mut self) {
        drop(self.sandbox.take());
        let sandbox =
            start("127.0.0.1:0", &self.webhook_url, self.folder.path(), Pace::quick(), self.stop.clone())
                .await
                .unwrap();
        self.client = client(&sandbox);
        self.sandbox = Some(sandbox);
    }

    fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    pub async fn mount_elsewhere(&self) -> String {
        serve(Route::new().nest("/sandbox", self.sandbox().routes(Some(renderer())))).await
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.sandbox.unwrap().stopped().await;
    }

    pub fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    pub fn url(&self, path: &str) -> Url {
        self.sandbox().base_url().join(path).unwrap()
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    pub async fn post(&self, path: &str) -> u16 {
        self.http.post(self.url(path)).send().await.unwrap().status().as_u16()
    }

    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    pub async fn mailbox(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("sandbox/api/messages{query}")).await;
        answer.json::<Value>().await.unwrap()["data"].as_array().unwrap().clone()
    }

    /// The events that were taken, once there are so many: verified and translated.
    pub async fn settled(&self, count: usize) -> Vec<ProviderEvent> {
        wait_for(|| self.receiver.taken.lock().unwrap().len() >= count).await;
        let keys = SigningKeys::new(vec![SIGNING_KEY.into()]).unwrap();
        let read = |body: &String| {
            let verified = verify(body.as_bytes(), &keys, self.now(), Duration::from_secs(60)).unwrap();
            translate(&verified.event_data).unwrap()
        };
        self.receiver.taken.lock().unwrap().iter().map(read).collect()
    }

    pub fn kinds<'a>(&self, events: &'a [ProviderEvent]) -> Vec<&'a str> {
        events.iter().map(|event| event.kind.name()).collect()
    }
}

async fn start(
    listen: &str,
    webhook_url: &Url,
    folder: &Path,
    pace: Pace,
    stop: CancellationToken,
) -> Result<Sandbox, SandboxError> {
    let settings = SandboxSettings {
        listen: listen.parse().unwrap(),
        webhook_url: webhook_url.clone(),
        domain: "sandbox.test".into(),
        api_key: "key-sandbox".into(),
        signing_key: SIGNING_KEY.into(),
        database: folder.join("data").join("sandbox.db"),
        pace,
    };
    Sandbox::start(settings, Arc::new(SystemClock), stop).await
}

fn renderer() -> Renderer {
    Renderer::new(&RenderSettings::new(Url::parse("http://127.0.0.1:8080").unwrap())).unwrap()
}

fn client(sandbox: &Sandbox) -> Mailgun {
    let settings = MailgunSettings {
        base_url: sandbox.base_url(),
        domain: "sandbox.test".into(),
        api_key: "key-sandbox".into(),
        timeout: Duration::from_secs(10),
        require_tls: false,
    };
    Mailgun::new(settings, "sandbox", Arc::new(SystemClock)).unwrap()
}

async fn serve(endpoint: impl poem::IntoEndpoint<Endpoint: 'static> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    format!("http://{address}")
}
