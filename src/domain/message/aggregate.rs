//! The state that decisions about one mail need, the decisions, and how events change the state.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::command::{MessageCommand as Command, MessageRefusal as Refusal};
use super::event::{MessageEvent as Event, Requested, SuppressedBy};
use crate::domain::provider_event::SuppressionReason;
use crate::domain::sealed::Sealed;

/// One mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    request: Option<Box<Requested>>,
    hand_over: HandOver,
    provider_message_id: Option<String>,
    attempts: u32,
    is_reported: bool,
    suppressed: bool,
    newer_code: bool,
}

/// How far the mail has come on its way to the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum HandOver {
    /// Not tried yet, or every try definitely failed.
    #[default]
    Waiting,
    /// The provider was called and nobody knows yet what came of it.
    Unknown { since: DateTime<Utc> },
    /// The provider has it.
    Done,
    /// It will not be handed over: refused, bounced, suppressed or canceled.
    Ended,
}

impl Message {
    /// What was asked for; none if the mail is not ours.
    pub fn request(&self) -> Option<&Requested> {
        self.request.as_deref()
    }

    /// How far it has come.
    pub fn hand_over(&self) -> HandOver {
        self.hand_over
    }

    /// The provider's Message-ID, once known.
    pub fn provider_message_id(&self) -> Option<&str> {
        self.provider_message_id.as_deref()
    }

    /// Calls to the provider so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether it is known what became of it after the hand-over.
    pub fn is_reported(&self) -> bool {
        self.is_reported
    }

    /// Whether we suppressed it.
    pub fn is_suppressed(&self) -> bool {
        self.suppressed
    }

