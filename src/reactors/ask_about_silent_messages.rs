//! When nothing was heard of a mail for a while, ask the provider what became of it: webhooks get lost, when
//! nobody listened for longer than the provider tries, or when its settings point elsewhere.
//!
//! What it tells goes through the inbox like what it posts, so a webhook that comes later after all changes
//! nothing. A crash midway: it is asked again, and finds the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of_stream};
use crate::commands::Commands;
use crate::domain::id::MessageId;
use crate::domain::message::MessageEvent;
use crate::event_log::{LogEvent, RecordedEvent};
use crate::inbox::Inbox;
use crate::providers::{LookUpError, Provider};

/// When it is asked, as multiples of the first silence. With its usual 15 minutes: after an hour, six hours, 23
/// hours (the shortest that Mailgun keeps events is a day) and three days.
const AGAIN_AFTER: [u32; 5] = [1, 4, 24, 92, 288];
/// Between two questions, so that a long silence of many mails does not become a flood.
const SPACING: Duration = Duration::from_millis(200);
/// How much earlier than the hand-over the provider may have dated its events.
const EARLIER: TimeDelta = TimeDelta::minutes(5);

/// Fills in what webhooks should have told.
pub struct AskAboutSilentMessages {
    pub commands: Commands,
    pub provider: Arc<dyn Provider>,
    pub inbox: Inbox,
    /// How long nothing may be heard before the first question.
    pub silent_after: Duration,
    /// The domain of Message-ID headers.
    pub message_id_domain: String,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    message_id: MessageId,
    sent_at: DateTime<Utc>,
}

#[async_trait]
impl Reactor for AskAboutSilentMessages {
    fn kind(&self) -> &'static str {
        "ask_about_silence"
    }

    /// One question at a time.
    fn concurrency(&self) -> usize {
        1
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::Message(MessageEvent::Sent { .. }) = &event.event else { return None };
        // By the clock of whoever wrote it down: a log that is told of old mails asks about them soon.
        let sent_at = event.metadata.recorded_at;
        let payload = Payload { message_id: event.stream.parse().ok()?, sent_at };
        Some(NewWork::new(&event.stream, &payload, sent_at + self.silent_after))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let Ok(Payload { message_id, sent_at }) = work.payload() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let now = self.commands.clock().now();
        let message = match self.commands.load_message(message_id).await {
            Ok(loaded) => loaded.aggregate,
            Err(error) => return verdict_of_stream(error, work, now),
        };
        let Some(requested) = message.request().filter(|_| !message.is_reported()) else {
            return Verdict::Done;
        };
        let header = match message.provider_message_id() {
            Some(id) => id.to_owned(),
            None => self.commands.index_key().message_id_header(message_id, &self.message_id_domain),
        };
        let found = self.provider.events_of(message_id, &header, requested.at - EARLIER).await;
        tokio::time::sleep(SPACING).await;
        match found {
            Ok(events) => self.take(message_id, events, sent_at, work).await,
            Err(LookUpError::Unsupported { reason }) => {
                tracing::debug!(%message_id, %reason, "a silent mail cannot be asked about");
                Verdict::Done
            }
            Err(error @ LookUpError::Unavailable { .. }) => {
                Verdict::Later { at: now + backoff(work.attempts), why: error.to_string() }
            }
        }
    }
}

impl AskAboutSilentMessages {
    async fn take(
        &self,
        message_id: MessageId,
        events: Vec<serde_json::Map<String, serde_json::Value>>,
        sent_at: DateTime<Utc>,
        work: &Work,
    ) -> Verdict {
        let now = self.commands.clock().now();
        // That it was accepted is known: this mail was sent.
        let name = |event: &serde_json::Map<String, serde_json::Value>| {
            event.get("event").and_then(serde_json::Value::as_str).unwrap_or_default().to_lowercase()
        };
        let news: Vec<_> = events.into_iter().filter(|event| name(event) != "accepted").collect();
        if !news.is_empty() {
            tracing::info!(%message_id, events = news.len(), "the provider told of a silent mail when asked");
            if !self.inbox.take_found(news).await {
                return Verdict::Later {
                    at: now + backoff(work.attempts),
                    why: "what the provider told could not be stored".to_owned(),
                };
            }
        }
        // Whether that has settled it shows the next time.
        let next =
            AGAIN_AFTER.into_iter().map(|times| sent_at + self.silent_after * times).find(|at| *at > now);
        match next {
            Some(at) => Verdict::Later { at, why: "nothing is known of its delivery".to_owned() },
            None => Verdict::Done,
        }
    }
}
