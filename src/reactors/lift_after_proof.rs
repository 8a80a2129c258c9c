//! When a link that was mailed to an address has done its work, mail arrives there: whatever bounced before, it
//! gets mail again. What its owner or an operator decided stays.
//!
//! A crash midway: it is lifted again and finds nothing to do.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{NewWork, Reactor, Verdict, Work, verdict_of};
use crate::commands::{Commands, Context};
use crate::domain::email_verification::EmailVerificationEvent;
use crate::domain::id::EventId;
use crate::domain::password_reset::PasswordResetEvent;
use crate::domain::suppression::SuppressionCommand;
use crate::event_log::{LogEvent, RecordedEvent};

/// Lifts what was disproved.
pub struct LiftAfterProof {
    pub commands: Commands,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    stream: String,
    caused_by: EventId,
    at: DateTime<Utc>,
}

#[async_trait]
impl Reactor for LiftAfterProof {
    fn kind(&self) -> &'static str {
        "lift_suppression"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let at = match &event.event {
            LogEvent::PasswordReset(PasswordResetEvent::Completed(completed)) => completed.at,
            LogEvent::EmailVerification(EmailVerificationEvent::Completed(completed)) => completed.at,
            _ => return None,
        };
        let caused_by = event.metadata.event_id;
        let payload = Payload { stream: event.stream.clone(), caused_by, at };
        Some(NewWork::new(caused_by, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let now = self.commands.clock().now();
        let Ok(Payload { stream, caused_by, at }) = work.payload() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let command = SuppressionCommand::Prove { at };
        match self.commands.suppression(&stream, command, Context::caused_by(caused_by)).await {
            Ok(_) => Verdict::Done,
            Err(error) => verdict_of(&error, work, now),
        }
    }
}
