//! When an address was verified for the first time, welcome its owner by mail.
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
use crate::domain::email_verification::{EmailVerificationEvent, Verifies, Verifying};
use crate::domain::id::{AccountId, DataKeyId, VerificationId};
use crate::domain::message::Cause;
use crate::event_log::{LogEvent, RecordedEvent};

/// The template of the mail.
pub const TEMPLATE: &str = "welcome";
/// Later than this nobody needs a welcome any more.
const USEFUL_FOR: TimeDelta = TimeDelta::days(2);

/// Welcomes owners.
pub struct WelcomeAfterVerification {
    pub mails: Mails,
    pub directory: Arc<dyn Directory>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    stream: String,
    request_id: VerificationId,
    account_id: AccountId,
    completed_at: DateTime<Utc>,
    data_key: Option<DataKeyId>,
    #[serde(flatten)]
    cause: CausingEvent,
}

#[async_trait]
impl Reactor for WelcomeAfterVerification {
    fn kind(&self) -> &'static str {
        "welcome_after_verification"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::EmailVerification(EmailVerificationEvent::Completed(completed)) = &event.event else {
            return None;
        };
        let payload = Payload {
            stream: event.stream.clone(),
            request_id: completed.request_id,
            account_id: completed.account_id,
            completed_at: completed.at,
            data_key: event.metadata.data_key,
            cause: CausingEvent::of(event, completed.at),
        };
        Some(NewWork::new(completed.request_id, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let commands = &self.mails.commands;
        let now = commands.clock().now();
        let Ok(payload) = work.payload::<Payload>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let loaded = match commands.load_all_links::<Verifying>(&payload.stream).await {
            Ok(loaded) => loaded,
            Err(error) => return verdict_of_stream(error, work, now),
        };
        let Some(request) = loaded.aggregate.request(payload.request_id) else { return Verdict::Done };
        // Who moves to another address is no newcomer; the directory has their notice.
        if matches!(request.details, Verifies::AddressChange { .. }) {
            return Verdict::Done;
        }
        let account = match self.directory.find(payload.account_id).await {
            Ok(account) => account.filter(|account| !account.disabled),
            Err(error) => return Verdict::Later { at: now + backoff(work.attempts), why: error.to_string() },
        };
        let Some(account) = account else { return Verdict::Done };
        let mail = NewMail {
            template: TEMPLATE,
            to: account.address,
            cause: Cause::Welcome { request_id: payload.request_id },
            locale: request.locale.clone(),
            data: data([("name", json!(account.name))]),
            has_link: false,
            send_before: payload.completed_at + USEFUL_FOR,
            data_key: payload.data_key,
        };
        self.mails.request(mail, payload.cause, work).await
    }
}
