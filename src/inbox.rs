//! What providers post to us: verified and stored before it is answered, understood later.
//!
//! A signature that is absent or wrong is counted, never stored. With a valid one everything that has an
//! event is stored and answered, understood or not; the same content again is a duplicate, other content
//! under the same signature is refused and kept as contested. Must never lose what it has answered 200 for.

mod effect;
mod masking;
mod reading;
mod replay;
mod store;
mod verification;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub use effect::{Effect, context};
pub use reading::{OUTCOMES, WebhookDetail, WebhookFilter, WebhookSummary};
pub use replay::{Replay, ReplayError, Selection};
pub use store::{Standing, release_all, standing};
pub use verification::Step;
pub use worker::InboxWorker;

pub use crate::database::page::ListError;

use crate::clock::Clock;
use crate::database::{Database, GroupCommit};
use crate::domain::id::WebhookId;
use crate::providers::mailgun::{self, SigningKeys};
use crate::telemetry::Metrics;
use store::{NewWebhook, Source, Stored};

/// Webhooks that may wait to be stored; beyond it the provider is asked to come back.
const WAITING: usize = 8192;
const LARGEST_BATCH: usize = 512;

/// What a post came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// Durable under this id; it will be understood, or kept with the reason why not.
    Stored(WebhookId),
    /// Known already.
    Duplicate,
    /// A known signature under other content: refused, kept as evidence.
    Contested,
    /// Refused for good, and why.
    Refused(&'static str),
    /// Nothing can be verified; the provider shall come back.
    NoSigningKey,
    /// It cannot be stored now; the provider shall come back.
    Unavailable,
}

impl Receipt {
    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored(_) => "stored",
            Self::Duplicate => "duplicate",
            Self::Contested => "contested",
            Self::Refused(_) => "refused",
            Self::NoSigningKey => "no_signing_key",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Seals and opens the bodies of stored webhooks, each under a key of its own.
pub trait BodySealer: Send + Sync {
    /// Answers the sealed body and the wrapped key.
    fn seal(&self, id: WebhookId, body: &[u8]) -> (Vec<u8>, Vec<u8>);
    /// `None` if it was erased or altered.
    fn open(&self, id: WebhookId, body: &[u8], wrapped_key: &[u8]) -> Option<Vec<u8>>;
}

/// The door for providers. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    keys: Option<SigningKeys>,
    max_age: Duration,
    sealer: Arc<dyn BodySealer>,
    clock: Arc<dyn Clock>,
    store: GroupCommit<NewWebhook, Option<Stored>>,
    received: watch::Sender<()>,
    metrics: Metrics,
    /// When this process refused a post last, and why.
    refused: Mutex<Option<(DateTime<Utc>, &'static str)>>,
}

impl Inbox {
    /// Starts the writer on `tasks`. Without keys every post is answered [`Receipt::NoSigningKey`].
    pub fn start(
        database: Database,
        keys: Option<SigningKeys>,
        max_age: Duration,
        sealer: Arc<dyn BodySealer>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        tasks: &TaskTracker,
    ) -> Self {
        let received = watch::Sender::new(());
        let wake = received.clone();
        let writer = database.clone();
        let store = GroupCommit::start(tasks, WAITING, LARGEST_BATCH, move |batch| {
            let (database, wake) = (writer.clone(), wake.clone());
            async move {
                store::write(&database, batch).await;
                wake.send_replace(());
            }
        });
        let refused = Mutex::default();
        let inner = Inner { database, keys, max_age, sealer, clock, store, received, metrics, refused };
        Self { inner: Arc::new(inner) }
    }

    /// Takes a post. Answers `Stored` only once it is durable.
    pub async fn receive(&self, body: Bytes) -> Receipt {
        let receipt = self.store(body).await;
        self.inner.metrics.webhook("mailgun", receipt.as_str());
        receipt
    }

    async fn store(&self, body: Bytes) -> Receipt {
        let inner = &self.inner;
        let Some(keys) = &inner.keys else { return Receipt::NoSigningKey };
        let now = inner.clock.now();
        let verified = match mailgun::verify(&body, keys, now, inner.max_age) {
            Ok(verified) => verified,
            Err(refusal) => return self.refuse(refusal.as_str()),
        };
        let id = WebhookId::from_uuid(inner.clock.uuid());
        let (sealed, wrapped_key) = inner.sealer.seal(id, &body);
        let webhook = NewWebhook {
            id,
            source: Source::Webhook,
            replay_key: hex::encode(verified.replay_key),
            content_digest: hex::encode(verified.content_digest),
            received_at: now,
            signed_at: verified.signed_at,
            body: sealed,
            wrapped_key,
        };
        match inner.store.submit(webhook).await {
            Ok(Some(Some(Stored::New))) => Receipt::Stored(id),
            Ok(Some(Some(Stored::Known))) => Receipt::Duplicate,
            Ok(Some(Some(Stored::OtherContent))) => {
                tracing::warn!(webhook = %id, "a webhook's signature came again with other content");
                Receipt::Contested
            }
            Ok(Some(None) | None) | Err(_) => Receipt::Unavailable,
        }
    }

    /// Takes what the provider told when we asked, its events in its own words, on the same way as what it posts.
    /// What is known already changes nothing. Answers whether all of it is durable.
    pub async fn take_found(&self, events: Vec<Map<String, Value>>) -> bool {
        let inner = &self.inner;
        let now = inner.clock.now();
        let found = events.into_iter().map(|event| {
            let id = WebhookId::from_uuid(inner.clock.uuid());
            let content = serde_json::json!({ "event-data": event }).to_string();
            let digest = hex::encode(Sha256::digest(&content));
            let (body, wrapped_key) = inner.sealer.seal(id, content.as_bytes());
            // Nobody signed it: the content is its own key, and asking twice finds it twice.
            let webhook = NewWebhook {
                id,
                source: Source::EventsApi,
                replay_key: format!("events_api:{digest}"),
                content_digest: digest,
                received_at: now,
                signed_at: now,
                body,
                wrapped_key,
            };
            inner.store.submit(webhook)
        });
        let stored = join_all(found.collect::<Vec<_>>()).await;
        stored.into_iter().all(|stored| matches!(stored, Ok(Some(Some(_)))))
    }

    /// Whether there is a key to verify posts with.
    pub fn has_keys(&self) -> bool {
        self.inner.keys.is_some()
    }

    /// When this process refused a post last, and why. Refused posts are counted and never stored, so that nobody
    /// can fill the database with them.
    pub fn last_refusal(&self) -> Option<(DateTime<Utc>, &'static str)> {
        *self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn received(&self) -> watch::Receiver<()> {
        self.inner.received.subscribe()
    }

    fn refuse(&self, reason: &'static str) -> Receipt {
        self.inner.metrics.webhook_refused(reason);
        let mut refused = self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = Some((self.inner.clock.now(), reason));
        tracing::warn!(reason, "a webhook was refused");
        Receipt::Refused(reason)
    }
}
