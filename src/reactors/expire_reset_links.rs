//! When a link's time is over unused, say so in the log, so that its story has an end.
//!
//! Nothing depends on it: a link is dead at its time whether this has run or not. A crash midway: it is done
//! again and finds nothing to do.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{NewWork, Reactor, Verdict, Work, verdict_of};
use crate::commands::{Commands, Context, ExecuteError};
use crate::domain::id::RequestId;
use crate::domain::password_reset::{PasswordResetCommand, PasswordResetEvent};
use crate::event_log::{LogEvent, RecordedEvent};

/// Ends links whose time is over.
pub struct ExpireResetLinks {
    pub commands: Commands,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    stream: String,
    request_id: RequestId,
}

#[async_trait]
impl Reactor for ExpireResetLinks {
    fn kind(&self) -> &'static str {
        "expire_reset_link"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::PasswordReset(PasswordResetEvent::LinkIssued(issued)) = &event.event else {
            return None;
        };
        let payload = Payload { stream: event.stream.clone(), request_id: issued.request_id };
        Some(NewWork::new(issued.request_id, &payload, issued.expires_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let Ok(Payload { stream, request_id }) = work.payload() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let at = self.commands.clock().now();
        let command = PasswordResetCommand::Expire { request_id, at };
        match self.commands.password_reset(&stream, command, Context::caused_by("expiry")).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Verdict::Done,
            Err(error) => verdict_of(&error, work, at),
        }
    }
}
