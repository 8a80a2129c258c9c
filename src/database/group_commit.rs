//! Group commit: what arrives while one batch is being written forms the next batch, and each caller learns
//! what became of its own item. One write, one fsync, for as many callers as wait. There is no fixed delay:
//! waiting for company makes it slower.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// An item on its way into a batch, and where to say what became of it.
#[derive(Debug)]
pub struct Submission<Item, Outcome> {
    /// What shall be written.
    pub item: Item,
    answer: oneshot::Sender<Outcome>,
}

impl<Item, Outcome> Submission<Item, Outcome> {
    /// Tells the caller. One that has gone away is no error: its item is written all the same.
    pub fn answer(self, outcome: Outcome) {
        let _ = self.answer.send(outcome);
    }

    /// Splits off the item, for a writer that answers later.
    pub fn split(self) -> (Item, oneshot::Sender<Outcome>) {
        (self.item, self.answer)
    }
}

/// Too many items wait already; the caller should come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the write queue is full")]
pub struct QueueFull;

/// The queue in front of a batch writer.
#[derive(Debug)]
pub struct GroupCommit<Item, Outcome> {
    queue: mpsc::Sender<Submission<Item, Outcome>>,
}

impl<Item, Outcome> Clone for GroupCommit<Item, Outcome> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<Item: Send + 'static, Outcome: Send + 'static> GroupCommit<Item, Outcome> {
    /// Starts the writer on `tasks`. It ends when every handle is gone and the queue has been drained, so
    /// that nothing taken in is lost at a stop.
    pub fn start<Write, Written>(tasks: &TaskTracker, capacity: usize, largest: usize, write: Write) -> Self
    where
        Write: Fn(Vec<Submission<Item, Outcome>>) -> Written + Send + 'static,
        Written: Future<Output = ()> + Send,
    {
        let (queue, mut waiting) = mpsc::channel(capacity);
        tasks.spawn(async move {
            loop {
                let mut batch = Vec::new();
                if waiting.recv_many(&mut batch, largest).await == 0 {
                    return;
                }
                write(batch).await;
            }
        });
        Self { queue }
    }

    /// Hands an item over and waits for what becomes of it. `None`: the writer ended without an answer, so
    /// the outcome is unknown.
    pub async fn submit(&self, item: Item) -> Result<Option<Outcome>, QueueFull> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Submission { item, answer }).map_err(|_| QueueFull)?;
        Ok(answered.await.ok())
    }
}
