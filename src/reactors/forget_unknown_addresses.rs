//! When a request was for an address that nobody here has, forget the address after some days: the key that
//! it is sealed under goes, the counts stay.
//!
//! A crash midway: the key is deleted again, which changes nothing.

use async_trait::async_trait;
use chrono::TimeDelta;

use super::{NewWork, Reactor, Verdict, Work, backoff};
use crate::commands::Commands;
use crate::domain::id::DataKeyId;
use crate::domain::password_reset::{DeclineReason, PasswordResetEvent};
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
        match (&event.event, event.metadata.data_key) {
            (
                LogEvent::PasswordReset(PasswordResetEvent::Declined {
                    request_id,
                    reason: DeclineReason::UnknownAddress,
                    ..
                }),
                Some(key),
            ) => Some(NewWork::new(request_id, &key, event.metadata.recorded_at + KEPT_FOR)),
            _ => None,
        }
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
