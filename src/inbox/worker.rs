//! Stored webhooks into commands, in batches: many streams loaded in one query, appended in one statement
//! that also settles the webhooks.
//!
//! A crash midway: a webhook is settled in the transaction of its effect, so what was not settled had none
//! and is taken up again when its lease is over.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::Inbox;
use super::effect::{self, NoEffect};
use super::store::{self, Kept, Pending, Source};
use crate::commands::{Commands, KnownMessage};
use crate::database::{Database, DatabaseError};
use crate::domain::address::EmailAddress;
use crate::domain::id::{DataKeyId, MessageId, WebhookId};
use crate::domain::provider_event::{ProviderEvent, ProviderEventKind};
use crate::providers::mailgun;

const BATCH: usize = 256;
/// Without a hint the worker looks again after this time.
const POLL: Duration = Duration::from_millis(250);
/// After a failure of the log a webhook is tried again after this, doubled each time.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);
/// Why an event has no effect that names a message which is not here.
pub(super) const NOT_OURS: &str = "it names a message that is not ours";
/// Tries before a webhook is kept as failed, for an operator to replay.
const TRIES: u32 = 12;

/// Understands what the inbox holds.
pub struct InboxWorker {
    database: Database,
    inbox: Inbox,
    commands: Commands,
}

type Messages = HashMap<MessageId, KnownMessage>;

/// What became of one webhook.
enum Outcome {
    Settled,
    Kept(Kept),
    Later(WebhookId, u32),
}

/// A webhook in our words.
struct Understood {
    id: WebhookId,
    source: Source,
    attempts: u32,
    event: ProviderEvent,
    message_id: Option<MessageId>,
}

impl InboxWorker {
    /// For this inbox.
    pub fn new(database: Database, inbox: Inbox, commands: Commands) -> Self {
        Self { database, inbox, commands }
    }

    /// Works until told to stop; a batch under way is finished.
    pub async fn run(self, stop: CancellationToken) {
        let mut received = self.inbox.received();
        while !stop.is_cancelled() {
            match self.work().await {
                Ok(0) => {
                    let hint = tokio::time::timeout(POLL, received.changed());
                    stop.run_until_cancelled(hint).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the inbox cannot be worked on");
                    stop.run_until_cancelled(tokio::time::sleep(POLL * 4)).await;
                }
            }
        }
    }

    /// Takes one batch; answers how many webhooks it held.
    pub async fn work(&self) -> Result<usize, DatabaseError> {
        let now = self.commands.clock().now();
        let pending = store::claim(&self.database, BATCH, now).await?;
        let count = pending.len();
        let mut understood = Vec::with_capacity(count);
        let mut kept = Vec::new();
        for webhook in pending {
            match self.understand(webhook).await {
                Ok(webhook) => understood.push(webhook),
                Err(why) => kept.push(why),
            }
        }
        let ids: Vec<_> = understood.iter().filter_map(|webhook| webhook.message_id).collect();
        let messages = match self.commands.load_messages(&ids).await {
            Ok(messages) => messages,
            Err(error) => {
                tracing::warn!(%error, "messages cannot be loaded, their webhooks are tried again later");
                let ids: Vec<_> = understood.iter().map(|webhook| webhook.id).collect();
                store::put_off(&self.database, &ids, now + FIRST_PAUSE).await?;
                understood.clear();
                HashMap::new()
            }
        };
        let mut put_off = Vec::new();
        for outcome in join_all(understood.into_iter().map(|webhook| self.take(webhook, &messages))).await {
            match outcome {
                Outcome::Settled => {}
                Outcome::Kept(why) => kept.push(why),
                Outcome::Later(id, attempts) => put_off.push((id, attempts)),
            }
        }
        self.keep(kept, &mut put_off).await?;
        for (id, attempts) in put_off {
            let pause = FIRST_PAUSE * (1 << attempts.min(8));
            store::put_off(&self.database, &[id], now + pause).await?;
        }
        Ok(count)
    }

    /// Keeps what had no effect. One that cannot be kept must not hold up the others.
    async fn keep(&self, kept: Vec<Kept>, put_off: &mut Vec<(WebhookId, u32)>) -> Result<(), DatabaseError> {
        match store::keep(&self.database, &kept).await {
            Err(error) if !error.is_transient() => {}
            kept => return kept,
        }
        for kept in kept {
            if let Err(error) = store::keep(&self.database, std::slice::from_ref(&kept)).await {
                tracing::error!(webhook = %kept.id, %error, "a webhook's reason could not be kept");
                put_off.push((kept.id, TRIES));
            }
        }
        Ok(())
    }

