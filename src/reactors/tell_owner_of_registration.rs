//! When somebody registered an address that has an account, or wanted to move there, tell its owner by mail,
//! at the stored address: whoever it was sees no difference, and the owner may have forgotten the account.
//!
//! A crash midway: the mail has a derived id, so asking for it twice makes one.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::mails::{CausingEvent, Mails, NewMail, data};
use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of_stream};
use crate::accounts::Directory;
use crate::domain::email_verification::{EmailVerificationEvent, Verifying};
use crate::domain::id::VerificationId;
use crate::domain::message::Cause;
use crate::domain::one_time_link::DeclineReason;
use crate::event_log::{LogEvent, RecordedEvent};

/// The template of the notice.
pub const TEMPLATE: &str = "already-registered";
/// A notice that is later than this tells nobody anything.
const USEFUL_FOR: TimeDelta = TimeDelta::days(1);

/// Tells owners that they have an account already.
pub struct TellOwnerOfRegistration {
    pub mails: Mails,
    pub directory: Arc<dyn Directory>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    stream: String,
    request_id: VerificationId,
    declined_at: DateTime<Utc>,
    #[serde(flatten)]
    cause: CausingEvent,
}

#[async_trait]
impl Reactor for TellOwnerOfRegistration {
    fn kind(&self) -> &'static str {
        "tell_owner_of_registration"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::EmailVerification(EmailVerificationEvent::Declined {
            request_id,
            reason: DeclineReason::AlreadyRegistered | DeclineReason::AddressTaken,
            at,
        }) = &event.event
        else {
            return None;
        };
        let payload = Payload {
            stream: event.stream.clone(),
            request_id: *request_id,
            declined_at: *at,
            cause: CausingEvent::of(event, *at),
        };
        Some(NewWork::new(request_id, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let commands = &self.mails.commands;
        let now = commands.clock().now();
        let Ok(payload) = work.payload::<Payload>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let loaded = match commands.load_links::<Verifying>(&payload.stream).await {
            Ok(loaded) => loaded,
            Err(error) => return verdict_of_stream(error, work, now),
        };
        let Some(request) = loaded.aggregate.request(payload.request_id) else { return Verdict::Done };
        let Some(email) = request.email.known() else { return Verdict::Done };
        let account = match self.directory.lookup(email).await {
            Ok(account) => account.filter(|account| account.is_verified() && !account.disabled),
            Err(error) => return Verdict::Later { at: now + backoff(work.attempts), why: error.to_string() },
        };
        let Some(account) = account else { return Verdict::Done };
        let mail = NewMail {
            template: TEMPLATE,
            to: account.address,
            cause: Cause::AlreadyRegistered { request_id: payload.request_id },
            locale: request.locale.clone(),
            data: data([
                ("name", json!(account.name)),
                ("requested_at", json!(request.requested_at)),
                ("browser", json!(request.browser)),
            ]),
            has_link: false,
            send_before: payload.declined_at + USEFUL_FOR,
            data_key: loaded.data_key,
        };
        self.mails.request(mail, payload.cause, work).await
    }
}
