//! When the directory has recorded a change of an account, write down the work of telling its owner.
//!
//! The change is marked as taken up in the transaction that writes the work, so each becomes work exactly
//! once, on any number of processes. A crash midway: neither happened, and the change is found again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::notify_after_account_change::KIND;
use super::{NewWork, work};
use crate::accounts::{BuiltInDirectory, DirectoryError};
use crate::clock::Clock;
use crate::database::Database;

/// Nobody is in a hurry: the owner has just made the change, or is about to hear that somebody did.
const POLL: Duration = Duration::from_millis(500);
const BATCH: u32 = 100;

/// Follows the directory's changes.
pub struct ScheduleAccountChanges {
    database: Database,
    accounts: BuiltInDirectory,
    clock: Arc<dyn Clock>,
    scheduled: watch::Sender<()>,
}

impl ScheduleAccountChanges {
    /// Over this directory, which lies in this database. `scheduled` is told when new work is there.
    pub fn new(
        database: Database,
        accounts: BuiltInDirectory,
        clock: Arc<dyn Clock>,
        scheduled: watch::Sender<()>,
    ) -> Self {
        Self { database, accounts, clock, scheduled }
    }

    /// Follows until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(POLL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            match self.turn().await {
                Ok(0) => {}
                Ok(_) => {
                    self.scheduled.send_replace(());
                }
                Err(error) => tracing::warn!(%error, "changes of accounts cannot be taken up"),
            }
        }
    }

    /// Takes up what is there; how many changes that were.
    pub async fn turn(&self) -> Result<usize, DirectoryError> {
        if !self.accounts.has_unscheduled_changes().await? {
            return Ok(0);
        }
        let now = self.clock.now();
        let mut transaction = self.database.begin().await?;
        let taken = self.accounts.take_changes(&mut transaction, BATCH).await?;
        let work = taken.iter().map(|change| (KIND, NewWork::new(change, change, now))).collect();
        work::insert(&mut transaction, work, now).await?;
        transaction.commit().await?;
        Ok(taken.len())
    }
}
