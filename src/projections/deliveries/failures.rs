//! Failed deliveries: one row each, so that they can be grouped by what was said.
//!
//! The key is what the event says, so the same event counts once, in whatever order events come.

use std::collections::{BTreeMap, HashMap};

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

/// Something that was said of a message when it failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Saying {
    pub(super) category: String,
    pub(super) rule: String,
    pub(super) normalized: String,
}

/// Everything that was said of a message, and when last, in microseconds.
pub(super) type Said = BTreeMap<Saying, i64>;

/// Reads what was said of these messages.
pub(super) async fn said(
    message_ids: &[&str],
    transaction: &mut Transaction,
) -> Result<HashMap<String, Said>, ConsumeError> {
    if message_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = transaction.dialect().texts(1);
    let sql = format!(
        "SELECT message_id, category, rule, normalized, MAX(at) AS last FROM bounce_failures \
         WHERE message_id IN {ids} AND normalized IS NOT NULL GROUP BY message_id, category, rule, normalized"
    );
    let mut messages = HashMap::<String, Said>::new();
    for row in transaction.fetch_all(&sql, &[serde_json::json!(message_ids).to_string().into()]).await? {
        let saying = Saying {
            category: row.text("category")?,
            rule: row.text("rule")?,
            normalized: row.text("normalized")?,
        };
        messages.entry(row.text("message_id")?).or_default().insert(saying, row.int("last")?);
    }
    Ok(messages)
}

/// Takes away what a masked text could still tell of a person.
pub(super) async fn forget(message_ids: &[&str], transaction: &mut Transaction) -> Result<(), ConsumeError> {
    let ids = transaction.dialect().texts(1);
    let sql = format!("UPDATE bounce_failures SET normalized = NULL WHERE message_id IN {ids}");
    transaction.execute(&sql, &[serde_json::json!(message_ids).to_string().into()]).await?;
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
