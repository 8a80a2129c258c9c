//! Connections, kept for a while: opening one costs several round trips. Never more at once than configured.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::session::{Server, Session};
use crate::providers::SendError;

/// Most servers hang up after some minutes of silence.
const IDLE: Duration = Duration::from_secs(30);
/// Some servers take so many mails by one connection and no more.
const MAILS_PER_CONNECTION: u32 = 100;

/// The connections to one server.
pub(super) struct Pool {
    server: Server,
    places: Semaphore,
    idle: Mutex<Vec<(Session, Instant)>>,
    /// For a free place, and for the answer of a connection that was kept.
    patience: Duration,
}

/// One connection, for as long as this lives. Comes back to the pool if it is of further use.
pub(super) struct Place<'a> {
    pool: &'a Pool,
    session: Option<Session>,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    /// For calls that may take this long altogether.
    pub(super) fn new(server: Server, connections: usize, timeout: Duration) -> Self {
        let (places, idle) = (Semaphore::new(connections), Mutex::default());
        Self { server, places, idle, patience: timeout / 5 }
    }

    /// A connection that stands ready; waits for one if all are busy.
    pub(super) async fn enter(&self) -> Result<Place<'_>, SendError> {
        let busy = || SendError::NotSent { reason: "every connection is busy".to_owned() };
        let permit = match timeout(self.patience, self.places.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(busy()),
        };
        let session = match self.resume_one().await {
            Some(session) => session,
            None => self.server.open().await?,
        };
        Ok(Place { pool: self, session: Some(session), _permit: permit })
    }

    /// The one that was used last, if it still stands.
    async fn resume_one(&self) -> Option<Session> {
        loop {
            let (mut session, since) = self.last()?;
            let is_fresh = since.elapsed() < IDLE;
            if is_fresh && timeout(self.patience, session.resume()).await.unwrap_or(false) {
                return Some(session);
            }
        }
    }

    fn last(&self) -> Option<(Session, Instant)> {
        self.lock().pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Session, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("only the end takes it")
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && session.is_usable()
            && session.mails < MAILS_PER_CONNECTION
        {
            self.pool.lock().push((session, Instant::now()));
        }
    }
}
