//! Asking for a mail: the one way in which reactors do it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Verdict, Work, verdict_of};
use crate::commands::{Commands, Context, KeyChoice};
use crate::domain::address::EmailAddress;
use crate::domain::id::{ChangeId, DataKeyId, EventId, MessageId};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::{Cause, MessageCommand, Requested};
use crate::domain::sealed::Sealed;
use crate::event_log::RecordedEvent;

/// Asks for mails.
#[derive(Clone)]
pub struct Mails {
    pub commands: Commands,
    /// The mail provider's name, as mails record it.
    pub provider: &'static str,
    /// Whether opens are tracked.
    pub track_opens: bool,
}

/// The event that a mail follows from.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CausingEvent {
    #[serde(rename = "caused_by")]
    pub id: EventId,
    // Work of earlier versions has it under the other name.
    #[serde(rename = "caused_at", alias = "requested_at")]
    pub at: DateTime<Utc>,
}

impl CausingEvent {
    /// This one, which happened then.
    pub fn of(event: &RecordedEvent, at: DateTime<Utc>) -> Self {
        Self { id: event.metadata.event_id, at }
    }
}

/// A mail that shall go out.
pub struct NewMail {
    pub template: &'static str,
    pub to: EmailAddress,
    pub cause: Cause,
    pub locale: Option<String>,
    /// Values for the template. Never a token.
    pub data: Map<String, Value>,
    /// Whether it leads to a page of ours that sees who follows.
    pub has_link: bool,
    /// After this instant it is of no use to anyone.
    pub send_before: DateTime<Utc>,
    /// What its personal data are sealed under.
    pub data_key: Option<DataKeyId>,
}

impl Mails {
    /// The id of the mail that this event causes.
    pub fn id(&self, event: CausingEvent, template: &str) -> MessageId {
        self.commands.index_key().message_id(event.id, event.at, template)
    }

    /// Asks for the mail that this event causes. Its id follows from the event, so asking twice makes one.
    pub async fn request(&self, mail: NewMail, event: CausingEvent, work: &Work) -> Verdict {
        self.request_as(self.id(event, mail.template), mail, event, work).await
    }

    /// The same under an id that the log knows already.
    pub async fn request_as(
        &self,
        message_id: MessageId,
        mail: NewMail,
        event: CausingEvent,
        work: &Work,
    ) -> Verdict {
        let key = KeyChoice::Given(mail.data_key);
        self.ask(message_id, mail, event.id.to_string(), key, work).await
    }

    /// Asks for the mail that a change in the directory causes. Nothing in the log is about it yet, so what is
    /// personal in it gets a key of its own.
    pub async fn request_after_change(
        &self,
        mail: NewMail,
        change: ChangeId,
        changed_at: DateTime<Utc>,
        work: &Work,
    ) -> Verdict {
        let index = self.commands.index_key();
        let message_id = index.message_id_of_change(change, changed_at, mail.template);
        let subject = index.stream_key(&mail.to).to_string();
        let key = KeyChoice::Fresh { event_types: &["message.requested"], subject };
        self.ask(message_id, mail, change.to_string(), key, work).await
    }

    async fn ask(
        &self,
        message_id: MessageId,
        mail: NewMail,
        causation: String,
        key: KeyChoice,
        work: &Work,
    ) -> Verdict {
        let at = self.commands.clock().now();
        let requested = Requested {
            template: mail.template.to_owned(),
            recipient_key: self.commands.index_key().stream_key(&mail.to).to_string(),
            mailbox_provider: MailboxProvider::of_domain(mail.to.domain()).as_str().to_owned(),
            recipient: Sealed::Known(mail.to),
            provider: self.provider.to_owned(),
            cause: mail.cause,
            locale: mail.locale,
            data: Sealed::Known(mail.data),
            opens_tracked: self.track_opens,
            clicks_tracked: mail.has_link,
            send_before: Some(mail.send_before),
            at,
        };
        let context = Context { causation, key, ..Context::default() };
        match self.commands.message(message_id, MessageCommand::Request(Box::new(requested)), context).await {
            Ok(_) => Verdict::Done,
            Err(error) => verdict_of(&error, work, at),
        }
    }
}

/// Values for a template; what is absent is left out.
pub fn data<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.to_owned(), value)).collect()
}
