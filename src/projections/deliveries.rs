//! Delivery: facts per message, and rollups of them, under one checkpoint.
//!
//! A batch is folded in memory: the messages that it concerns are read at once, every event adds its fact, and
//! rows and rollups are written at once. A rollup moves by the difference of what a message counted before and
//! after, so late evidence corrects the hour in which the message was requested. Must never count an event;
//! only what a message's facts say counts.

mod failures;
mod key;
mod message_row;
mod rollup;
mod samples;

use std::collections::BTreeMap;

use async_trait::async_trait;

use self::failures::Said;
use self::message_row::MessageRow;
use super::Projection;
use crate::database::Transaction;
use crate::domain::delivery::Facts;
use crate::domain::message::MessageEvent;
use crate::domain::one_time_link::{LinkEvent, LinkPurpose};
use crate::event_log::{ConsumeError, Consumer, LogEvent, OnFailure, RecordedEvent};

/// The projection behind delivery metrics and the message log.
#[derive(Debug, Clone, Copy)]
pub struct Deliveries;

impl Projection for Deliveries {
    fn tables(&self) -> &'static [&'static str] {
        &["delivery_facts", "delivery_rollups", "bounce_failures", "bounce_samples"]
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

    /// 2: messages know in which ways they failed.
    fn code_version(&self) -> i64 {
        2
    }

    /// Whoever asks anew after an erasure is not erased with it, whatever batch both are in.
    async fn handle(
        &self,
        events: &[RecordedEvent],
        transaction: &mut Transaction,
    ) -> Result<(), ConsumeError> {
        for stretch in events.split_inclusive(|event| event.event.is_erasure()) {
            fold_all(stretch, transaction).await?;
            if let Some(erasure) = stretch.last().filter(|event| event.event.is_erasure()) {
                forget(&erasure.stream, transaction).await?;
            }
        }
        Ok(())
    }
}

async fn fold_all(events: &[RecordedEvent], transaction: &mut Transaction) -> Result<(), ConsumeError> {
    let mut concerned: BTreeMap<String, Vec<&RecordedEvent>> = BTreeMap::new();
    for event in events {
        if let Some(message_id) = message_of(event) {
            concerned.entry(message_id).or_default().push(event);
        }
    }

    let mut known = message_row::load(transaction, concerned.keys()).await?;
    let mut rollups = rollup::Difference::default();
    let (mut changed, mut failed) = (Vec::new(), Vec::new());
    for (message_id, events) in concerned {
        let before = known.remove(&message_id).unwrap_or_default();
        let mut row = MessageRow::new(message_id, before.clone());
        events.into_iter().for_each(|event| fold(&mut row, event));
        // Facts keep the first of several failures; what was said is kept of all.
        if !row.facts.failures.is_empty() {
            failed.push((row.message_id.clone(), before.clone(), row.facts.clone()));
        }
        if before != row.facts {
            rollups.between(&before, &row.facts);
            changed.push(row);
        }
    }
    message_row::save(transaction, changed).await?;
    rollups.save(transaction).await?;
    save_what_was_said(events, failed, transaction).await
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

/// Of messages that failed, with what was known of them before and is now.
async fn save_what_was_said(
    events: &[RecordedEvent],
    failed: Vec<(String, Facts, Facts)>,
    transaction: &mut Transaction,
) -> Result<(), ConsumeError> {
    let ids: Vec<_> = failed.iter().map(|(message_id, ..)| message_id.as_str()).collect();
    let before = failures::said(&ids, transaction).await?;
    failures::save(events, transaction).await?;
    let after = failures::said(&ids, transaction).await?;
    let (mut samples, nothing) = (samples::Difference::default(), Said::new());
    for (message_id, was, is) in &failed {
        let [before, after] = [&before, &after].map(|said| said.get(message_id).unwrap_or(&nothing));
        samples.between((was, before), (is, after));
    }
    samples.save(transaction).await
}

/// Numbers stay; what could remind of the person goes.
async fn forget(recipient_key: &str, transaction: &mut Transaction) -> Result<(), ConsumeError> {
    let sql = "UPDATE delivery_facts SET recipient = NULL WHERE recipient_key = $1";
    transaction.execute(sql, &[recipient_key.into()]).await?;
    let failed = message_row::failed(recipient_key, transaction).await?;
    let ids: Vec<_> = failed.keys().map(String::as_str).collect();
    let said = failures::said(&ids, transaction).await?;
    failures::forget(&ids, transaction).await?;
    let mut samples = samples::Difference::default();
    for (message_id, said) in &said {
        if let Some(facts) = failed.get(message_id) {
            samples.between((facts, said), (facts, &Said::new()));
        }
    }
    samples.save(transaction).await
}
