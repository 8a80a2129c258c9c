//! Doing the work: due rows are leased, done side by side, and settled together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::work::{self, Settlement, Work};
use super::{Reactor, Verdict};
use crate::clock::Clock;
use crate::database::{Database, GroupCommit, Submission};

/// Without a hint workers look again after this time; what is due later is found by it too.
const POLL: Duration = Duration::from_millis(250);
const SETTLEMENTS_WAITING: usize = 4096;
const LARGEST_SETTLEMENT: usize = 256;

/// All that workers share.
#[derive(Clone)]
pub struct Workers {
    database: Database,
    clock: Arc<dyn Clock>,
    settle: GroupCommit<Settlement, ()>,
    scheduled: watch::Sender<()>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// Workers on this database; they end when `stop` is cancelled, after finishing what they have leased.
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        scheduled: watch::Sender<()>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let writer = database.clone();
        let settle = GroupCommit::start(&tasks, SETTLEMENTS_WAITING, LARGEST_SETTLEMENT, move |batch| {
            let database = writer.clone();
            async move { settle_batch(&database, batch).await }
        });
        Self { database, clock, settle, scheduled, tasks, stop }
    }

    /// Starts doing one reactor's work.
    pub fn start(&self, reactor: Arc<dyn Reactor>) {
        let workers = self.clone();
        self.tasks.spawn(async move { workers.run(reactor).await });
    }

    async fn run(self, reactor: Arc<dyn Reactor>) {
        let places = Arc::new(Semaphore::new(reactor.concurrency()));
        let mut scheduled = self.scheduled.subscribe();
        while !self.stop.is_cancelled() {
            let free = places.available_permits();
            let leased = if free == 0 { vec![] } else { self.claim(reactor.as_ref(), free).await };
            if leased.is_empty() {
                let hint = tokio::time::timeout(POLL, scheduled.changed());
                self.stop.run_until_cancelled(hint).await;
                continue;
            }
            for work in leased {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (workers, reactor) = (self.clone(), Arc::clone(&reactor));
                self.tasks.spawn(async move {
                    workers.perform(reactor.as_ref(), work).await;
                    drop(place);
                    // A place is free: whoever waits for one may look again.
                    workers.scheduled.send_replace(());
                });
            }
        }
    }

    async fn claim(&self, reactor: &dyn Reactor, limit: usize) -> Vec<Work> {
        work::claim(&self.database, reactor.kind(), limit, self.clock.now()).await.unwrap_or_else(|error| {
            tracing::warn!(kind = reactor.kind(), %error, "work cannot be leased");
            vec![]
        })
    }

    async fn perform(&self, reactor: &dyn Reactor, work: Work) {
        let id = work.id.clone();
        let settlement = match reactor.perform(&work).await {
            Verdict::Done => Settlement::Done { id },
            Verdict::Later { at, why } => {
                tracing::info!(work = %id, attempts = work.attempts, %why, "work put off");
                Settlement::Later { id, due_at: at, why }
            }
            Verdict::Park { why } => {
                tracing::error!(work = %id, attempts = work.attempts, %why, "work parked");
                Settlement::Parked { id, at: self.clock.now(), why }
            }
        };
        if self.settle.submit(settlement).await.is_err() {
            tracing::warn!("work could not be settled; it comes again when its lease is over");
        }
    }
}

/// What is not settled here comes again when its lease is over, and finds that it was done.
async fn settle_batch(database: &Database, batch: Vec<Submission<Settlement, ()>>) {
    let (settlements, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(Submission::split).unzip();
    if let Err(error) = work::settle(database, &settlements).await {
        tracing::warn!(%error, "work could not be settled; it comes again when its lease is over");
    }
    for answer in answers {
        // The worker waits for nothing but this; if it has gone, so has the process.
        let _ = answer.send(());
    }
}
