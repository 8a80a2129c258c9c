//! When a password was changed by a reset, end the account's sessions and tell its owner by mail, without
//! token or password.
//!
//! A crash midway: sessions are ended again, which changes nothing; the notice has a derived id, so asking
//! for it twice makes one.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of};
use crate::accounts::{Account, Directory};
use crate::commands::{Commands, Context, KeyChoice};
use crate::domain::id::{AccountId, DataKeyId, EventId, RequestId};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::{Cause, MessageCommand, Requested};
use crate::domain::password_reset::PasswordResetEvent;
use crate::domain::sealed::Sealed;
use crate::event_log::{LogEvent, RecordedEvent};

/// The template of the notice.
pub const TEMPLATE: &str = "password-changed";
/// A notice that is later than this tells nobody anything.
const USEFUL_FOR: TimeDelta = TimeDelta::days(2);

/// Tells owners that their password was changed.
pub struct NotifyAfterPasswordChange {
    pub commands: Commands,
    pub directory: Arc<dyn Directory>,
    /// The mail provider's name, as mails record it.
    pub provider: &'static str,
    /// Whether opens are tracked.
    pub track_opens: bool,
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
        let at = self.commands.clock().now();
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
        let at = self.commands.clock().now();
        let index = self.commands.index_key();
        let mut data = Map::new();
        data.insert("changed_at".to_owned(), json!(payload.completed_at));
        if let Some(name) = account.name {
            data.insert("name".to_owned(), json!(name));
        }
        let requested = Requested {
            template: TEMPLATE.to_owned(),
            recipient_key: index.stream_key(&account.address).to_string(),
            mailbox_provider: MailboxProvider::of_domain(account.address.domain()).as_str().to_owned(),
            recipient: Sealed::Known(account.address),
            provider: self.provider.to_owned(),
            cause: Cause::PasswordChanged { request_id: payload.request_id },
            locale: None,
            data: Sealed::Known(data),
            opens_tracked: self.track_opens,
            clicks_tracked: false,
            send_before: Some(payload.completed_at + USEFUL_FOR),
            at,
        };
        let message_id = index.message_id(payload.caused_by, payload.completed_at, TEMPLATE);
        let context = Context {
            causation: payload.caused_by.to_string(),
            key: KeyChoice::Given(payload.data_key),
            ..Context::default()
        };
        let command = MessageCommand::Request(Box::new(requested));
        match self.commands.message(message_id, command, context).await {
            Ok(_) => Verdict::Done,
            Err(error) => verdict_of(&error, work, at),
        }
    }
}
