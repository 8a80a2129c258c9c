//! Following the log: batch by batch, each with its checkpoint in one transaction, so that what a consumer
//! writes happens exactly once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{EventLog, LogEvent, RecordedEvent, checkpoint, parked};
use crate::database::{DatabaseError, Transaction};

/// Events of one batch at most.
const BATCH: usize = 1000;
/// Without a notification a consumer looks again after this time.
const POLL: Duration = Duration::from_millis(250);
/// Attempts at one event before it is parked or waited at.
const ATTEMPTS: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Whatever follows the log: a projection, a reactor.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The name of its checkpoint. Permanent.
    fn name(&self) -> &'static str;

    /// The version of its code; older code must not move a checkpoint that newer code has moved.
    fn code_version(&self) -> i64 {
        1
    }

    /// What to do with an event that it cannot handle.
    fn on_failure(&self) -> OnFailure {
        OnFailure::Park
    }

    /// Handles events in log order, writing only through this transaction. The same events come again if
    /// the transaction does not commit. Events that do not concern it are there too; `LogEvent::Unknown`
    /// never is.
    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError>;

    /// Whether events count in their order only: one that was parked cannot be handled late then, and the consumer
    /// must be rebuilt.
    fn is_ordered(&self) -> bool {
        false
    }

    /// Called once what was written is durable; only a hint, it may be missed.
    fn committed(&self) {}
}

/// What becomes of a consumer whose event fails again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The event is put aside where an operator sees it, and the rest goes on.
    Park,
    /// The consumer waits at the event: going on would make its tables wrong.
    Stop,
}

/// Why events could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The event makes no sense to the consumer.
    #[error("{0}")]
    Event(String),
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Events were handled; there may be more.
    Advanced,
    /// Nothing to do.
    Idle,
    /// Somebody else is the leader now, or newer code must go on.
    NotOurs,
}

/// Follows the log for one consumer.
pub struct Subscription {
    log: EventLog,
    consumer: Arc<dyn Consumer>,
    /// Failures in a row at one event.
    failures: u32,
    has_checkpoint: bool,
    /// A batch up to here has failed: until then events go one by one, so that only the bad one waits.
    one_by_one_until: i64,
}

impl Subscription {
    /// For this consumer, from wherever it stands.
    pub fn new(log: EventLog, consumer: Arc<dyn Consumer>) -> Self {
        Self { log, consumer, failures: 0, has_checkpoint: false, one_by_one_until: 0 }
    }

