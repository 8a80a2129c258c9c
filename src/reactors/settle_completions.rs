//! When a completion was started and its process died before the end, ask the directory whether it was
//! written, and finish what was: the account must not stay half changed because nobody came back.
//!
//! What was not written is left alone: its link can be used again after the patience of the policy. A crash
//! midway: it is asked again; the directory's answer does not change.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{LinkWork, NewWork, Reactor, Verdict, Work, backoff, verdict_of, verdict_of_stream};
use crate::accounts::Directory;
use crate::commands::{Commands, Context};
use crate::domain::id::{AccountId, TypedId};
use crate::domain::one_time_link::{LinkCommand, LinkEvent, Status};
use crate::event_log::RecordedEvent;

/// How long after the link's time a stalled attempt could still write.
const AFTER_EXPIRY: TimeDelta = TimeDelta::minutes(5);

/// Finishes completions that were cut off.
pub struct SettleCompletions<P> {
    commands: Commands,
    directory: Arc<dyn Directory>,
    purpose: PhantomData<P>,
}

impl<P> SettleCompletions<P> {
    pub fn new(commands: Commands, directory: Arc<dyn Directory>) -> Self {
        Self { commands, directory, purpose: PhantomData }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Payload<Id: TypedId> {
    stream: String,
    request_id: Id,
    account_id: AccountId,
    attempt: u32,
}

#[async_trait]
impl<P: LinkWork> Reactor for SettleCompletions<P> {
    fn kind(&self) -> &'static str {
        P::SETTLE
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LinkEvent::CompletionStarted(started) = P::event(&event.event)? else { return None };
        let payload = Payload {
            stream: event.stream.clone(),
            request_id: started.request_id,
            account_id: started.account_id,
            attempt: started.attempt,
        };
        let subject = format!("{}:{}", started.request_id, started.attempt);
        // Most are finished by then and cost one look.
        let due_at = event.metadata.recorded_at + self.commands.link_policy::<P>().completion_patience;
        Some(NewWork::new(subject, &payload, due_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let at = self.commands.clock().now();
        let Ok(payload) = work.payload::<Payload<P::Id>>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let loaded = match self.commands.load_links::<P>(&payload.stream).await {
            Ok(loaded) => loaded,
            Err(error) => return verdict_of_stream(error, work, at),
        };
        let Some(request) = loaded.aggregate.request(payload.request_id) else { return Verdict::Done };
        let is_open = matches!(request.status, Status::Completing { .. })
            && request.link.as_ref().is_some_and(|link| link.attempts == payload.attempt);
        if !is_open {
            return Verdict::Done;
        }
        match self.directory.applied_attempt(payload.account_id, payload.request_id.into()).await {
            Ok(Some(applied)) if applied == payload.attempt => {
                let command = LinkCommand::<P>::Complete {
                    request_id: payload.request_id,
                    attempt: payload.attempt,
                    at,
                };
                let context = Context::caused_by("settlement");
                match self.commands.links(&payload.stream, command, context).await {
                    Ok(_) => Verdict::Done,
                    Err(error) => verdict_of(&error, work, at),
                }
            }
            Ok(_) if at > request.expires_at + AFTER_EXPIRY => Verdict::Done,
            Ok(_) => Verdict::Later { at: at + TimeDelta::seconds(30), why: "not written yet".to_owned() },
            Err(error) => Verdict::Later { at: at + backoff(work.attempts), why: error.to_string() },
        }
    }
}
