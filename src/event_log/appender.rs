//! The one writer of the log in this process: commands queue, one statement per batch appends them all.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::append::{Append, AppendError, Appended, Expected};
use super::keyring::Keyring;
use super::wake::Wake;
use super::write;
use crate::database::{Database, DatabaseError, GroupCommit, Submission};

/// Commands that may wait; beyond it callers are told to come back.
const CAPACITY: usize = 4096;
/// Commands of one batch at most.
const LARGEST_BATCH: usize = 512;
/// Attempts at finding out what became of a batch whose connection was lost.
const LOOK_UPS: u32 = 10;
const LOOK_UP_PAUSE: Duration = Duration::from_millis(500);

type Outcome = Result<Appended, AppendError>;
type Waiting = (Append, oneshot::Sender<Outcome>);

/// The queue in front of the log.
#[derive(Clone)]
pub struct Appender {
    queue: GroupCommit<Append, Outcome>,
    keyring: Keyring,
}

struct Writer {
    database: Database,
    wake: Wake,
}

impl Appender {
    /// Starts the writer on `tasks`; it drains its queue before it ends.
    pub fn start(database: Database, keyring: Keyring, wake: Wake, tasks: &TaskTracker) -> Self {
        Self::with_capacity(database, keyring, wake, tasks, CAPACITY)
    }

    /// The same with another number of commands that may wait.
    pub fn with_capacity(
        database: Database,
        keyring: Keyring,
        wake: Wake,
        tasks: &TaskTracker,
        capacity: usize,
    ) -> Self {
        let writer = Arc::new(Writer { database, wake });
        let write = move |batch| {
            let writer = Arc::clone(&writer);
            async move { writer.write(batch).await }
        };
        Self { queue: GroupCommit::start(tasks, capacity, LARGEST_BATCH, write), keyring }
    }

    /// Appends, and answers once it is durable.
    pub async fn append(&self, append: Append) -> Outcome {
        let new_key = append.new_data_key.clone();
        let outcome = match self.queue.submit(append).await {
            Err(_) => Err(AppendError::QueueFull),
            Ok(None) => Err(AppendError::Ambiguous("the writer ended".to_owned())),
            Ok(Some(outcome)) => outcome,
        };
        if let (Ok(Appended::Stored { .. }), Some(key)) = (&outcome, new_key) {
            self.keyring.remember(key.id, &key.secret);
        }
        outcome
    }
}

impl Writer {
    async fn write(&self, batch: Vec<Submission<Append, Outcome>>) {
        let mut waiting: Vec<Waiting> = batch.into_iter().map(Submission::split).collect();
        while !waiting.is_empty() {
            let (round, later) = split_round(waiting);
            self.write_round(round).await;
            waiting = later;
        }
        self.wake.wake();
    }

    async fn write_round(&self, round: Vec<Waiting>) {
        let (appends, answers): (Vec<_>, Vec<_>) = round.into_iter().unzip();
        match write::batch(&self.database, &appends).await {
            Ok(outcomes) => answer_all(answers, outcomes),
            Err(DatabaseError::Refused { .. }) if appends.len() > 1 => {
                // One bad row must not fail its batch-mates: they go one by one.
                for (append, answer) in appends.into_iter().zip(answers) {
                    let outcome = self.write_one(append).await;
                    // The caller may have gone; the event stands.
                    let _ = answer.send(outcome);
                }
            }
            Err(error @ DatabaseError::Ambiguous(_)) => {
                let outcomes = self.look_up(&appends, &error).await;
                answer_all(answers, outcomes);
            }
            Err(error) => {
                tracing::warn!(commands = appends.len(), %error, "a batch was not written");
                let outcomes = appends.iter().map(|_| Err((&error).into())).collect();
                answer_all(answers, outcomes);
            }
        }
    }

    async fn write_one(&self, append: Append) -> Outcome {
        let outcomes = write::batch(&self.database, std::slice::from_ref(&append))
            .await
            .map_err(|error| AppendError::from(&error))?;
        outcomes.into_iter().next().unwrap_or_else(|| Err(AppendError::Ambiguous("no outcome".to_owned())))
    }

    /// The connection was lost at the commit: before anybody does anything else, find out which commands
    /// are in the log.
    async fn look_up(&self, appends: &[Append], error: &DatabaseError) -> Vec<Outcome> {
        tracing::warn!(commands = appends.len(), %error, "connection lost at the commit, looking up what was written");
        for _ in 0..LOOK_UPS {
            if let Ok(known) = write::known_commands(&self.database, appends).await {
                return appends
                    .iter()
                    .map(|append| match known.get(&append.command_id.to_string()) {
                        Some(first_sequence) => Ok(Appended::Stored { first_sequence: *first_sequence }),
                        None => Err(AppendError::Transient(error.to_string())),
                    })
                    .collect();
            }
            tokio::time::sleep(LOOK_UP_PAUSE).await;
        }
        appends.iter().map(|_| Err(error.into())).collect()
    }
}

/// Takes what can go into one statement: no stream that is decided on twice, no command or effect twice.
/// The rest waits for the next one, where it meets what this one has written.
fn split_round(waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut streams = HashSet::new();
    let mut commands = HashSet::new();
    let mut effects = HashSet::new();
    waiting.into_iter().partition(|(append, _)| {
        let stream = (append.aggregate_type, append.stream.clone());
        let is_decided = append.expected != Expected::Any && !append.events.is_empty();
        let is_taken = (is_decided && streams.contains(&stream))
            || commands.contains(&append.command_id)
            || append.beside.effect.as_ref().is_some_and(|effect| effects.contains(effect));
        if !is_taken {
            if is_decided {
                streams.insert(stream);
            }
            commands.insert(append.command_id);
            effects.extend(append.beside.effect.clone());
        }
        !is_taken
    })
}

fn answer_all(answers: Vec<oneshot::Sender<Outcome>>, outcomes: Vec<Outcome>) {
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // The caller may have gone; the event stands.
        let _ = answer.send(outcome);
    }
}
