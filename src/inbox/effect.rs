//! What a provider's event does to our message: one command, one effect key.

use super::store::Source;
use crate::commands::{Commands, Context, ExecuteError};
use crate::domain::id::{DataKeyId, MessageId, WebhookId};
use crate::domain::message::MessageCommand;
use crate::domain::message_engagement::MessageEngagementEvent;
use crate::domain::provider_event::{ProviderEvent, ProviderEventKind as Kind};

/// Why an event had no effect.
pub enum NoEffect {
    /// It is kept, with this outcome and reason.
    Kept(&'static str, String),
    /// The log failed; it will be tried again.
    Later(String),
}

/// What an event asks of the log.
pub enum Effect {
    Message(MessageCommand),
    Engagement(MessageEngagementEvent),
}

impl Effect {
    /// The command that the event stands for; the name of the event, if it is of a kind not known here.
    pub fn of(event: ProviderEvent) -> Result<Self, String> {
        let at = event.at;
        Ok(Self::Message(match event.kind {
            Kind::Opened(client) => {
                return Ok(Self::Engagement(MessageEngagementEvent::Opened { client, at }));
            }
            Kind::Clicked { client, link } => {
                return Ok(Self::Engagement(MessageEngagementEvent::Clicked { client, link, at }));
            }
            Kind::Accepted => {
                MessageCommand::RecordAccepted { provider_message_id: event.provider_message_id, at }
            }
            Kind::Delivered(delivery) => MessageCommand::RecordDelivered { delivery, at },
            Kind::Deferred(diagnostic) => MessageCommand::RecordDeferred { diagnostic, at },
            Kind::Bounced { diagnostic, delayed } => {
                MessageCommand::RecordBounced { diagnostic, delayed, at }
            }
            Kind::Suppressed { reason, diagnostic } => {
                MessageCommand::RecordSuppressed { reason, diagnostic, at }
            }
            Kind::Rejected { reason } => MessageCommand::RecordRejected { reason, at },
            Kind::Complained => MessageCommand::RecordComplained { at },
            Kind::Unsubscribed => MessageCommand::RecordUnsubscribed { at },
            Kind::Unknown(name) => return Err(name),
        }))
    }
}

/// What comes with that command: the webhook is settled in the same transaction.
pub fn context(
    webhook: WebhookId,
    message_id: MessageId,
    data_key: Option<DataKeyId>,
    event: &ProviderEvent,
) -> Context {
    Context::settling(webhook, message_id, effect_key(message_id, event), data_key)
}

/// Gives the command that the event stands for, and settles the webhook in the same transaction.
pub async fn take(
    commands: &Commands,
    (webhook, source): (WebhookId, Source),
    message_id: MessageId,
    data_key: Option<DataKeyId>,
    event: ProviderEvent,
) -> Result<(), NoEffect> {
    let context = context(webhook, message_id, data_key, &event);
    let context = match source {
        Source::Webhook => context,
        // Whoever reads the log sees that nobody posted it.
        Source::EventsApi => Context { causation: format!("events_api:{webhook}"), ..context },
    };
    match Effect::of(event) {
        Ok(Effect::Message(command)) => {
            outcome_of(commands.message(message_id, command, context).await.map(|_| ()))
        }
        Ok(Effect::Engagement(observed)) => {
            outcome_of(commands.engagement(message_id, observed, context).await.map(|_| ()))
        }
        Err(name) => Err(NoEffect::Kept("unknown", format!("an event of a kind not known here: {name}"))),
    }
}

/// The provider's id of an event is unique for a day only, so its kind, its message and its time belong to
/// the key too.
fn effect_key(message_id: MessageId, event: &ProviderEvent) -> String {
    format!("mailgun:{}:{}:{message_id}:{}", event.event_id, event.kind.name(), event.at.timestamp_micros())
}

fn outcome_of<R: std::error::Error>(outcome: Result<(), ExecuteError<R>>) -> Result<(), NoEffect> {
    match outcome {
        Ok(()) => Ok(()),
        Err(ExecuteError::Refused(refusal)) => Err(NoEffect::Kept("unmatched", refusal.to_string())),
        Err(error) if error.is_transient() => Err(NoEffect::Later(error.to_string())),
        Err(error) => Err(NoEffect::Kept("failed", error.to_string())),
    }
}
