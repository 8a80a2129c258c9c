//! The only door to the write side: a command goes to its stream, is decided on, and what was decided is in
//! the log when the call returns.
//!
//! Commands run in tasks of their own, so that a client that hangs up cuts nothing. Conflicts are decided
//! again; what stays busy is an error that says when to come back. Must never read a projection.

mod client_limit;
mod email_verifications;
mod execute;
mod history;
mod links;
mod password_resets;
mod sending;
mod support;
mod suppressions;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

pub use client_limit::{Admitted, Client, ClientLimit};
pub use email_verifications::{RequestVerification, UsableVerification};
pub use execute::{Context, ExecuteError, Executed, KeyChoice};
pub use history::{History, HistoryError};
pub use links::{LinkAccepted, LinkPolicies, LinkStreamsOf, TokenError, UsableLink};
pub use password_resets::{RequestReset, UsableReset};
pub use sending::{SendMessages, SentMessage};
pub use support::SupportError;

use crate::clock::Clock;
use crate::domain::address::EmailAddress;
use crate::domain::id::{DataKeyId, MessageId};
use crate::domain::keys::{IndexKey, RootKeys};
use crate::domain::message::{Message, MessageCommand, MessageRefusal};
use crate::domain::message_engagement::{
    MessageEngagement, MessageEngagementEvent, MessageEngagementRefusal,
};
use crate::domain::suppression::Suppression;
use crate::event_log::{EventLog, Loaded, StreamError, Streams};
use execute::{StreamLocks, execute};
use links::AllLinks;

/// Why a command of a client was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The client has used up its requests.
    #[error("too many requests, come back in {retry_after} s")]
    TooManyRequests {
        /// Seconds.
        retry_after: u64,
        /// Requests per hour.
        limit: u32,
    },
    /// Too much is going on; nothing was done.
    #[error("busy, come back in {retry_after} s")]
    Busy {
        /// Seconds.
        retry_after: u64,
    },
    /// The log cannot be written, or its answer was lost.
    #[error("the log is not available")]
    Unavailable,
}

/// A mail as its stream tells it.
pub struct KnownMessage {
    /// Empty if the mail is not ours.
    pub state: Message,
    /// The key that its personal data are sealed under.
    pub data_key: Option<DataKeyId>,
}

/// The write side. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    inner: Arc<Inner>,
}

struct Inner {
    log: EventLog,
    clock: Arc<dyn Clock>,
    roots: RootKeys,
    links: AllLinks,
    messages: Streams<Message>,
    engagements: Streams<MessageEngagement>,
    suppressions: Streams<Suppression>,
    locks: StreamLocks,
    client_limit: ClientLimit,
    tasks: TaskTracker,
}

impl Commands {
    /// The write side of this log. Commands under way are tracked by `tasks`.
    pub fn new(
        log: EventLog,
        clock: Arc<dyn Clock>,
        roots: RootKeys,
        policies: LinkPolicies,
        requests_per_client_and_hour: u32,
        tasks: TaskTracker,
    ) -> Self {
        let inner = Inner {
            links: AllLinks::new(&log, policies),
            messages: Streams::new(log.clone()),
            engagements: Streams::new(log.clone()),
            suppressions: Streams::new(log.clone()),
            locks: StreamLocks::default(),
            client_limit: ClientLimit::new(requests_per_client_and_hour),
            log,
            clock,
            roots,
            tasks,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The key of hashes and derived ids.
    pub fn index_key(&self) -> &IndexKey {
        self.inner.log.keyring().index()
    }

    /// The keys that tokens are derived from.
    pub fn root_keys(&self) -> &RootKeys {
        &self.inner.roots
    }

    /// The clock that commands are dated by.
    pub fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    /// Lets a request of this client through, or says when to come back. Asked before anything that costs.
    pub async fn admit(&self, client: &Client) -> Result<Admitted<'_>, CommandError> {
        self.inner.client_limit.admit(&self.inner.log, client, self.inner.clock.now()).await
    }

    /// A command to one mail.
    pub async fn message(
        &self,
        message_id: MessageId,
        command: MessageCommand,
        context: Context,
    ) -> Result<Executed<Message>, ExecuteError<MessageRefusal>> {
        let (inner, stream) = (Arc::clone(&self.inner), message_id.to_string());
        self.run(async move {
            execute(&inner.messages, &(), &inner.locks, inner.clock.as_ref(), &stream, command, context).await
        })
        .await
    }

    /// A fact about the reading of one mail.
    pub async fn engagement(
        &self,
        message_id: MessageId,
        observed: MessageEngagementEvent,
        context: Context,
    ) -> Result<Executed<MessageEngagement>, ExecuteError<MessageEngagementRefusal>> {
        let (inner, stream) = (Arc::clone(&self.inner), message_id.to_string());
        self.run(async move {
            execute(&inner.engagements, &(), &inner.locks, inner.clock.as_ref(), &stream, observed, context)
                .await
        })
        .await
    }

    /// One mail as it stands now, whoever wrote last.
    pub async fn load_message(&self, message_id: MessageId) -> Result<Loaded<Message>, StreamError> {
        self.inner.messages.reload(&message_id.to_string()).await
    }

    /// Many mails, as this process remembers them, else as they are stored: one query for all that are not
    /// remembered. Commands to them load nothing afterwards.
    pub async fn load_messages(
        &self,
        message_ids: &[MessageId],
    ) -> Result<HashMap<MessageId, KnownMessage>, StreamError> {
        let streams: Vec<_> = message_ids.iter().map(MessageId::to_string).collect();
        let loaded = self.inner.messages.load_many(&streams).await?;
        let known =
            |loaded: Loaded<Message>| KnownMessage { state: loaded.aggregate, data_key: loaded.data_key };
        Ok(loaded.into_iter().filter_map(|(id, message)| Some((id.parse().ok()?, known(message)))).collect())
    }

    /// Whom a mail is for: `None` if it is not ours, `Some(None)` once the recipient was erased.
    pub async fn recipient_of(
        &self,
        message_id: MessageId,
    ) -> Result<Option<Option<EmailAddress>>, CommandError> {
        let loaded = self.load_message(message_id).await.map_err(|error| {
            tracing::error!(%message_id, %error, "a mail cannot be loaded");
            CommandError::Unavailable
        })?;
        Ok(loaded.aggregate.request().map(|requested| requested.recipient.known().cloned()))
    }

    /// The mail that a provider knows by this Message-ID.
    pub async fn find_message(&self, provider_message_id: &str) -> Result<Option<MessageId>, StreamError> {
        Ok(self.inner.log.find_message(provider_message_id).await?)
    }

    /// Forgets what was sealed under this key, for ever.
    pub async fn forget_data_key(&self, key: DataKeyId) -> Result<(), StreamError> {
        Ok(self.inner.log.forget_data_key(key).await?)
    }

    /// Runs to its end whatever becomes of the caller.
    async fn run<T: Send + 'static, E: From<StreamError> + Send + 'static>(
        &self,
        command: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E> {
        match self.inner.tasks.spawn(command).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let lost = crate::event_log::AppendError::Ambiguous(error.to_string());
                Err(StreamError::from(lost).into())
            }
        }
    }
}
