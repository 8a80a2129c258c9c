//! Waiting for a condition instead of for a time.

use std::time::Duration;

use backstamp::clock::{Clock, SystemClock};
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
pub async fn within<T>(patience: Duration, what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    match perhaps(patience, probe).await {
        Some(answer) => answer,
        None => panic!("not within {patience:?}: {what}"),
    }
}

/// Asks until there is an answer, or this time is over.
pub async fn perhaps<T>(patience: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let since = Instant::now();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while since.elapsed() < patience {
        looks.tick().await;
        if let Some(answer) = probe().await {
            return Some(answer);
        }
    }
    None
}

/// Chance that can be repeated: the same numbers for the same seed.
pub struct Chance(u64);

impl Chance {
    /// From `CHANCE_SEED`, or else from now; told, so that a failure can be repeated.
    pub fn new() -> Self {
        let given = std::env::var("CHANCE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| SystemClock.now().timestamp_micros().unsigned_abs());
        eprintln!("CHANCE_SEED={seed}");
        Self(seed)
    }

    /// A number below the bound (SplitMix64).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Lets a time below the bound pass: the instant after it is what a test is about.
    pub async fn instant_within(&mut self, bound: Duration) {
        let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_millis(self.below(millis))).await;
    }
}
