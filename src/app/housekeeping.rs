//! What nobody needs any more goes, so that tables that only count do not grow for ever.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::accounts::{FailedLogIns, Registrations, Sessions};
use crate::event_log::EventLog;
use crate::idempotency;

const EVERY: Duration = Duration::from_secs(3600);

/// What is tidied up.
pub struct Chores {
    pub log: EventLog,
    pub registrations: Registrations,
    pub sessions: Sessions,
    pub failed_log_ins: FailedLogIns,
}

impl Chores {
    /// Tidies up at the start and once an hour, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.tidy().await;
        }
    }

    async fn tidy(&self) {
        // Limits look at the current hour only; one more is kept for clocks that differ.
        let before = (self.log.clock().now() - TimeDelta::hours(2)).timestamp_micros();
        if let Err(error) = self.log.forget_client_requests(before).await {
            tracing::warn!(%error, "old counts of clients' requests were not deleted");
        }
        if let Err(error) = self.registrations.forget_expired().await {
            tracing::warn!(%error, "registrations whose time is over were not deleted");
        }
        if let Err(error) = self.sessions.tidy().await {
            tracing::warn!(%error, "sessions that have ended were not deleted");
        }
        if let Err(error) = self.failed_log_ins.tidy().await {
            tracing::warn!(%error, "old counts of failed log-ins were not deleted");
        }
        if let Err(error) = idempotency::forget_old(self.log.database(), self.log.clock().now()).await {
            tracing::warn!(%error, "old idempotency keys were not deleted");
        }
    }
}
