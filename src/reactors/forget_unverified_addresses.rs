//! When a registration was never verified, forget its address some days after its link has died: the key that
//! it is sealed under goes, the counts stay.
//!
//! A crash midway: the key is deleted again, which changes nothing.

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of_stream};
use crate::commands::Commands;
use crate::domain::email_verification::{EmailVerificationEvent, Verifies, Verifying};
use crate::domain::id::{DataKeyId, VerificationId};
use crate::domain::one_time_link::Status;
use crate::event_log::{LogEvent, RecordedEvent};

/// As long as for other strangers.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);

/// Forgets whoever registered and never came back.
pub struct ForgetUnverifiedAddresses {
    pub commands: Commands,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    stream: String,
    request_id: VerificationId,
    data_key: DataKeyId,
}

#[async_trait]
impl Reactor for ForgetUnverifiedAddresses {
    fn kind(&self) -> &'static str {
        "forget_unverified_address"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::EmailVerification(EmailVerificationEvent::Requested(requested)) = &event.event else {
            return None;
        };
        if requested.details != Verifies::Registration {
            return None;
        }
        let payload = Payload {
            stream: event.stream.clone(),
            request_id: requested.request_id,
            data_key: event.metadata.data_key?,
        };
        Some(NewWork::new(requested.request_id, &payload, requested.expires_at + KEPT_FOR))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let now = self.commands.clock().now();
        let Ok(payload) = work.payload::<Payload>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let loaded = match self.commands.load_all_links::<Verifying>(&payload.stream).await {
            Ok(loaded) => loaded,
            Err(error) => return verdict_of_stream(error, work, now),
        };
        let request = loaded.aggregate.request(payload.request_id);
        if request.is_some_and(|request| request.status == Status::Completed) {
            return Verdict::Done;
        }
        match self.commands.forget_data_key(payload.data_key).await {
            Ok(()) => Verdict::Done,
            Err(error) => Verdict::Later { at: now + backoff(work.attempts), why: error.to_string() },
        }
    }
}
