//! What nobody needs any more goes, so that tables that only count do not grow for ever.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::accounts::Registrations;
use crate::event_log::EventLog;

const EVERY: Duration = Duration::from_secs(3600);

/// Tidies up at the start and once an hour, until told to stop.
pub async fn run(log: EventLog, registrations: Registrations, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // Limits look at the current hour only; one more is kept for clocks that differ.
        let before = (log.clock().now() - TimeDelta::hours(2)).timestamp_micros();
        if let Err(error) = log.forget_client_requests(before).await {
            tracing::warn!(%error, "old counts of clients' requests were not deleted");
        }
        if let Err(error) = registrations.forget_expired().await {
            tracing::warn!(%error, "registrations whose time is over were not deleted");
        }
    }
}
