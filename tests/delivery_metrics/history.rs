//! Histories told in few words, and the desk that folds them.

use std::sync::Arc;

use backstamp::clock::FixedClock;
use backstamp::database::scratch::Scratch;
use backstamp::domain::address::EmailAddress;
use backstamp::domain::bounce::Category;
use backstamp::domain::id::{AccountId, CommandId, EventId, MessageId, RequestId};
use backstamp::domain::mailbox_provider::MailboxProvider;
use backstamp::domain::message::{Cause, MessageEvent, Requested, SuppressedBy};
use backstamp::domain::message_engagement::MessageEngagementEvent;
use backstamp::domain::one_time_link::{Completion, VisitKind};
use backstamp::domain::password_reset::{PasswordResetEvent, Resetting};
use backstamp::domain::provider_event::{Client, Delivery, Diagnostic, DiagnosticText, SuppressionReason};
use backstamp::domain::sealed::Sealed;
use backstamp::event_log::{LogEvent, Metadata, RecordedEvent};
use backstamp::projections;
use backstamp::queries::{DeliveryQuery, Dimension, Interval, Queries, Settings};
use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use uuid::Uuid;

pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// A time of the worked day, as `10:00:01`, or any other in full.
pub fn at(time: &str) -> DateTime<Utc> {
    let time_of_day = || format!("2026-01-05T{time}Z").parse();
    time.parse().or_else(|_| time_of_day()).expect("a time")
}

pub fn message_id(number: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(number))
}

pub fn request_id(number: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(number))
}

/// Events in the order in which they are told.
#[derive(Clone, Default)]
pub struct History(Vec<(String, &'static str, LogEvent)>);

/// One mail to tell about.
pub struct Mail<'a> {
    history: &'a mut History,
    number: u128,
}

impl History {
    pub fn mail(&mut self, number: u128) -> Mail<'_> {
        Mail { history: self, number }
    }

    pub fn tell(&mut self, stream: &str, causation: &'static str, event: LogEvent) {
        self.0.push((stream.to_owned(), causation, event));
    }

    pub fn doubled(&self) -> Self {
        Self(self.0.iter().flat_map(|event| [event.clone(), event.clone()]).collect())
    }

    pub fn reversed(&self) -> Self {
        Self(self.0.iter().rev().cloned().collect())
    }

    /// The same order for the same seed.
    pub fn shuffled(&self, seed: u64) -> Self {
        let mut events = self.0.clone();
        let mut state = seed;
        for last in (1..events.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            events.swap(last, (state >> 33) as usize % (last + 1));
        }
        Self(events)
    }

    /// As the log holds it: positions without a gap.
    pub fn recorded(&self) -> Vec<RecordedEvent> {
        self.0
            .iter()
            .zip(1_i64..)
            .map(|((stream, causation, event), position)| RecordedEvent {
                position,
                stream: stream.clone(),
                sequence: position,
                event_type: match event {
                    LogEvent::PasswordReset(event) => event.event_type(),
                    LogEvent::EmailVerification(event) => event.event_type(),
                    LogEvent::Message(event) => event.event_type(),
                    LogEvent::MessageEngagement(event) => event.event_type(),
                    LogEvent::Suppression(event) => event.event_type(),
                    LogEvent::Unknown => "unknown".into(),
                },
                event: event.clone(),
                metadata: Metadata {
                    event_id: EventId::from_uuid(Uuid::from_u128(position as u128)),
                    command_id: CommandId::from_uuid(Uuid::from_u128(position as u128)),
                    causation: (*causation).to_owned(),
                    data_key: None,
                    recorded_at: at("12:00:00"),
                },
            })
            .collect()
    }
}