    /// Opens, translates, and finds which message it names.
    async fn understand(&self, webhook: Pending) -> Result<Understood, Kept> {
        let Pending { id, source, body, wrapped_key, attempts } = webhook;
        let keep =
            |outcome, reason: &str| Kept { id, outcome, reason: reason.to_owned(), recipient_key: None };
        let plain = wrapped_key
            .and_then(|key| self.inbox.inner.sealer.open(id, &body, &key))
            .ok_or_else(|| keep("failed", "its body cannot be opened"))?;
        let event_data = mailgun::event_data(&plain).ok_or_else(|| keep("malformed", "it has no event"))?;
        let event = mailgun::translate(&event_data).map_err(|error| keep("malformed", &error.to_string()))?;
        let message_id = match (event.delivery_id, &event.provider_message_id) {
            (Some(message_id), _) => Some(message_id),
            // What fails here is looked up again when the event is taken.
            (None, Some(header)) => self.commands.find_message(header).await.ok().flatten(),
            (None, None) => None,
        };
        Ok(Understood { id, source, attempts, event, message_id })
    }

    async fn take(&self, webhook: Understood, messages: &Messages) -> Outcome {
        let Understood { id, source, attempts, event, message_id } = webhook;
        let recipient = event.recipient.as_deref().and_then(|text| EmailAddress::parse(text).ok());
        let recipient_key =
            recipient.as_ref().map(|address| self.commands.index_key().stream_key(address).to_string());
        let taken = match check(&event, message_id, recipient_key.as_deref(), messages) {
            Ok((message_id, data_key)) => {
                effect::take(&self.commands, (id, source), message_id, data_key, event).await
            }
            Err(reason) => Err(reason),
        };
        match taken {
            Ok(()) => Outcome::Settled,
            Err(NoEffect::Kept(outcome, reason)) => {
                Outcome::Kept(Kept { id, outcome, reason, recipient_key })
            }
            Err(NoEffect::Later(reason)) if attempts >= TRIES => {
                Outcome::Kept(Kept { id, outcome: "failed", reason, recipient_key })
            }
            Err(NoEffect::Later(reason)) => {
                tracing::warn!(webhook = %id, attempts, %reason, "a webhook is tried again later");
                Outcome::Later(id, attempts)
            }
        }
    }
}

/// Whether the event is about a message of ours and agrees with it in everything that both know.
fn check(
    event: &ProviderEvent,
    message_id: Option<MessageId>,
    recipient_key: Option<&str>,
    messages: &Messages,
) -> Result<(MessageId, Option<DataKeyId>), NoEffect> {
    let unmatched = |reason: &str| NoEffect::Kept("unmatched", reason.to_owned());
    if event.is_test_mode {
        return Err(NoEffect::Kept("ignored", "sent in the provider's test mode".to_owned()));
    }
    if let ProviderEventKind::Unknown(name) = &event.kind {
        return Err(NoEffect::Kept("unknown", format!("an event of a kind not known here: {name}")));
    }
    let message_id = message_id.ok_or_else(|| {
        unmatched(match recipient_key {
            Some(_) => "it names a recipient, but no message of ours",
            None => "it names no message",
        })
    })?;
    let message = messages.get(&message_id);
    let not_ours = || unmatched(NOT_OURS);
    let (message, requested) =
        message.and_then(|message| Some((message, message.state.request()?))).ok_or_else(not_ours)?;
    // An event that names its message by nothing but a copied id must still be about its recipient. Only
    // `rejected` comes without one.
    let names_nobody = event.recipient.is_none() && matches!(event.kind, ProviderEventKind::Rejected { .. });
    if recipient_key != Some(&requested.recipient_key) && !names_nobody {
        return Err(unmatched("its recipient is not the message's"));
    }
    match (message.state.provider_message_id(), &event.provider_message_id) {
        (Some(ours), Some(theirs)) if ours != theirs => Err(unmatched("its Message-ID is not the message's")),
        _ => Ok((message_id, message.data_key)),
    }
}
