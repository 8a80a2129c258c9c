//! Delivery: facts per message, and rollups of them, under one checkpoint.
//!
//! A batch is folded in memory: the messages that it concerns are read at once, every event adds its fact, and
//! rows and rollups are written at once. A rollup moves by the difference of what a message counted before and
//! after, so late evidence corrects the hour in which the message was requested. Must never count an event;
//! only what a message's facts say counts.

mod failures;
mod message_row;
mod rollup;

use std::collections::BTreeMap;

use async_trait::async_trait;

use self::message_row::MessageRow;
use self::rollup::Difference;
use super::Projection;
use crate::database::Transaction;
use crate::domain::message::MessageEvent;
use crate::domain::one_time_link::{LinkEvent, LinkPurpose};
use crate::event_log::{ConsumeError, Consumer, LogEvent, OnFailure, RecordedEvent};

/// The projection behind delivery metrics and the message log.
#[derive(Debug, Clone, Copy)]
pub struct Deliveries;

impl Projection for Deliveries {
    fn tables(&self) -> &'static [&'static str] {
        &["delivery_facts", "delivery_rollups", "bounce_failures"]
    }
}

#[async_trait]
impl Consumer for Deliveries {
    fn name(&self) -> &'static str {
        "deliveries"
    }

    /// A number that leaves an event out is wrong for ever, and nobody would see it.
    fn on_failure(&self) -> OnFailure {
        OnFailure::Stop
    }

    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        let mut concerned: BTreeMap<String, Vec<&RecordedEvent>> = BTreeMap::new();
        for event in events {
            if let Some(message_id) = message_of(event) {
                concerned.entry(message_id).or_default().push(event);
            }
        }

        let mut known = message_row::load(transaction, concerned.keys()).await?;
        let mut difference = Difference::default();
        let mut changed = Vec::new();
        for (message_id, events) in concerned {
            let before = known.remove(&message_id);
            let mut row = MessageRow::new(message_id, before.clone().unwrap_or_default());
            events.into_iter().for_each(|event| fold(&mut row, event));
            if before.as_ref() != Some(&row.facts) {
                difference.between(&before.unwrap_or_default(), &row.facts);
                changed.push(row);
            }
        }
        message_row::save(transaction, changed).await?;
        difference.save(transaction).await?;
        failures::save(events, transaction).await?;
        forget_the_erased(events, transaction).await
    }
}

/// The message that an event is about.
fn message_of(event: &RecordedEvent) -> Option<String> {
    match &event.event {
        LogEvent::Message(_) | LogEvent::MessageEngagement(_) => Some(event.stream.clone()),
        LogEvent::PasswordReset(event) => mail_of(event),
        LogEvent::EmailVerification(event) => mail_of(event),
        LogEvent::Suppression(_) | LogEvent::Unknown => None,
    }
}

/// The mail that brought somebody to the link, if the event counts for it.
fn mail_of<P: LinkPurpose>(event: &LinkEvent<P>) -> Option<String> {
    match event {
        LinkEvent::LinkVisited { message_id, .. } => Some(message_id.to_string()),
        LinkEvent::Completed(completion) => Some(completion.message_id.to_string()),
        _ => None,
    }
}

fn fold(row: &mut MessageRow, event: &RecordedEvent) {
    match &event.event {
        LogEvent::Message(event) => {
            row.facts.message(event);
            if let MessageEvent::Requested(requested) = event {
                row.recipient = requested.recipient.known().map(|address| address.masked());
            }
        }
        LogEvent::MessageEngagement(event) => row.facts.engagement(event),
        LogEvent::PasswordReset(event) => row.facts.link(event),
        LogEvent::EmailVerification(event) => row.facts.link(event),
        LogEvent::Suppression(_) | LogEvent::Unknown => {}
    }
}

/// Numbers stay; what could remind of the person goes.
async fn forget_the_erased(
    events: &[RecordedEvent],
    transaction: &mut Transaction,
) -> Result<(), ConsumeError> {
    for event in events {
        if event.event.is_erasure() {
            transaction
                .execute(
                    "UPDATE delivery_facts SET recipient = NULL WHERE recipient_key = $1",
                    &[event.stream.as_str().into()],
                )
                .await?;
            failures::forget(&event.stream, transaction).await?;
        }
    }
    Ok(())
}