impl Mail<'_> {
    fn message(self, causation: &'static str, event: MessageEvent) -> Self {
        self.history.tell(&message_id(self.number).to_string(), causation, LogEvent::Message(event));
        self
    }

    fn reading(self, event: MessageEngagementEvent) -> Self {
        let stream = message_id(self.number).to_string();
        self.history.tell(&stream, "whk_1", LogEvent::MessageEngagement(event));
        self
    }

    pub fn requested(self, template: &str, recipient: &str, time: &str) -> Self {
        self.requested_with(template, recipient, at(time), true)
    }

    pub fn requested_with(self, template: &str, recipient: &str, at: DateTime<Utc>, tracked: bool) -> Self {
        let address = EmailAddress::parse(recipient).expect("an address");
        let requested = Requested {
            template: template.into(),
            recipient_key: format!("key of {recipient}"),
            mailbox_provider: MailboxProvider::of_domain(address.domain()).as_str().into(),
            recipient: address.into(),
            provider: "mailgun".into(),
            cause: Cause::PasswordReset { request_id: request_id(self.number), stream: "stream".into() },
            locale: None,
            data: Sealed::Known(serde_json::Map::new()),
            opens_tracked: tracked,
            clicks_tracked: tracked,
            send_before: None,
            at,
        };
        self.message("evt_1", MessageEvent::Requested(requested))
    }

    pub fn calling(self, time: &str) -> Self {
        self.message("system", MessageEvent::Calling { attempt: 1, at: at(time) })
    }

    pub fn sent(self, time: &str) -> Self {
        self.sent_at(at(time))
    }

    pub fn sent_at(self, at: DateTime<Utc>) -> Self {
        self.message(
            "system",
            MessageEvent::Sent { attempt: 1, provider_message_id: "id@mail.test".into(), reply: None, at },
        )
    }

    pub fn delivered(self, time: &str) -> Self {
        self.delivered_at(at(time), None)
    }

    pub fn delivered_at(self, at: DateTime<Utc>, mx_host: Option<&str>) -> Self {
        let delivery = Delivery { mx_host: mx_host.map(str::to_owned), ..Delivery::default() };
        self.message("whk_1", MessageEvent::Delivered { delivery, at })
    }

    pub fn deferred(self, time: &str) -> Self {
        let diagnostic = diagnostic(451, "4.3.2", "451 4.3.2 restarting");
        self.message("whk_1", MessageEvent::Deferred { diagnostic, at_hand_over: None, at: at(time) })
    }

    pub fn bounced(self, time: &str, words: &str) -> Self {
        let diagnostic = diagnostic(550, "5.1.1", words);
        self.message(
            "whk_1",
            MessageEvent::Bounced { diagnostic, delayed: false, at_hand_over: None, at: at(time) },
        )
    }

    /// Fails for good with this reply, its code at its head.
    pub fn bounced_with(self, time: &str, reply: &str) -> Self {
        let (diagnostic, at) = (reply_of(reply), at(time));
        self.message("whk_1", MessageEvent::Bounced { diagnostic, delayed: false, at_hand_over: None, at })
    }

    /// Fails for now with this reply.
    pub fn deferred_with(self, time: &str, reply: &str) -> Self {
        let (diagnostic, at) = (reply_of(reply), at(time));
        self.message("whk_1", MessageEvent::Deferred { diagnostic, at_hand_over: None, at })
    }

    pub fn suppressed_by_us(self, time: &str) -> Self {
        let (by, reason) = (SuppressedBy::Us, SuppressionReason::Bounce);
        self.message("evt_1", MessageEvent::Suppressed { by, reason, diagnostic: None, at: at(time) })
    }

    pub fn suppressed_by_the_provider(self, time: &str) -> Self {
        let diagnostic = Diagnostic { code: Some(605), enhanced: None, ..diagnostic(605, "", "") };
        self.message(
            "whk_1",
            MessageEvent::Bounced { diagnostic, delayed: false, at_hand_over: None, at: at(time) },
        )
    }

    pub fn rejected(self, time: &str) -> Self {
        self.message("system", MessageEvent::Rejected { reason: "400".into(), at: at(time) })
    }

    pub fn complained(self, time: &str) -> Self {
        self.message("whk_1", MessageEvent::Complained { at: at(time) })
    }

    pub fn opened_by_a_person(self, time: &str) -> Self {
        let client = client(BROWSER, "");
        self.reading(MessageEngagementEvent::Opened { client, at: at(time) })
    }

    pub fn opened_by_a_machine(self, time: &str) -> Self {
        let client = client("Mozilla/5.0", "apple");
        self.reading(MessageEngagementEvent::Opened { client, at: at(time) })
    }

    pub fn visited(self, time: &str) -> Self {
        let visited = PasswordResetEvent::LinkVisited {
            request_id: request_id(self.number),
            message_id: message_id(self.number),
            kind: VisitKind::Link,
            user_agent: Some(BROWSER.into()),
            at: at(time),
        };
        self.history.tell("stream", "http", LogEvent::PasswordReset(visited));
        self
    }

    pub fn completed(self, time: &str) -> Self {
        let completed = PasswordResetEvent::Completed(self.completion(time));
        self.history.tell("stream", "http", LogEvent::PasswordReset(completed));
        self
    }

    pub fn completion(&self, time: &str) -> Completion<Resetting> {
        Completion {
            request_id: request_id(self.number),
            message_id: message_id(self.number),
            account_id: AccountId::from_uuid(Uuid::from_u128(7)),
            attempt: 1,
            at: at(time),
        }
    }
}

