//! Counts events for Prometheus as they pass in the log. Stores nothing but its checkpoint: on any number of
//! processes each event is counted by the one that reads it, so the sum over all is right.
//!
//! A batch counts once it has committed. A crash in between loses the counts of that batch, never an event of
//! anything else; what is read long after it was written is history and no volume, and is not counted.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;

use crate::database::Transaction;
use crate::domain::bounce::classify;
use crate::domain::engagement::{Sighting, Sightings};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::{Message, MessageEvent, Requested};
use crate::domain::message_engagement::MessageEngagementEvent;
use crate::domain::provider_event::Diagnostic;
use crate::event_log::{ConsumeError, Consumer, EventLog, LogEvent, RecordedEvent, StreamError, Streams};
use crate::telemetry::Metrics;

/// Mails whose labels and times are remembered.
const REMEMBERED: usize = 50_000;
/// What is read this long after it was written is history.
const HISTORY: TimeDelta = TimeDelta::hours(1);

/// Counts what passes.
pub struct Volume {
    metrics: Metrics,
    log: EventLog,
    messages: Streams<Message>,
    known: Mutex<LruCache<String, Known>>,
    /// The last batch, until it has committed.
    counted: Mutex<Vec<Count>>,
}

/// What the labels of one mail's events are made of.
#[derive(Clone)]
struct Known {
    template: String,
    provider: String,
    mailbox_provider: String,
    sent_at: Option<DateTime<Utc>>,
    is_delivered: bool,
}

/// One thing to count.
enum Count {
    Message { event: String, known: Known },
    Bounce { class: &'static str, category: &'static str },
    Engagement { kind: &'static str, actor: &'static str },
    Flow { flow: String, event: String },
    TimeToDelivered(f64),
}

impl Volume {
    /// Counts into these metrics what passes in this log.
    pub fn new(metrics: Metrics, log: EventLog) -> Self {
        let room = NonZeroUsize::new(REMEMBERED).expect("it is not zero");
        Self {
            metrics,
            messages: Streams::new(log.clone()),
            log,
            known: Mutex::new(LruCache::new(room)),
            counted: Mutex::default(),
        }
    }

    /// Remembers the mails that these events are about, and were requested before them.
    async fn recall(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        let missing: Vec<_> = {
            let known = self.known();
            let is_news = |event: &&RecordedEvent| {
                is_about_a_mail(&event.event)
                    && !matches!(event.event, LogEvent::Message(MessageEvent::Requested(_)))
                    && !known.contains(&event.stream)
            };
            events.iter().filter(is_news).map(|event| event.stream.clone()).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let loaded = self.messages.load_many(&missing).await.map_err(|error| match error {
            StreamError::Database(error) => ConsumeError::Database(error),
            other => ConsumeError::Event(other.to_string()),
        })?;
        let mut known = self.known();
        for (stream, message) in loaded {
            if let Some(requested) = message.aggregate.request() {
                known.put(stream, Known::of(requested));
            }
        }
        Ok(())
    }

    fn count(&self, event: &RecordedEvent, counts: &mut Vec<Count>) {
        let name = event.event_type.split_once('.');
        let (flow, name) = name.map_or(("", event.event_type.as_str()), |name| name);
        match &event.event {
            LogEvent::Message(message) => self.count_message(event, name, message, counts),
            LogEvent::MessageEngagement(seen) => count_sighting(seen, counts),
            LogEvent::Unknown => {}
            _ => counts.push(Count::Flow { flow: flow.to_owned(), event: name.to_owned() }),
        }
    }

    fn count_message(
        &self,
        event: &RecordedEvent,
        name: &str,
        message: &MessageEvent,
        counts: &mut Vec<Count>,
    ) {
        let mut all_known = self.known();
        if let MessageEvent::Requested(requested) = message {
            all_known.put(event.stream.clone(), Known::of(requested));
        }
        let Some(known) = all_known.get_mut(&event.stream) else { return };
        match message {
            MessageEvent::Sent { at, .. } => known.sent_at = Some(*at),
            MessageEvent::Delivered { delivery, at } => {
                known.see_exchanger(delivery.mx_host.as_deref());
                // Only the first of them counts, and only if this process saw the hand-over.
                let is_first = !std::mem::replace(&mut known.is_delivered, true);
                if let Some(sent_at) = known.sent_at.filter(|_| is_first) {
                    counts.push(Count::TimeToDelivered((*at - sent_at).as_seconds_f64()));
                }
            }
            MessageEvent::Deferred { diagnostic, .. } => known.see_failure(diagnostic, false, counts),
            MessageEvent::Bounced { diagnostic, .. } => known.see_failure(diagnostic, true, counts),
            _ => {}
        }
        counts.push(Count::Message { event: name.to_owned(), known: known.clone() });
    }

    fn known(&self) -> std::sync::MutexGuard<'_, LruCache<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consumer for Volume {
    fn name(&self) -> &'static str {
        "volume"
    }

