//! A read model made anew beside the live one, and put in its place once it has caught up.
//!
//! Its tables are copies of the live ones (`name@2`), filled from the first event by the same code under a
//! checkpoint of their own. The exchange is one transaction that holds the live checkpoint: whoever reads finds
//! complete tables before it and after it. A rebuild that is cut off leaves the live ones untouched; its
//! half-made tables go with the next one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Projection;
use crate::database::{DatabaseError, Transaction};
use crate::event_log::{
    ConsumeError, Consumer, EventLog, OnFailure, RecordedEvent, Subscription, Turn, checkpoint, parked,
};

/// Events that may be left when the exchange begins: they are folded while the live model stands still.
const REST: i64 = 500;
/// Between two tries to find the live model between two of its batches.
const PAUSE: Duration = Duration::from_millis(20);

/// A rebuild under way.
pub struct Rebuild {
    log: EventLog,
    live: Arc<dyn Projection>,
    beside: Arc<Beside>,
    subscription: Subscription,
}

/// The projection as it follows the log into the copies.
struct Beside {
    name: &'static str,
    live: Arc<dyn Projection>,
}

/// Why a rebuild ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An event could not be folded.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// Another rebuild has taken its place.
    #[error("another rebuild of the same read model has finished or begun meanwhile")]
    Overtaken,
    /// The live model belongs to newer code, which must rebuild it.
    #[error("newer code follows this read model: rebuild it with that")]
    NewerCode,
}

#[async_trait]
impl Consumer for Beside {
    fn name(&self) -> &'static str {
        self.name
    }

    fn code_version(&self) -> i64 {
        self.live.code_version()
    }

    fn on_failure(&self) -> OnFailure {
        self.live.on_failure()
    }

    fn is_ordered(&self) -> bool {
        self.live.is_ordered()
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        transaction.stand_in(self.live.tables().iter().map(|table| (*table, beside(table))).collect());
        let handled = self.live.handle(events, transaction).await;
        transaction.stand_in(vec![]);
        handled
    }
}

impl Rebuild {
    /// Makes empty copies of the live tables; what a rebuild before has left is removed.
    pub async fn begin(log: EventLog, live: Arc<dyn Projection>) -> Result<Self, RebuildError> {
        let database = log.database();
        checkpoint::ensure(database, live.as_ref()).await?;
        // A consumer's name lives as long as the program, and there are few of them.
        let beside = Arc::new(Beside { name: beside(live.name()).leak(), live: Arc::clone(&live) });
        for table in live.tables() {
            database.remove_table(&former(table)).await?;
            database.remove_table(&self::beside(table)).await?;
        }
        let mut transaction = database.begin().await?;
        for table in live.tables() {
            transaction.copy_shape(table, &self::beside(table)).await?;
        }
        checkpoint::remove(&mut transaction, beside.name).await?;
        parked::rename(&mut transaction, beside.name, None).await?;
        transaction.commit().await?;
        checkpoint::ensure(database, beside.as_ref()).await?;
        let subscription = Subscription::new(log.clone(), Arc::clone(&beside) as Arc<dyn Consumer>);
        Ok(Self { log, live, beside, subscription })
    }

    /// How far the copies are, and how far the log is.
    pub async fn progress(&self) -> Result<(i64, i64), RebuildError> {
        let position = checkpoint::position(self.log.database(), self.beside.name).await?;
        Ok((position, self.log.last_position().await?))
    }

    /// Folds the next batch. `false`: there is nothing that can be folded now; what follows may be for newer code.
    pub async fn step(&mut self) -> Result<bool, RebuildError> {
        match self.subscription.turn().await? {
            Turn::Advanced => Ok(true),
            Turn::Idle => Ok(false),
            Turn::NotOurs if checkpoint::exists(self.log.database(), self.beside.name).await? => Ok(false),
            Turn::NotOurs => Err(RebuildError::Overtaken),
        }
    }

    /// Puts the copies in the place of the live tables. `false`: not now, they have to catch up first, or somebody
    /// reads for long.
    pub async fn exchange(&self) -> Result<bool, RebuildError> {
        let mut transaction = self.log.database().begin().await?;
        let Some(live) = checkpoint::lock(&mut transaction, self.live.as_ref()).await? else {
            drop(transaction);
            let newer = checkpoint::is_newer(self.log.database(), self.live.as_ref()).await?;
            // Else a server is writing a batch; it takes milliseconds.
            tokio::time::sleep(PAUSE).await;
            return if newer { Err(RebuildError::NewerCode) } else { Ok(false) };
        };
        let beside: &dyn Consumer = self.beside.as_ref();
        let Some(position) = checkpoint::lock(&mut transaction, beside).await? else {
            drop(transaction);
            let exists = checkpoint::exists(self.log.database(), self.beside.name).await?;
            // Two rebuilds of one model take turns.
            tokio::time::sleep(PAUSE).await;
            return if exists { Ok(false) } else { Err(RebuildError::Overtaken) };
        };
        if live - position > REST {
            return Ok(false);
        }
        let reached = self.fold_rest(&mut transaction, position, live).await?;
        match self.rename(&mut transaction, reached).await {
            Ok(()) => transaction.commit().await?,
            Err(error) if error.is_transient() => {
                drop(transaction);
                // Whoever waited behind us reads first.
                tokio::time::sleep(PAUSE * 10).await;
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        for table in self.live.tables() {
            self.log.database().remove_table(&former(table)).await?;
        }
        Ok(true)
    }

    /// What the live model has folded already and the copies have not.
    async fn fold_rest(
        &self,
        transaction: &mut Transaction,
        position: i64,
        live: i64,
    ) -> Result<i64, RebuildError> {
        let missing = usize::try_from(live - position).unwrap_or_default();
        if missing == 0 {
            return Ok(position);
        }
        let stretch = self.log.read_after(position, missing).await?;
        self.beside.handle(&stretch.events, transaction).await?;
        let last = stretch.events.last().map_or(position, |event| event.position);
        if last < live {
            return Err(
                ConsumeError::Event("an event that the live model has folded cannot be read".into()).into()
            );
        }
        Ok(last)
    }

    async fn rename(&self, transaction: &mut Transaction, reached: i64) -> Result<(), DatabaseError> {
        transaction.wait_briefly().await?;
        for table in self.live.tables() {
            transaction.exchange_table(table, &beside(table), &former(table)).await?;
        }
        checkpoint::advance(transaction, self.live.as_ref(), reached, self.log.clock().now()).await?;
        checkpoint::remove(transaction, self.beside.name).await?;
        // Events that the live model had failed at were folded once more; what failed again is known anew.
        parked::rename(transaction, self.live.name(), None).await?;
        parked::rename(transaction, self.beside.name, Some(self.live.name())).await
    }
}

fn beside(name: &str) -> String {
    format!("{name}@2")
}

fn former(name: &str) -> String {
    format!("{name}@1")
}