fn client(user_agent: &str, bot: &str) -> Client {
    Client {
        user_agent: Some(user_agent.into()),
        client_type: Some("browser".into()),
        bot: Some(bot.into()),
        country: None,
        ip: Sealed::Erased,
    }
}

pub fn diagnostic(code: u16, enhanced: &str, words: &str) -> Diagnostic {
    Diagnostic {
        code: Some(code),
        enhanced: Some(enhanced.into()),
        reason: Some("bounce".into()),
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText { message: words.into(), ..DiagnosticText::default() }.into(),
    }
}

fn reply_of(reply: &str) -> Diagnostic {
    let (code, words) = reply.split_once(' ').expect("a code and words");
    Diagnostic { enhanced: None, ..diagnostic(code.parse().expect("a reply code"), "", words) }
}

/// A database with every projection, fed by hand.
pub struct Desk {
    pub scratch: Scratch,
    pub queries: Queries,
}

impl Desk {
    pub async fn new() -> Self {
        let scratch = Scratch::new().await;
        let clock = Arc::new(FixedClock::at(at("12:00:00")));
        let queries = Queries::new(scratch.database.clone(), clock, Settings::default());
        Self { scratch, queries }
    }

    pub async fn with(history: &History, batch: usize) -> Self {
        let desk = Self::new().await;
        desk.fold(&history.recorded(), batch).await;
        desk
    }

    /// Feeds every projection as a subscription does: batch by batch, each in a transaction.
    pub async fn fold(&self, events: &[RecordedEvent], batch: usize) {
        for events in events.chunks(batch) {
            for consumer in projections::all() {
                let mut transaction = self.scratch.database.begin().await.expect("a transaction");
                consumer.handle(events, &mut transaction).await.expect("the events are folded");
                transaction.commit().await.expect("the batch is committed");
            }
        }
    }

    /// Forgets everything that was derived.
    pub async fn empty(&self) {
        for table in projections::projections().iter().flat_map(|projection| projection.tables()) {
            self.scratch.database.execute(&format!("DELETE FROM {table}"), &[]).await.expect("emptied");
        }
    }
}

pub fn cohort(from: &str, to: &str, interval: Interval, group_by: Option<Dimension>) -> DeliveryQuery {
    DeliveryQuery {
        from: at(from),
        to: at(to),
        interval,
        group_by,
        template: None,
        provider: None,
        mailbox_provider: None,
        recipient_domain: None,
    }
}

/// What the tests' bounces are.
pub const DEAD: Category = Category::InvalidRecipient;
