//! Failed deliveries: one row each, so that they can be grouped by what was said.
//!
//! The key is what the event says, so the same event counts once, in whatever order events come.

use chrono::{DateTime, Utc};

use crate::database::{Transaction, Value};
use crate::domain::bounce::{classify, normalized};
use crate::domain::message::MessageEvent;
use crate::domain::provider_event::Diagnostic;
use crate::event_log::{ConsumeError, LogEvent, RecordedEvent};

const COLUMNS: [&str; 6] = ["message_id", "at", "permanent", "rule", "category", "normalized"];

/// Writes the failures among the events.
pub(super) async fn save(
    events: &[RecordedEvent],
    transaction: &mut Transaction,
) -> Result<(), ConsumeError> {
    let rows: Vec<Vec<Value>> = events.iter().filter_map(row).collect();
    transaction.insert_many("bounce_failures", &COLUMNS, rows, "ON CONFLICT DO NOTHING").await?;
    Ok(())
}

/// Takes away what a masked text could still tell of a person.
pub(super) async fn forget(recipient_key: &str, transaction: &mut Transaction) -> Result<(), ConsumeError> {
    transaction
        .execute(
            "UPDATE bounce_failures SET normalized = NULL WHERE message_id IN \
             (SELECT message_id FROM delivery_facts WHERE recipient_key = $1)",
            &[recipient_key.into()],
        )
        .await?;
    Ok(())
}

fn row(event: &RecordedEvent) -> Option<Vec<Value>> {
    let LogEvent::Message(told) = &event.event else { return None };
    let (diagnostic, permanent, at): (&Diagnostic, bool, &DateTime<Utc>) = match told {
        MessageEvent::Bounced { diagnostic, at, .. } => (diagnostic, true, at),
        MessageEvent::Deferred { diagnostic, at, .. } => (diagnostic, false, at),
        MessageEvent::Suppressed { diagnostic: Some(diagnostic), at, .. } => (diagnostic, true, at),
        _ => return None,
    };
    let verdict = classify(diagnostic, permanent);
    let said = Some(normalized(diagnostic)).filter(|said| !said.is_empty());
    Some(vec![
        event.stream.as_str().into(),
        at.timestamp_micros().into(),
        i64::from(permanent).into(),
        verdict.rule.into(),
        verdict.category.as_str().into(),
        said.into(),
    ])
}
