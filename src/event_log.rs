//! The engine room: events appended in one total order, streams loaded to decide on, and subscriptions that
//! miss nothing.
//!
//! Knows the shape of events only to seal and open what is personal in them; must never decide anything.

pub mod append;
mod appender;
pub mod checkpoint;
mod client_requests;
pub mod codec;
pub mod keyring;
pub mod parked;
mod reader;
mod recorded;
pub mod sealing;
mod stored;
pub mod streams;
pub mod subscription;
#[cfg(test)]
mod tests;
mod wake;
mod write;

use std::sync::Arc;

use cqrs_es::persist::EventUpcaster;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use append::AppendError;
pub use keyring::{Keyring, KeyringError};
pub use reader::Stretch;
pub use recorded::{LogEvent, LoggedLinks, Metadata, RecordedEvent};
pub use streams::{Loaded, Stream, StreamError, Streams};
pub use subscription::{ConsumeError, Consumer, OnFailure, Subscription, Turn};
pub use wake::Wake;

use appender::Appender;

use crate::clock::Clock;
use crate::database::{Database, DatabaseError};
use crate::domain::id::DataKeyId;
use sealing::SecretBytes;

/// The log. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    database: Database,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    wake: Wake,
    appender: Appender,
    upcasters: Arc<Vec<Box<dyn EventUpcaster>>>,
}

impl EventLog {
    /// Starts the log's writer on `tasks`. It drains what is waiting and ends when every handle is gone.
    pub fn start(
        database: Database,
        keyring: Keyring,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let wake = Wake::default();
        wake.listen(&database, tasks, stop);
        let appender = Appender::start(database.clone(), keyring.clone(), wake.clone(), tasks);
        Self { database, keyring, clock, wake, appender, upcasters: Arc::new(codec::upcasters()) }
    }

    /// Where it lies.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The keys of this installation.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What tells the time.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// What wakes those who follow.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Appends what was prepared elsewhere, such as a client's request that made no event.
    pub async fn append(&self, append: append::Append) -> Result<append::Appended, AppendError> {
        self.appender.append(append).await
    }

    /// Deletes a data key: what was sealed under it reads as erased from now on, here at once and in other
    /// processes within a minute.
    pub async fn forget_data_key(&self, id: DataKeyId) -> Result<(), DatabaseError> {
        self.keyring.forget(&self.database, id).await
    }

    async fn data_key(&self, id: Option<DataKeyId>) -> Result<Option<SecretBytes>, DatabaseError> {
        match id {
            Some(id) => self.keyring.data_key(&self.database, id).await,
            None => Ok(None),
        }
    }
}