    /// Follows until told to stop. A batch under way is finished.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut wake = self.log.wake().subscribe();
        loop {
            let rest = match self.turn().await {
                Ok(Turn::Advanced) => Duration::ZERO,
                Ok(Turn::Idle | Turn::NotOurs) => POLL,
                Err(error) => self.pause_after(&error),
            };
            if stop.is_cancelled() {
                return;
            }
            if rest > POLL {
                stop.run_until_cancelled(tokio::time::sleep(rest)).await;
            } else if !rest.is_zero() {
                let woken = tokio::time::timeout(rest, wake.changed());
                stop.run_until_cancelled(woken).await;
            }
        }
    }

    /// Handles the next batch, if there is one and nobody else does.
    pub async fn turn(&mut self) -> Result<Turn, ConsumeError> {
        let consumer = Arc::clone(&self.consumer);
        if !self.has_checkpoint {
            checkpoint::ensure(self.log.database(), consumer.as_ref()).await?;
            self.has_checkpoint = true;
        }
        // Read before the transaction, so that SQLite's one writer is not held while reading.
        let seen = checkpoint::position(self.log.database(), consumer.name()).await?;
        let limit = if seen < self.one_by_one_until { 1 } else { BATCH };
        let stretch = self.log.read_after(seen, limit).await?;
        let newer = stretch.events.iter().position(|event| event.event == LogEvent::Unknown);
        let events = &stretch.events[..newer.unwrap_or(stretch.events.len())];
        let Some(last) = events.last() else {
            return match stretch.unreadable {
                Some((position, error)) if newer.is_none() => {
                    self.failed(position, ConsumeError::Event(error.to_string())).await
                }
                _ if newer.is_some() => Ok(Turn::NotOurs),
                _ => self.try_again().await,
            };
        };
        match self.handle(seen, events).await {
            Ok(turn) => {
                self.failures = 0;
                Ok(turn)
            }
            Err(ConsumeError::Database(error)) if error.is_transient() => Err(error.into()),
            Err(error) if events.len() > 1 => {
                self.one_by_one_until = last.position;
                tracing::warn!(consumer = consumer.name(), %error, "a batch failed, going one by one");
                Ok(Turn::Advanced)
            }
            Err(error) => self.failed(last.position, error).await,
        }
    }

    async fn handle(&self, seen: i64, events: &[RecordedEvent]) -> Result<Turn, ConsumeError> {
        let consumer = self.consumer.as_ref();
        let mut transaction = self.log.database().begin().await?;
        match checkpoint::lock(&mut transaction, consumer).await? {
            Some(position) if position == seen => {}
            // Another leader was faster between the reading and the lock.
            Some(_) => return Ok(Turn::Advanced),
            None => return Ok(Turn::NotOurs),
        }
        consumer.handle(events, &mut transaction).await?;
        let reached = events.last().map_or(seen, |event| event.position);
        checkpoint::advance(&mut transaction, consumer, reached, self.log.clock().now()).await?;
        transaction.commit().await?;
        consumer.committed();
        Ok(Turn::Advanced)
    }

    /// Nothing is new: time for an event that was parked and shall be handled once more.
    async fn try_again(&self) -> Result<Turn, ConsumeError> {
        let (database, consumer) = (self.log.database(), self.consumer.as_ref());
        let Some(position) = parked::next(database, consumer.name()).await? else { return Ok(Turn::Idle) };
        if consumer.is_ordered() {
            let why = format!("its events count in their order: run `backstamp rebuild {}`", consumer.name());
            parked::keep(database, consumer.name(), position, &why).await?;
            return Ok(Turn::Advanced);
        }
        let outcome = self.handle_parked(position).await;
        match &outcome {
            Err(ConsumeError::Database(error)) if error.is_transient() => {}
            Err(error) => {
                parked::keep(database, consumer.name(), position, &error.to_string()).await?;
                tracing::error!(consumer = consumer.name(), position, %error, "a parked event failed again");
                return Ok(Turn::Advanced);
            }
            Ok(_) => {}
        }
        outcome
    }

    async fn handle_parked(&self, position: i64) -> Result<Turn, ConsumeError> {
        let consumer = self.consumer.as_ref();
        let stretch = self.log.read_after(position - 1, 1).await?;
        if let Some((_, error)) = stretch.unreadable {
            return Err(ConsumeError::Event(error.to_string()));
        }
        if stretch.events.iter().any(|event| event.event == LogEvent::Unknown) {
            return Ok(Turn::NotOurs);
        }
        let mut transaction = self.log.database().begin().await?;
        if checkpoint::lock(&mut transaction, consumer).await?.is_none() {
            return Ok(Turn::NotOurs);
        }
        // Another leader may have been faster.
        if parked::forget(&mut transaction, consumer.name(), position).await? {
            consumer.handle(&stretch.events, &mut transaction).await?;
            transaction.commit().await?;
            consumer.committed();
            tracing::info!(consumer = consumer.name(), position, "a parked event was handled");
        }
        Ok(Turn::Advanced)
    }

    /// One event fails by itself: try again some times, then park it or wait at it.
    async fn failed(&mut self, position: i64, error: ConsumeError) -> Result<Turn, ConsumeError> {
        self.failures += 1;
        if self.failures < ATTEMPTS || self.consumer.on_failure() == OnFailure::Stop {
            return Err(error);
        }
        let consumer = self.consumer.as_ref();
        let now = self.log.clock().now();
        let mut transaction = self.log.database().begin().await?;
        if checkpoint::lock(&mut transaction, consumer).await? == Some(position - 1) {
            parked::park(&mut transaction, consumer, position, &error.to_string(), now).await?;
            checkpoint::advance(&mut transaction, consumer, position, now).await?;
            transaction.commit().await?;
            tracing::error!(consumer = consumer.name(), position, %error, "event parked");
        }
        self.failures = 0;
        Ok(Turn::Advanced)
    }

    fn pause_after(&self, error: &ConsumeError) -> Duration {
        tracing::warn!(consumer = self.consumer.name(), failures = self.failures, %error, "consumer failed");
        (POLL * 2u32.saturating_pow(self.failures.min(16))).min(LONGEST_PAUSE) + Duration::from_millis(1)
    }
}