    /// The rules: which events a command leads to, or why it is refused. No events: nothing to do.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        if self.newer_code {
            return Err(Refusal::NewerCode);
        }
        if let Command::Request(requested) | Command::RequestSuppressed { requested, .. } = &command
            && self.request.is_none()
        {
            let mut events = vec![Event::Requested(*requested.clone())];
            if let Command::RequestSuppressed { reason, .. } = command {
                events.push(suppressed_by_us(reason, requested.at));
            }
            return Ok(events);
        }
        if self.request.is_none() {
            return Err(Refusal::NoSuchMessage);
        }
        Ok(vec![match command {
            // The first word counts.
            Command::Request(_) | Command::RequestSuppressed { .. } => return Ok(vec![]),
            Command::Suppress { reason, at } => match self.hand_over {
                HandOver::Waiting => suppressed_by_us(reason, at),
                HandOver::Ended => return Ok(vec![]),
                HandOver::Unknown { .. } | HandOver::Done => return Err(Refusal::Settled),
            },
            Command::Cancel { reason, at } => match self.hand_over {
                HandOver::Waiting => Event::Canceled { reason, at },
                HandOver::Ended => return Ok(vec![]),
                HandOver::Unknown { .. } | HandOver::Done => return Err(Refusal::Settled),
            },
            Command::RecordCalling { at } => match self.hand_over {
                HandOver::Waiting | HandOver::Unknown { .. } => {
                    Event::Calling { attempt: self.attempts + 1, at }
                }
                HandOver::Done | HandOver::Ended => return Err(Refusal::Settled),
            },
            Command::RecordSent { attempt, provider_message_id, reply, at } => {
                if self.provider_message_id.is_some() {
                    return Ok(vec![]);
                }
                Event::Sent { attempt, provider_message_id, reply: reply.map(Sealed::Known), at }
            }
            Command::RecordAccepted { provider_message_id, at } => match provider_message_id {
                Some(provider_message_id) if self.provider_message_id.is_none() => {
                    Event::Sent { attempt: self.attempts, provider_message_id, reply: None, at }
                }
                _ => return Ok(vec![]),
            },
            Command::RecordSendFailed { attempt, error, ambiguous, retry_at, at } => match self.hand_over {
                HandOver::Unknown { .. } | HandOver::Waiting => {
                    Event::SendFailed { attempt, error, ambiguous, retry_at, at }
                }
                HandOver::Done | HandOver::Ended => return Ok(vec![]),
            },
            Command::RecordCallDeferred { attempt, diagnostic, at } => match self.hand_over {
                HandOver::Unknown { .. } | HandOver::Waiting => {
                    Event::Deferred { diagnostic, at_hand_over: Some(attempt), at }
                }
                HandOver::Done | HandOver::Ended => return Ok(vec![]),
            },
            Command::RecordCallBounced { attempt, diagnostic, at } => match self.hand_over {
                HandOver::Unknown { .. } | HandOver::Waiting => {
                    Event::Bounced { diagnostic, delayed: false, at_hand_over: Some(attempt), at }
                }
                HandOver::Done | HandOver::Ended => return Ok(vec![]),
            },
            Command::RecordRejected { reason, at } => match self.hand_over {
                HandOver::Waiting | HandOver::Unknown { .. } => Event::Rejected { reason, at },
                HandOver::Done | HandOver::Ended => return Ok(vec![]),
            },
            Command::RecordDeferred { diagnostic, at } => {
                Event::Deferred { diagnostic, at_hand_over: None, at }
            }
            Command::RecordDelivered { delivery, at } => Event::Delivered { delivery, at },
            Command::RecordBounced { diagnostic, delayed, at } => {
                Event::Bounced { diagnostic, delayed, at_hand_over: None, at }
            }
            Command::RecordSuppressed { reason, diagnostic, at } => {
                Event::Suppressed { by: SuppressedBy::Provider, reason, diagnostic: Some(diagnostic), at }
            }
            Command::RecordComplained { at } => Event::Complained { at },
            Command::RecordUnsubscribed { at } => Event::Unsubscribed { at },
        }])
    }

    /// Changes the state by one event. Total: whatever the log holds, this takes it.
    fn fold(&mut self, event: Event) {
        match event {
            Event::Requested(requested) => self.request = Some(Box::new(requested)),
            Event::Calling { attempt, at } => {
                self.attempts = self.attempts.max(attempt);
                if matches!(self.hand_over, HandOver::Waiting | HandOver::Unknown { .. }) {
                    self.hand_over = HandOver::Unknown { since: at };
                }
            }
            Event::Sent { provider_message_id, .. } => {
                self.provider_message_id.get_or_insert(provider_message_id);
                self.hand_over = HandOver::Done;
            }
            // What an earlier attempt came to says nothing about the one under way.
            Event::SendFailed { attempt, ambiguous: false, .. }
            | Event::Deferred { at_hand_over: Some(attempt), .. } => {
                let is_open = matches!(self.hand_over, HandOver::Unknown { .. });
                if is_open && attempt == self.attempts {
                    self.hand_over = HandOver::Waiting;
                }
            }
            Event::SendFailed { ambiguous: true, .. } => {}
            Event::Suppressed { by: SuppressedBy::Us, .. } => {
                self.suppressed = true;
                self.end();
            }
            Event::Rejected { .. }
            | Event::Bounced { at_hand_over: Some(_), .. }
            | Event::Canceled { .. } => self.end(),
            Event::Deferred { .. } => self.hand_over = HandOver::Done,
            // Whatever the provider reports proves that it has the message.
            Event::Suppressed { by: SuppressedBy::Provider, .. }
            | Event::Delivered { .. }
            | Event::Bounced { .. }
            | Event::Complained { .. }
            | Event::Unsubscribed { .. } => {
                self.hand_over = HandOver::Done;
                self.is_reported = true;
            }
            Event::Unknown => self.newer_code = true,
        }
    }

    fn end(&mut self) {
        if self.hand_over != HandOver::Done {
            self.hand_over = HandOver::Ended;
        }
    }
}

fn suppressed_by_us(reason: SuppressionReason, at: DateTime<Utc>) -> Event {
    Event::Suppressed { by: SuppressedBy::Us, reason, diagnostic: None, at }
}

impl Aggregate for Message {
    const TYPE: &'static str = "message";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.fold(event);
    }
}
