//! When an owner's password or address was changed in the directory, tell the owner by mail, at the address
//! that the account had before.
//!
//! A crash midway: the mail has an id that is derived from the change, so asking for it twice makes one; the
//! change is forgotten after that.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::mails::{Mails, NewMail, data};
use super::{NewWork, Reactor, Verdict, Work, backoff};
use crate::accounts::{AccountChange, BuiltInDirectory, ChangeKind, DirectoryError};
use crate::domain::id::ChangeId;
use crate::domain::message::Cause;
use crate::event_log::RecordedEvent;

/// The kind of work. Permanent.
pub const KIND: &str = "notify_account_change";
/// A notice that is later than this tells nobody anything.
const USEFUL_FOR: TimeDelta = TimeDelta::days(2);

/// Tells owners of changes that they, or somebody in their name, have made.
pub struct NotifyAfterAccountChange {
    pub mails: Mails,
    pub accounts: BuiltInDirectory,
}

#[async_trait]
impl Reactor for NotifyAfterAccountChange {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// Its work comes from the directory, not from the log.
    fn schedule(&self, _event: &RecordedEvent) -> Option<NewWork> {
        None
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let at = self.mails.commands.clock().now();
        let Ok(id) = work.payload::<ChangeId>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let change = match self.accounts.find_change(id).await {
            Ok(Some(change)) => change,
            Ok(None) => return Verdict::Done,
            Err(error) => return unanswered(&error, work, at),
        };
        let verdict = self.request_mail(change, work).await;
        if verdict != Verdict::Done {
            return verdict;
        }
        match self.accounts.settle_change(id).await {
            Ok(()) => Verdict::Done,
            Err(error) => unanswered(&error, work, at),
        }
    }
}

impl NotifyAfterAccountChange {
    async fn request_mail(&self, change: AccountChange, work: &Work) -> Verdict {
        let mail = NewMail {
            template: template(change.kind),
            to: change.address,
            cause: Cause::AccountChanged { account_id: change.account_id },
            locale: change.locale,
            data: data([
                ("name", json!(change.name)),
                ("changed_at", json!(change.changed_at)),
                ("new_address", json!(change.new_address)),
            ]),
            has_link: false,
            send_before: change.changed_at + USEFUL_FOR,
            data_key: None,
        };
        self.mails.request_after_change(mail, change.id, change.changed_at, work).await
    }
}

fn template(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::PasswordChanged => "password-changed",
        ChangeKind::AddressChanged => "address-changed",
    }
}

fn unanswered(error: &DirectoryError, work: &Work, at: DateTime<Utc>) -> Verdict {
    match error {
        DirectoryError::Unavailable(_) => {
            Verdict::Later { at: at + backoff(work.attempts), why: error.to_string() }
        }
        DirectoryError::Broken(_) => Verdict::Park { why: error.to_string() },
    }
}