    async fn handle(&self, events: &[RecordedEvent], _: &mut Transaction) -> Result<(), ConsumeError> {
        let since = self.log.clock().now() - HISTORY;
        let news = events.iter().filter(|event| event.metadata.recorded_at >= since);
        let mut counts = Vec::new();
        if news.clone().next().is_some() {
            self.recall(events).await?;
            news.for_each(|event| self.count(event, &mut counts));
        }
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = counts;
        Ok(())
    }

    fn committed(&self) {
        let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        for count in counted {
            match count {
                Count::Message { event, known } => {
                    let Known { template, provider, mailbox_provider, .. } = known;
                    self.metrics.message_event(&event, &template, &provider, &mailbox_provider);
                }
                Count::Bounce { class, category } => self.metrics.bounce(class, category),
                Count::Engagement { kind, actor } => self.metrics.engagement(kind, actor),
                Count::Flow { flow, event } => self.metrics.flow_event(&flow, &event),
                Count::TimeToDelivered(seconds) => self.metrics.time_to_delivered(seconds),
            }
        }
    }
}

impl Known {
    fn of(requested: &Requested) -> Self {
        Self {
            template: requested.template.clone(),
            provider: requested.provider.clone(),
            mailbox_provider: requested.mailbox_provider.clone(),
            sent_at: None,
            is_delivered: false,
        }
    }

    fn see_failure(&mut self, diagnostic: &Diagnostic, permanent: bool, counts: &mut Vec<Count>) {
        self.see_exchanger(diagnostic.text.known().and_then(|text| text.mx_host.as_deref()));
        let verdict = classify(diagnostic, permanent);
        if permanent {
            counts.push(Count::Bounce { class: verdict.class.as_str(), category: verdict.category.as_str() });
        }
    }

    /// The mail exchanger tells better than the domain who runs the mailbox.
    fn see_exchanger(&mut self, host: Option<&str>) {
        if let Some(provider) = host.and_then(MailboxProvider::of_mx_host) {
            provider.as_str().clone_into(&mut self.mailbox_provider);
        }
    }
}

fn is_about_a_mail(event: &LogEvent) -> bool {
    matches!(event, LogEvent::Message(_))
}

/// Judged by its own evidence alone: what a later event would say about it comes too late for a counter.
fn count_sighting(seen: &MessageEngagementEvent, counts: &mut Vec<Count>) {
    let (sighting, kind) = match seen {
        MessageEngagementEvent::Opened { client, at } => {
            (Sighting::open(at.timestamp_micros(), client), "open")
        }
        MessageEngagementEvent::Clicked { client, link, at } => {
            (Sighting::click(at.timestamp_micros(), client, link.as_deref()), "click")
        }
        MessageEngagementEvent::Unknown => return,
    };
    let mut sightings = Sightings::default();
    sightings.add(sighting);
    let is_machine = sightings.verdicts(None).any(|(_, rule)| rule.is_some());
    counts.push(Count::Engagement { kind, actor: if is_machine { "machine" } else { "human" } });
}
