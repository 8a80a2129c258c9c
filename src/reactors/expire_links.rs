//! When a link's time is over unused, say so in the log, so that its story has an end.
//!
//! Nothing depends on it: a link is dead at its time whether this has run or not. A crash midway: it is done
//! again and finds nothing to do.

use std::marker::PhantomData;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{LinkWork, NewWork, Reactor, Verdict, Work, verdict_of};
use crate::commands::{Commands, Context, ExecuteError};
use crate::domain::id::TypedId;
use crate::domain::one_time_link::{LinkCommand, LinkEvent};
use crate::event_log::RecordedEvent;

/// Ends links whose time is over.
pub struct ExpireLinks<P> {
    commands: Commands,
    purpose: PhantomData<P>,
}

impl<P> ExpireLinks<P> {
    pub fn new(commands: Commands) -> Self {
        Self { commands, purpose: PhantomData }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Payload<Id: TypedId> {
    stream: String,
    request_id: Id,
}

#[async_trait]
impl<P: LinkWork> Reactor for ExpireLinks<P> {
    fn kind(&self) -> &'static str {
        P::EXPIRE
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LinkEvent::LinkIssued(issued) = P::event(&event.event)? else { return None };
        let payload = Payload { stream: event.stream.clone(), request_id: issued.request_id };
        Some(NewWork::new(issued.request_id, &payload, issued.expires_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let Ok(Payload { stream, request_id }) = work.payload::<Payload<P::Id>>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let at = self.commands.clock().now();
        let command = LinkCommand::<P>::Expire { request_id, at };
        match self.commands.links(&stream, command, Context::caused_by("expiry")).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Verdict::Done,
            Err(error) => verdict_of(&error, work, at),
        }
    }
}
