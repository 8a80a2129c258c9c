//! Plays the steps in their order, with the clock at the time of each: posts go through the inbox as Mailgun's do,
//! commands through the write side, read models are folded from what is in the log then.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::posts;
use super::script::{Again, SealedBy, Step, What};
use crate::clock::{Clock, FixedClock};
use crate::commands::{Commands, Context, History, HistoryError, KeyChoice, LinkPolicies};
use crate::domain::email_verification::Verifying;
use crate::domain::id::{MessageId, WebhookId};
use crate::domain::keys::RootKeys;
use crate::domain::one_time_link::LinkPurpose;
use crate::domain::password_reset::Resetting;
use crate::event_log::{Consumer, EventLog, Subscription, Turn};
use crate::inbox::{Effect, Inbox, InboxWorker, Receipt, context};
use crate::projections;
use crate::providers::mailgun;
use crate::reactors::ScheduleWork;
use crate::sandbox;

/// Steps that are written together.
const BATCH: usize = 512;

/// Plays stories into a log that holds nothing yet.
pub struct Player {
    pub log: EventLog,
    pub inbox: Inbox,
    pub clock: Arc<FixedClock>,
    pub signing_key: SecretString,
}

/// A post that was taken.
struct Taken {
    id: WebhookId,
    body: Bytes,
}

impl Player {
    /// Plays all of it; `played` is told how many steps are done.
    pub async fn play(&self, steps: &[Step], mut played: impl FnMut(usize)) -> anyhow::Result<i64> {
        let mut history = History::new(self.log.clone(), LinkPolicies::default());
        let mut events = 0;
        for batch in steps.chunks(BATCH) {
            let taken = self.post(batch).await?;
            for (step, taken) in batch.iter().zip(taken) {
                self.clock.set(step.at);
                tell(&mut history, step, taken).await.with_context(|| format!("at {}", step.at))?;
            }
            events = history.write().await?;
            played(batch.len());
        }
        Ok(events)
    }

    /// Everything that is posted within a batch, together: each is durable before its event is told.
    async fn post(&self, steps: &[Step]) -> anyhow::Result<Vec<Option<Taken>>> {
        let taken = join_all(steps.iter().map(|step| async {
            let What::Post { event_data, also, .. } = &step.what else { return Ok(None) };
            // Until it is handed over nothing waits, so the clock stands at its time.
            self.clock.set(step.at);
            let signature = sandbox::sign(&self.signing_key, self.clock.as_ref());
            let body = posts::under(&signature, event_data);
            let receipt = self.inbox.receive(body.clone()).await;
            let Receipt::Stored(id) = receipt else { bail!("a post was answered {}", receipt.as_str()) };
            let second = match also {
                Again::Nothing => None,
                Again::Same => Some((body.clone(), Receipt::Duplicate)),
                Again::Other(event_data) => Some((posts::under(&signature, event_data), Receipt::Contested)),
            };
            Ok(Some((Taken { id, body }, step.at, second)))
        }));
        let mut all = Vec::with_capacity(steps.len());
        for taken in taken.await {
            let Some((taken, at, second)) = taken? else {
                all.push(None);
                continue;
            };
            if let Some((body, expected)) = second {
                self.clock.set(at);
                let receipt = self.inbox.receive(body).await;
                if receipt != expected {
                    bail!("a repeated post was answered {}", receipt.as_str());
                }
            }
            all.push(Some(taken));
        }
        Ok(all)
    }

    /// What was posted and had no effect is understood as far as it can be, and kept with the reason.
    pub async fn settle_posts(&self, roots: RootKeys) -> anyhow::Result<()> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let policies = LinkPolicies::default();
        let commands = Commands::new(self.log.clone(), clock, roots, policies, u32::MAX, TaskTracker::new());
        let worker = InboxWorker::new(self.log.database().clone(), self.inbox.clone(), commands);
        while worker.work().await? > 0 {}
        Ok(())
    }

    /// Folds the log into every read model. Reactors have done their part in the stories, so for them all of it is over.
    pub async fn fold(&self, mut folded: impl FnMut(&'static str)) -> anyhow::Result<()> {
        let over =
            ScheduleWork::new(vec![], Arc::clone(&self.clock) as Arc<dyn Clock>, watch::Sender::new(()));
        let mut consumers = projections::all();
        consumers.push(Arc::new(over));
        for consumer in consumers {
            let name = consumer.name();
            self.follow(consumer).await.with_context(|| format!("{name} cannot be folded"))?;
            folded(name);
        }
        Ok(())
    }

    async fn follow(&self, consumer: Arc<dyn Consumer>) -> anyhow::Result<()> {
        let mut subscription = Subscription::new(self.log.clone(), consumer);
        loop {
            match subscription.turn().await? {
                Turn::Advanced => {}
                Turn::Idle => return Ok(()),
                Turn::NotOurs => bail!("somebody else folds it"),
            }
        }
    }
}

async fn tell(history: &mut History, step: &Step, taken: Option<Taken>) -> Result<(), HistoryError> {
    let fresh = |event_types, subject: &String| Context {
        causation: "http".to_owned(),
        key: KeyChoice::Fresh { event_types, subject: subject.clone() },
        ..Context::default()
    };
    match &step.what {
        What::Reset { stream, command } => {
            let context = fresh(Resetting::BEGINNINGS, stream);
            history.reset(stream, command.clone(), context).await.map(|_| ())
        }
        What::Verification { stream, command } => {
            let context = fresh(Verifying::BEGINNINGS, stream);
            history.verification(stream, command.clone(), context).await.map(|_| ())
        }
        What::Message { id, command, sealed } => {
            let key = match sealed {
                SealedBy::Stream => KeyChoice::OfStream,
                SealedBy::Reset(stream) => KeyChoice::Given(history.key_of_reset(stream)),
                SealedBy::Verification(stream) => KeyChoice::Given(history.key_of_verification(stream)),
                SealedBy::Fresh(subject) => {
                    KeyChoice::Fresh { event_types: &["message.requested"], subject: subject.clone() }
                }
            };
            let context = Context { key, ..Context::caused_by("demo") };
            history.message(*id, command.clone(), context).await.map(|_| ())
        }
        What::Suppression { stream, command, message } => {
            let context = match message {
                Some(id) => Context {
                    key: KeyChoice::Given(history.key_of_message(*id)),
                    ..Context::caused_by("demo")
                },
                None => Context { causation: "operator".to_owned(), ..fresh(&["suppression.added"], stream) },
            };
            history.suppression(stream, command.clone(), context).await.map(|_| ())
        }
        What::Post { on, .. } => match (on, taken) {
            (Some(id), Some(taken)) => settle(history, *id, &taken).await,
            _ => Ok(()),
        },
    }
}

/// What a post tells of a mail, and the post settled with it.
async fn settle(history: &mut History, id: MessageId, taken: &Taken) -> Result<(), HistoryError> {
    let refused = |why: String| HistoryError::Refused(why);
    let event_data = mailgun::event_data(&taken.body).ok_or_else(|| refused("a post has no event".into()))?;
    let event = mailgun::translate(&event_data).map_err(|error| refused(error.to_string()))?;
    let context = context(taken.id, id, history.key_of_message(id), &event);
    match Effect::of(event).map_err(refused)? {
        Effect::Message(command) => history.message(id, command, context).await.map(|_| ()),
        Effect::Engagement(observed) => history.engagement(id, observed, context).await.map(|_| ()),
    }
}
