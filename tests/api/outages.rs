//! A database that goes away under the running program, and comes back.

use backstamp::clock::{Clock, SystemClock};
use backstamp::database::{Dialect, Transaction};
use serde_json::json;
use url::Url;

use crate::support::cable::Cable;
use crate::support::webhook::{Signature, event};
use crate::support::{Installation, eventually};

const OWNER: &str = "owner@example.test";

/// What takes the database away: a pulled cable, or on SQLite another process that does not let go of the
/// file for longer than anybody waits.
enum Outage {
    Cable(Cable),
    Lock(Option<Transaction>),
}

impl Outage {
    /// Arranges that it can happen.
    async fn prepare(installation: &mut Installation) -> Self {
        if installation.scratch.database.dialect() == Dialect::Sqlite {
            return Self::Lock(None);
        }
        let mut url = Url::parse(&installation.scratch.url).expect("a URL");
        let server = (url.host_str().expect("a host"), url.port().unwrap_or(5432));
        let cable = Cable::to(format!("{}:{}", server.0, server.1)).await;
        url.set_host(Some("127.0.0.1")).expect("a host is set");
        url.set_port(Some(cable.address.port())).expect("a port is set");
        installation.set("BACKSTAMP_DATABASE_URL", url.as_str());
        Self::Cable(cable)
    }

    async fn begin(&mut self, installation: &Installation) {
        match self {
            Self::Cable(cable) => cable.pull(),
            Self::Lock(lock) => *lock = Some(installation.scratch.database.begin().await.expect("the lock")),
        }
    }

    fn end(&mut self) {
        match self {
            Self::Cable(cable) => cable.put_back(),
            Self::Lock(lock) => drop(lock.take()),
        }
    }

    /// Whether reading is impossible too: a locked file still answers readers.
    fn stops_readers(&self) -> bool {
        matches!(self, Self::Cable(_))
    }
}

#[tokio::test]
async fn while_the_database_is_away_the_program_says_so_and_recovers_by_itself() {
    let mut installation = Installation::new().await;
    let mut outage = Outage::prepare(&mut installation).await;
    let mut program = installation.start().await;
    installation.account(OWNER).await;
    program.api.request_reset("somebody@example.test").await;
    let webhook = event("delivered", "msg_018f0000000070008000000000000000", OWNER, SystemClock.now());
    let webhook = Signature::fresh().over(&webhook);

    outage.begin(&installation).await;
    let request = json!({ "email": OWNER });
    let (asked, told) = tokio::join!(
        program.api.post("/v1/password-resets", &request),
        program.api.post("/webhooks/mailgun", &webhook),
    );
    let alive = program.api.status("/healthz").await;
    let ready = program.api.status("/readyz").await;

    assert_eq!((asked.status, told.status), (503, 503), "{} {}", asked.text, told.text);
    assert!(!asked.header("retry-after").is_empty() && !told.header("retry-after").is_empty());
    assert_eq!((alive, ready), (Some(200), Some(if outage.stops_readers() { 503 } else { 200 })));
    assert!(program.lives());

    outage.end();
    eventually("the program serves again", async || {
        let ready = program.api.status("/readyz").await == Some(200);
        (ready && program.api.post("/v1/password-resets", &request).await.status == 202).then_some(())
    })
    .await;
    program.mailbox.receive(OWNER, "password-reset").await;
    assert_eq!(program.api.post("/webhooks/mailgun", &webhook).await.status, 200);
    assert!(program.lives());
}
