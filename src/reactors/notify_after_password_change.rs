//! When a password was changed by a reset, end the account's sessions and tell its owner by mail, without
//! token or password.
//!
//! A crash midway: sessions are ended again, which changes nothing; the notice has a derived id, so asking
//! for it twice makes one.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::mails::{CausingEvent, Mails, NewMail, data};
use super::{NewWork, Reactor, Verdict, Work, backoff};
use crate::accounts::{Account, Directory};
use crate::domain::id::{AccountId, DataKeyId, EventId, RequestId};
use crate::domain::message::Cause;
use crate::domain::password_reset::PasswordResetEvent;
use crate::event_log::{LogEvent, RecordedEvent};

/// The template of the notice.
pub const TEMPLATE: &str = "password-changed";
/// A notice that is later than this tells nobody anything.
const USEFUL_FOR: TimeDelta = TimeDelta::days(2);

/// Tells owners that their password was changed.
pub struct NotifyAfterPasswordChange {
    pub mails: Mails,
    pub directory: Arc<dyn Directory>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    request_id: RequestId,
    account_id: AccountId,
    data_key: Option<DataKeyId>,
    caused_by: EventId,
    completed_at: DateTime<Utc>,
}

#[async_trait]
impl Reactor for NotifyAfterPasswordChange {
    fn kind(&self) -> &'static str {
        "notify_password_changed"
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::PasswordReset(PasswordResetEvent::Completed(completed)) = &event.event else {
            return None;
        };
        let payload = Payload {
            request_id: completed.request_id,
            account_id: completed.account_id,
            data_key: event.metadata.data_key,
            caused_by: event.metadata.event_id,
            completed_at: completed.at,
        };
        Some(NewWork::new(completed.request_id, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let at = self.mails.commands.clock().now();
        let Ok(payload) = work.payload::<Payload>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let found = match self.directory.end_sessions(payload.account_id).await {
            Ok(()) => self.directory.find(payload.account_id).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(account)) => self.request_mail(&payload, account, work).await,
            Ok(None) => Verdict::Done,
            Err(error) => Verdict::Later { at: at + backoff(work.attempts), why: error.to_string() },
        }
    }
}

impl NotifyAfterPasswordChange {
    async fn request_mail(&self, payload: &Payload, account: Account, work: &Work) -> Verdict {
        let mail = NewMail {
            template: TEMPLATE,
            to: account.address,
            cause: Cause::PasswordChanged { request_id: payload.request_id },
            locale: None,
            data: data([("name", json!(account.name)), ("changed_at", json!(payload.completed_at))]),
            has_link: false,
            send_before: payload.completed_at + USEFUL_FOR,
            data_key: payload.data_key,
        };
        let cause = CausingEvent { id: payload.caused_by, at: payload.completed_at };
        self.mails.request(mail, cause, work).await
    }
}
