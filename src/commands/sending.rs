//! One mail to each recipient of a list, from one template with the same data.
//!
//! Ids are derived from the call and the recipient: a call that was cut off can be made again and completes
//! what it had begun, without a second mail to anybody.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};

use super::{CommandError, Commands, Context, ExecuteError, KeyChoice};
use crate::domain::address::EmailAddress;
use crate::domain::id::{EventId, MessageId, SendingId};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::{Cause, MessageCommand, MessageRefusal, Requested};
use crate::domain::sealed::Sealed;
use crate::domain::suppression::{Blocks, Reason};
use crate::event_log::{AppendError, StreamError};

/// Mails asked for side by side: few statements hold them all, and others find room in the queue.
const SIDE_BY_SIDE: usize = 256;
/// Seconds after which a full queue is worth another try.
const BUSY: u64 = 1;

/// A call that sends. Everything in it has been checked.
#[derive(Debug, Clone)]
pub struct SendMessages {
    /// The call, from which the ids of its mails are derived.
    pub sending: SendingId,
    /// When it was made first.
    pub at: DateTime<Utc>,
    /// Who makes it.
    pub by: String,
    /// The template's name.
    pub template: String,
    /// Each once.
    pub recipients: Vec<EmailAddress>,
    /// Values for the template.
    pub data: Map<String, Value>,
    /// Language tag.
    pub locale: Option<String>,
    /// The mail provider's name, as mails record it.
    pub provider: &'static str,
    /// Whether opens are tracked.
    pub track_opens: bool,
}

/// One mail of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentMessage {
    /// Its id.
    pub id: MessageId,
    /// Whether its recipient gets no mail of this kind.
    pub is_suppressed: bool,
}

impl Commands {
    /// Asks for a mail to each recipient; answers in their order. An error may leave some asked for: the same
    /// call again completes them.
    pub async fn send_messages(&self, send: SendMessages) -> Result<Vec<SentMessage>, CommandError> {
        let held_back = self.held_back(&send.recipients).await?;
        let (commands, send) = (self.clone(), Arc::new(send));
        let each = send.recipients.clone().into_iter().zip(held_back);
        let each = stream::iter(each).map(move |(recipient, held_back)| {
            let (commands, send) = (commands.clone(), Arc::clone(&send));
            async move { commands.send_message(&send, &recipient, held_back).await }
        });
        let sending = each.buffered(SIDE_BY_SIDE).try_collect();
        // A client that hangs up cuts nothing.
        self.inner.tasks.spawn(sending).await.map_err(|_| CommandError::Unavailable)?
    }

    /// Why bulk mail to each of these is held back, if it is.
    async fn held_back(&self, recipients: &[EmailAddress]) -> Result<Vec<Option<Reason>>, CommandError> {
        let stream = |recipient: &EmailAddress| self.index_key().stream_key(recipient).to_string();
        let streams: Vec<_> = recipients.iter().map(stream).collect();
        let known = self.load_suppressions(&streams).await.map_err(|error| message_error(error.into()))?;
        let reason = |stream: &String| known.get(stream).and_then(|known| known.blocks(Blocks::Bulk));
        Ok(streams.iter().map(reason).collect())
    }

    async fn send_message(
        &self,
        send: &SendMessages,
        recipient: &EmailAddress,
        held_back: Option<Reason>,
    ) -> Result<SentMessage, CommandError> {
        let recipient_key = self.index_key().stream_key(recipient).to_string();
        let cause = EventId::from_uuid(send.sending.uuid());
        let id = self.index_key().message_id(cause, send.at, &recipient_key);
        let requested = Requested {
            template: send.template.clone(),
            recipient: Sealed::Known(recipient.clone()),
            recipient_key: recipient_key.clone(),
            mailbox_provider: MailboxProvider::of_domain(recipient.domain()).as_str().to_owned(),
            provider: send.provider.to_owned(),
            cause: Cause::Api { sending: send.sending, by: send.by.clone() },
            locale: send.locale.clone(),
            data: Sealed::Known(send.data.clone()),
            opens_tracked: send.track_opens,
            clicks_tracked: false,
            send_before: None,
            at: send.at,
        };
        let requested = Box::new(requested);
        let command = match held_back {
            None => MessageCommand::Request(requested),
            Some(reason) => MessageCommand::RequestSuppressed { requested, reason: reason.of_message() },
        };
        let context = Context {
            causation: send.by.clone(),
            key: KeyChoice::Fresh { event_types: &["message.requested"], subject: recipient_key },
            ..Context::default()
        };
        let executed = self.message(id, command, context).await.map_err(message_error)?;
        let is_suppressed = if executed.events.is_empty() {
            // The call was cut off and comes again: what was decided first counts.
            let message = self.load_message(id).await.map_err(|error| message_error(error.into()))?;
            message.aggregate.is_suppressed()
        } else {
            held_back.is_some()
        };
        Ok(SentMessage { id, is_suppressed })
    }
}

/// A mail could not be asked for.
pub(super) fn message_error(error: ExecuteError<MessageRefusal>) -> CommandError {
    match error {
        ExecuteError::Log(StreamError::Append(AppendError::Conflict | AppendError::QueueFull)) => {
            CommandError::Busy { retry_after: BUSY }
        }
        error => {
            tracing::error!(%error, "a mail could not be asked for");
            CommandError::Unavailable
        }
    }
}
