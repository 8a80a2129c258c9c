//! Telling consumers that there is something to read: at once within this process, by notification between
//! processes on PostgreSQL. Only a hint; every consumer also polls.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::Database;

/// The channel that the append function notifies.
const CHANNEL: &str = "backstamp_events";
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Wakes all that wait. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wake(watch::Sender<()>);

impl Default for Wake {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Wake {
    /// Wakes everybody who waits, or is about to.
    pub fn wake(&self) {
        self.0.send_replace(());
    }

    /// For one consumer. It is woken by everything from now on.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }

    /// Also wakes on what other processes append. On SQLite polling has to do.
    pub fn listen(&self, database: &Database, tasks: &TaskTracker, stop: CancellationToken) {
        let Database::Postgres(pool) = database.clone() else { return };
        let wake = self.clone();
        tasks.spawn(async move {
            let listening = async {
                loop {
                    if let Err(error) = forward(&pool, &wake).await {
                        tracing::debug!(%error, "not listening for notifications");
                    }
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
            };
            stop.run_until_cancelled(listening).await;
        });
    }
}

async fn forward(pool: &sqlx::PgPool, wake: &Wake) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        wake.wake();
    }
}
