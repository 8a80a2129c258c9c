//! A circuit breaker: when a provider fails again and again, leave it alone for a while.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures in a row that open it.
const PATIENCE: u32 = 5;
/// How long it stays open.
const REST: TimeDelta = TimeDelta::seconds(15);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
}

impl Breaker {
    /// Until when nobody should call.
    pub fn open_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.lock().open_until.filter(|until| *until > now)
    }

    /// The provider answered; what it answered does not matter.
    pub fn succeeded(&self) {
        *self.lock() = State::default();
    }

    /// The provider could not be reached, or does not know what it is doing.
    pub fn failed(&self, now: DateTime<Utc>) {
        let mut state = self.lock();
        state.failures += 1;
        if state.failures >= PATIENCE {
            state.open_until = Some(now + REST);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_by_time_or_success() {
        let now = DateTime::from_timestamp(1_767_607_200, 0).unwrap();
        let breaker = Breaker::default();

        for _ in 0..PATIENCE - 1 {
            breaker.failed(now);
        }
        assert_eq!(breaker.open_until(now), None);
        breaker.failed(now);

        assert_eq!(breaker.open_until(now), Some(now + REST));
        assert_eq!(breaker.open_until(now + REST), None);
        breaker.succeeded();
        assert_eq!(breaker.open_until(now), None);
    }
}
