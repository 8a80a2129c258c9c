//! Commands of the past, for a log that holds nothing yet: given in the order of their time, each decided on by its
//! aggregate as it was then, and appended many at a time. The log's clock is set to the time of each before it is
//! given.
//!
//! It remembers every stream, so it is for stories that fit into memory. Must never run beside anybody who writes:
//! states are never loaded, so it would decide on what it does not know.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::LinkPolicies;
use super::execute::{Context, choose_key, decide};
use crate::domain::email_verification::{EmailVerificationCommand, EmailVerificationEvent, Verifying};
use crate::domain::id::{CommandId, DataKeyId, MessageId};
use crate::domain::message::{Message, MessageCommand, MessageEvent};
use crate::domain::message_engagement::{MessageEngagement, MessageEngagementEvent};
use crate::domain::one_time_link::LinkRequests;
use crate::domain::password_reset::{PasswordResetCommand, PasswordResetEvent, Resetting};
use crate::domain::suppression::{Suppression, SuppressionCommand, SuppressionEvent};
use crate::event_log::append::{Append, Appended, Expected};
use crate::event_log::sealing::SecretBytes;
use crate::event_log::{AppendError, EventLog, Loaded, Stream, Streams};

/// Why history could not be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The rules do not allow a command at its place.
    #[error("what is told does not fit together: {0}")]
    Refused(String),
    /// It was not written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Somebody else wrote meanwhile, or before.
    #[error("somebody else writes to this log")]
    NotAlone,
}

/// The write side of an empty log, for what has happened before.
pub struct History {
    log: EventLog,
    policies: LinkPolicies,
    resets: Known<LinkRequests<Resetting>>,
    verifications: Known<LinkRequests<Verifying>>,
    messages: Known<Message>,
    engagements: Known<MessageEngagement>,
    suppressions: Known<Suppression>,
    desk: Desk,
}

/// The streams of one kind, as they stand after what was told.
struct Known<A> {
    streams: Streams<A>,
    by_id: HashMap<String, Loaded<A>>,
}

/// What all kinds share.
#[derive(Default)]
struct Desk {
    /// Keys that were made here; the log forgets them after a while.
    secrets: HashMap<DataKeyId, SecretBytes>,
    waiting: Vec<Append>,
    told: i64,
}

impl History {
    /// For this log.
    pub fn new(log: EventLog, policies: LinkPolicies) -> Self {
        Self {
            policies,
            resets: Known::new(&log),
            verifications: Known::new(&log),
            messages: Known::new(&log),
            engagements: Known::new(&log),
            suppressions: Known::new(&log),
            desk: Desk::default(),
            log,
        }
    }

    /// A command to the resets of one address; answers what came of it.
    pub async fn reset(
        &mut self,
        stream: &str,
        command: PasswordResetCommand,
        context: Context,
    ) -> Result<Vec<PasswordResetEvent>, HistoryError> {
        self.desk.tell(&mut self.resets, &self.policies.resets, stream, command, context, &self.log).await
    }

    /// A command to the verifications of one address.
    pub async fn verification(
        &mut self,
        stream: &str,
        command: EmailVerificationCommand,
        context: Context,
    ) -> Result<Vec<EmailVerificationEvent>, HistoryError> {
        let policy = &self.policies.verifications;
        self.desk.tell(&mut self.verifications, policy, stream, command, context, &self.log).await
    }

    /// A command to one mail.
    pub async fn message(
        &mut self,
        id: MessageId,
        command: MessageCommand,
        context: Context,
    ) -> Result<Vec<MessageEvent>, HistoryError> {
        self.desk.tell(&mut self.messages, &(), &id.to_string(), command, context, &self.log).await
    }

    /// A fact about the reading of one mail.
    pub async fn engagement(
        &mut self,
        id: MessageId,
        observed: MessageEngagementEvent,
        context: Context,
    ) -> Result<Vec<MessageEngagementEvent>, HistoryError> {
        self.desk.tell(&mut self.engagements, &(), &id.to_string(), observed, context, &self.log).await
    }

    /// A command about what one address gets.
    pub async fn suppression(
        &mut self,
        stream: &str,
        command: SuppressionCommand,
        context: Context,
    ) -> Result<Vec<SuppressionEvent>, HistoryError> {
        self.desk.tell(&mut self.suppressions, &(), stream, command, context, &self.log).await
    }

    /// The key that the newest events of an address's resets are sealed under.
    pub fn key_of_reset(&self, stream: &str) -> Option<DataKeyId> {
        self.resets.by_id.get(stream)?.data_key
    }

    /// The same of its verifications.
    pub fn key_of_verification(&self, stream: &str) -> Option<DataKeyId> {
        self.verifications.by_id.get(stream)?.data_key
    }

    /// The key that one mail's events are sealed under.
    pub fn key_of_message(&self, id: MessageId) -> Option<DataKeyId> {
        self.messages.by_id.get(&id.to_string())?.data_key
    }

    /// Writes what was told since the last time; answers the number of events in the log.
    pub async fn write(&mut self) -> Result<i64, HistoryError> {
        let waiting = std::mem::take(&mut self.desk.waiting);
        let appended = join_all(waiting.into_iter().map(|append| self.log.append(append))).await;
        for outcome in appended {
            if !matches!(outcome?, Appended::Stored { .. }) {
                return Err(HistoryError::NotAlone);
            }
        }
        match self.log.last_position().await {
            Ok(last) if last == self.desk.told => Ok(last),
            Ok(_) => Err(HistoryError::NotAlone),
            Err(error) => Err(AppendError::Transient(error.to_string()).into()),
        }
    }
}

impl<A: Stream> Known<A> {
    fn new(log: &EventLog) -> Self {
        Self { streams: Streams::new(log.clone()), by_id: HashMap::new() }
    }
}

impl Desk {
    async fn tell<A>(
        &mut self,
        known: &mut Known<A>,
        services: &A::Services,
        stream: &str,
        command: A::Command,
        context: Context,
        log: &EventLog,
    ) -> Result<Vec<A::Event>, HistoryError>
    where
        A: Stream,
        A::Command: Clone,
    {
        let Known { streams, by_id } = known;
        let loaded = by_id.entry(stream.to_owned()).or_insert_with(|| Loaded::empty(stream));
        let events = decide(loaded, &command, services).await;
        let events = events.map_err(|refusal| HistoryError::Refused(refusal.to_string()))?;
        if events.is_empty() && context.beside.is_empty() {
            return Ok(events);
        }
        choose_key(streams, &context.key, &events, loaded);
        loaded.beside = context.beside;
        if let Some(new) = &loaded.new_data_key {
            self.secrets.insert(new.id, new.secret.clone());
        }
        let secret = loaded.data_key.and_then(|id| self.secrets.get(&id).cloned());
        let command_id = CommandId::from_uuid(log.clock().uuid());
        let (append, _) = streams.prepare_append(&events, loaded, secret, command_id, &context.causation);
        // Nobody else writes, so what comes next in a stream is next in the log, also within one batch.
        self.waiting.push(Append { expected: Expected::Any, ..append });
        self.told += i64::try_from(events.len()).unwrap_or(i64::MAX);
        Ok(events)
    }
}
