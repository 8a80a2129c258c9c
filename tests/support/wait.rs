//! Waiting for a condition instead of for a time.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// Far longer than anything takes; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(15);

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe).await
}

/// Asks until there is an answer, at most for this time.
///
/// # Panics
/// If there is none.
pub async fn within<T>(patience: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while since.elapsed() < patience {
        looks.tick().await;
        if let Some(answer) = probe().await {
            return answer;
        }
    }
    panic!("not within {patience:?}: {what}");
}
