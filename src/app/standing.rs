//! How things stand, for whoever scrapes: what waits, how far followers are behind, what was put aside.

use async_trait::async_trait;

use crate::database::{Database, DatabaseError};
use crate::domain::bounce::mask;
use crate::event_log::{EventLog, checkpoint, parked};
use crate::http::Scrape;
use crate::telemetry::{Metrics, Standing};
use crate::{inbox, projections, reactors};

/// The consumer of all reactors; it has no tables of its own to be listed with.
const REACTORS: &str = "reactors";

/// Looks when it is asked.
pub struct Observer {
    metrics: Metrics,
    database: Database,
    log: EventLog,
}

impl Observer {
    /// Sets the gauges of these metrics from this log and database.
    pub fn new(metrics: Metrics, database: Database, log: EventLog) -> Self {
        Self { metrics, database, log }
    }

    async fn look(&self) -> Result<Standing, DatabaseError> {
        let now = self.log.clock().now();
        let last = self.log.last_position().await?;
        let mut lag = Vec::new();
        let names = projections::all().into_iter().map(|projection| projection.name());
        for name in names.chain([REACTORS]) {
            lag.push((name, last - checkpoint::position(&self.database, name).await?));
        }
        let outbox = reactors::waiting_mails(&self.database).await?;
        let inbox = inbox::standing(&self.database).await?;
        let age = |since: chrono::DateTime<chrono::Utc>| (now - since).as_seconds_f64().max(0.0);
        Ok(Standing {
            outbox_oldest_pending_age: outbox.oldest.map_or(0.0, age),
            outbox_pending: outbox.count,
            outbox_failing: outbox.failing,
            // A provider may name the recipient.
            outbox_last_error: outbox.last_error.as_deref().map(mask),
            inbox_pending: inbox.pending,
            last_webhook: inbox.last_received.map_or(0.0, |at| at.timestamp_micros() as f64 / 1e6),
            lag,
            dead_letters: vec![
                ("event", parked::count(&self.database).await?),
                ("work", outbox.parked),
                ("webhook", inbox.failed),
            ],
        })
    }
}

#[async_trait]
impl Scrape for Observer {
    async fn scrape(&self) -> String {
        // Without an answer the counters are still right; an alert on the age of the gauges is somebody else's.
        if let Some(standing) = self.standing().await {
            self.metrics.observe(&standing);
        }
        self.metrics.encode()
    }

    async fn standing(&self) -> Option<Standing> {
        let looked = self.look().await;
        looked.inspect_err(|error| tracing::warn!(%error, "how things stand could not be looked up")).ok()
    }
}
