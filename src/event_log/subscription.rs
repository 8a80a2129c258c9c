//! Following the log: batch by batch, each with its checkpoint in one transaction, so that what a consumer
//! writes happens exactly once.

use async_trait::async_trait;

use super::RecordedEvent;
use crate::database::{DatabaseError, Transaction};

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
