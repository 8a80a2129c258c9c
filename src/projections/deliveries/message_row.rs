//! One message's row: its facts, and the columns that follow from them.

use std::collections::HashMap;

use crate::database::{Row, Transaction, Value};
use crate::domain::delivery::{Durations, Facts, Loss, Outcome};
use crate::event_log::ConsumeError;

/// Ids per statement; a shorter list repeats its last one, so that few statements need preparing.
const IDS: [usize; 2] = [16, 256];

const COLUMNS: [&str; 27] = [
    "message_id",
    "facts",
    "requested_at",
    "request_id",
    "template",
    "provider",
    "mailbox_provider",
    "recipient_domain",
    "recipient_key",
    "recipient",
    "status",
    "bounce_category",
    "lost_at",
    "loss",
    "flags",
    "failures",
    "opens_human",
    "opens_machine",
    "clicks_human",
    "clicks_machine",
    "sent_at",
    "time_to_accept",
    "time_to_delivered",
    "request_to_completed",
    "delivered_to_opened",
    "opened_to_clicked",
    "clicked_to_completed",
];

/// A row that shall be written.
#[derive(Debug)]
pub(super) struct MessageRow {
    pub(super) message_id: String,
    pub(super) facts: Facts,
    /// Masked; present only when the request is among the events of this batch.
    pub(super) recipient: Option<String>,
}

impl MessageRow {
    pub(super) fn new(message_id: String, facts: Facts) -> Self {
        Self { message_id, facts, recipient: None }
    }

    fn values(self) -> Result<Vec<Value>, ConsumeError> {
        let facts =
            serde_json::to_string(&self.facts).map_err(|error| unreadable(&self.message_id, &error))?;
        let outcome = Outcome::derive(&self.facts);
        let durations = Durations::of(&self.facts, &outcome);
        let loss = Loss::of(&self.facts, &outcome.counters);
        let mailbox_provider = self.facts.mailbox_provider().to_owned();
        let request = self.facts.request;
        let text = |value: Option<&String>| Value::from(value.cloned().unwrap_or_default());
        let mut values = vec![
            self.message_id.into(),
            facts.into(),
            request.as_ref().map(|request| request.at).into(),
            request.as_ref().and_then(|request| request.request_id.clone()).into(),
            text(request.as_ref().map(|request| &request.template)),
            text(request.as_ref().map(|request| &request.provider)),
            mailbox_provider.into(),
            text(request.as_ref().map(|request| &request.recipient_domain)),
            text(request.as_ref().map(|request| &request.recipient_key)),
            self.recipient.into(),
            outcome.status().as_str().into(),
            self.facts.bounced.map(|bounce| bounce.category.as_str()).into(),
            loss.map(|loss| loss.at.as_str()).into(),
            loss.map(|loss| loss.reason).into(),
            outcome.counters.bits().into(),
            self.facts.failures.bits().into(),
            outcome.counters.opens_human.into(),
            outcome.counters.opens_machine.into(),
            outcome.counters.clicks_human.into(),
            outcome.counters.clicks_machine.into(),
            self.facts.sent_at.into(),
        ];
        values.extend(durations.values().into_iter().map(Value::from));
        Ok(values)
    }
}

/// Reads the facts of these messages, as far as there are any.
pub(super) async fn load(
    transaction: &mut Transaction,
    message_ids: impl Iterator<Item = &String>,
) -> Result<HashMap<String, Facts>, ConsumeError> {
    let ids: Vec<&String> = message_ids.collect();
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(IDS[1]) {
        let size = if chunk.len() <= IDS[0] { IDS[0] } else { IDS[1] };
        let places: Vec<String> = (1..=size).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT message_id, facts FROM delivery_facts WHERE message_id IN ({})",
            places.join(", ")
        );
        let last = chunk.last().copied();
        let values: Vec<Value> = chunk
            .iter()
            .copied()
            .chain(std::iter::repeat_n(last, size).flatten())
            .take(size)
            .map(Value::from)
            .collect();
        for row in transaction.fetch_all(&sql, &values).await? {
            let (message_id, known) = facts(&row)?;
            found.insert(message_id, known);
        }
    }
    Ok(found)
}

fn facts(row: &Row) -> Result<(String, Facts), ConsumeError> {
    let message_id = row.text("message_id")?;
    let facts = serde_json::from_str(&row.text("facts")?).map_err(|error| unreadable(&message_id, &error))?;
    Ok((message_id, facts))
}

/// The facts of the messages to somebody that failed.
pub(super) async fn failed(
    recipient_key: &str,
    transaction: &mut Transaction,
) -> Result<HashMap<String, Facts>, ConsumeError> {
    let sql = "SELECT message_id, facts FROM delivery_facts WHERE recipient_key = $1 AND failures <> 0";
    let rows = transaction.fetch_all(sql, &[recipient_key.into()]).await?;
    rows.iter().map(facts).collect()
}

/// Writes the rows.
pub(super) async fn save(transaction: &mut Transaction, rows: Vec<MessageRow>) -> Result<(), ConsumeError> {
    let rows = rows.into_iter().map(MessageRow::values).collect::<Result<Vec<_>, _>>()?;
    transaction.insert_many("delivery_facts", &COLUMNS, rows, &on_conflict()).await?;
    Ok(())
}

/// Every column follows from the facts, except the mask, which comes with the request only.
fn on_conflict() -> String {
    let columns = COLUMNS.iter().filter(|column| !matches!(**column, "message_id" | "recipient"));
    let sets: Vec<String> = columns.map(|column| format!("{column} = excluded.{column}")).collect();
    format!(
        "ON CONFLICT (message_id) DO UPDATE SET {}, \
         recipient = COALESCE(excluded.recipient, delivery_facts.recipient)",
        sets.join(", ")
    )
}

fn unreadable(message_id: &str, error: &serde_json::Error) -> ConsumeError {
    ConsumeError::Event(format!("the facts of {message_id}: {error}"))
}
