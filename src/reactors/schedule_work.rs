//! The one consumer of all reactors: asks each what work an event means and writes it down with the
//! checkpoint. A crash midway: nothing was written, the same events come again.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Reactor, work};
use crate::clock::Clock;
use crate::database::Transaction;
use crate::event_log::{ConsumeError, Consumer, RecordedEvent};

/// Writes down what events ask for.
pub struct ScheduleWork {
    reactors: Vec<Arc<dyn Reactor>>,
    clock: Arc<dyn Clock>,
    scheduled: watch::Sender<()>,
}

impl ScheduleWork {
    /// For these reactors. `scheduled` is told when new work is there.
    pub fn new(reactors: Vec<Arc<dyn Reactor>>, clock: Arc<dyn Clock>, scheduled: watch::Sender<()>) -> Self {
        Self { reactors, clock, scheduled }
    }
}

#[async_trait]
impl Consumer for ScheduleWork {
    fn name(&self) -> &'static str {
        "reactors"
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        let work: Vec<_> = events
            .iter()
            .flat_map(|event| {
                self.reactors
                    .iter()
                    .filter_map(move |reactor| Some((reactor.kind(), reactor.schedule(event)?)))
            })
            .collect();
        work::insert(transaction, work, self.clock.now()).await?;
        Ok(())
    }

    fn committed(&self) {
        self.scheduled.send_replace(());
    }
}
