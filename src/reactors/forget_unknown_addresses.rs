//! When a request was for an address that nobody here has, or a registration was never verified, forget the
//! address after some days: the key that it is sealed under goes, the counts stay.
//!
//! A crash midway: the key is deleted again, which changes nothing.

use async_trait::async_trait;
use chrono::TimeDelta;

use super::{NewWork, Reactor, Verdict, Work, backoff};
use crate::commands::Commands;
use crate::domain::id::DataKeyId;
use crate::domain::one_time_link::{DeclineReason, LinkEvent, LinkPurpose};
use crate::event_log::{LogEvent, RecordedEvent};

/// Long enough for support to answer "I never got a mail", short enough to hold little about strangers.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);

/// Forgets strangers.
pub struct ForgetUnknownAddresses {
    pub commands: Commands,
}

#[async_trait]
impl Reactor for ForgetUnknownAddresses {
    fn kind(&self) -> &'static str {
        "forget_unknown_address"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let stranger = match &event.event {
            LogEvent::PasswordReset(event) => declined_as_unknown(event),
            LogEvent::EmailVerification(event) => declined_as_unknown(event),
            _ => None,
        };
        let (stranger, key) = (stranger?, event.metadata.data_key?);
        Some(NewWork::new(stranger, &key, event.metadata.recorded_at + KEPT_FOR))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let Ok(key) = work.payload::<DataKeyId>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        match self.commands.forget_data_key(key).await {
            Ok(()) => Verdict::Done,
            Err(error) => {
                let at = self.commands.clock().now() + backoff(work.attempts);
                Verdict::Later { at, why: error.to_string() }
            }
        }
    }
}

fn declined_as_unknown<P: LinkPurpose>(event: &LinkEvent<P>) -> Option<String> {
    match event {
        LinkEvent::Declined { request_id, reason: DeclineReason::UnknownAddress, .. } => {
            Some(request_id.to_string())
        }
        _ => None,
    }
}
