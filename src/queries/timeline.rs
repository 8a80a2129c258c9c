//! Timelines: what happened to a mail, or to a reset or a verification and its mails, in the order of time.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{Queries, QueryError};
use crate::database::Row;
use crate::domain::delivery::{Facts, Outcome};
use crate::domain::engagement::{Kind, Rule};
use crate::domain::id::MessageId;
use crate::domain::one_time_link::LinkRequestId;

/// Entries of a timeline at most, the earliest: opens are without bound.
const MOST: i64 = 1_000;

/// A provider that tells what becomes of a mail has taken it; one that does not leaves us with this.
const TAKEN_UNREPORTED: &str = "The mail server took it; what became of it is not reported.";

const COLUMNS: &str =
    "t.position, t.message_id, t.request_id, t.at, t.kind, t.text, t.source, t.meta, t.diagnostic";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineEntry {
    pub at: DateTime<Utc>,
    pub kind: String,
    /// A sentence for an operator.
    pub text: String,
    /// `client`, `system`, `provider`, `events_api` (the provider's report, found when we asked) or `operator`.
    pub source: String,
    /// What else is known.
    pub meta: Map<String, Json>,
}

/// What the facts of the messages say about single entries.
#[derive(Default)]
struct Verdicts {
    readings: HashMap<(String, &'static str, i64), Option<Rule>>,
    contradicted: Vec<String>,
    /// Mails of which nobody tells what becomes of them.
    unreported: Vec<String>,
}

impl Queries {
    /// What happened to a mail.
    pub async fn message_timeline(&self, id: MessageId) -> Result<Vec<TimelineEntry>, QueryError> {
        let id = id.to_string();
        let sql = format!(
            "SELECT {COLUMNS} FROM timeline t WHERE t.message_id = $1 ORDER BY t.at, t.position LIMIT $2"
        );
        let rows = self.database.fetch_all(&sql, &[id.as_str().into(), MOST.into()]).await?;
        let verdicts = self.verdicts("message_id = $1", &id).await?;
        rows.iter().map(|row| entry(row, &verdicts)).collect()
    }

    /// What happened to a reset or a verification and its mails. The request of a mail is `message_requested`
    /// here.
    pub async fn request_timeline(
        &self,
        id: impl Into<LinkRequestId>,
    ) -> Result<Vec<TimelineEntry>, QueryError> {
        let id = id.into().to_string();
        let sql = format!(
            "SELECT {COLUMNS} FROM timeline t WHERE t.request_id = $1 \
             UNION ALL SELECT {COLUMNS} FROM timeline_messages m JOIN timeline t ON t.message_id = m.message_id \
             WHERE m.request_id = $1 AND t.request_id IS NULL \
             ORDER BY at, position LIMIT $2"
        );
        let rows = self.database.fetch_all(&sql, &[id.as_str().into(), MOST.into()]).await?;
        let verdicts = self.verdicts("request_id = $1", &id).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut entry = entry(row, &verdicts)?;
            if entry.kind == "requested" && row.is_null("request_id")? {
                entry.kind = "message_requested".into();
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Verdicts follow from all facts of a message, so no single event could have told them.
    async fn verdicts(&self, condition: &'static str, id: &str) -> Result<Verdicts, QueryError> {
        let sql = format!("SELECT message_id, facts FROM delivery_facts WHERE {condition}");
        let mut verdicts = Verdicts::default();
        for row in self.database.fetch_all(&sql, &[id.into()]).await? {
            let message_id = row.text("message_id")?;
            let facts: Facts = serde_json::from_str(&row.text("facts")?)?;
            for (sighting, rule) in facts.sightings.verdicts(facts.delivered_at) {
                let kind = match sighting.kind {
                    Kind::Open => "opened",
                    Kind::Click => "clicked",
                    Kind::Link | Kind::Page | Kind::Inspect => "link_visited",
                };
                verdicts.readings.insert((message_id.clone(), kind, sighting.at), rule);
            }
            if facts.request.as_ref().is_some_and(|request| !request.is_reported()) {
                verdicts.unreported.push(message_id.clone());
            }
            if Outcome::derive(&facts).counters.bounce_contradicted == 1 {
                verdicts.contradicted.push(message_id);
            }
        }
        Ok(verdicts)
    }
}

fn entry(row: &Row, verdicts: &Verdicts) -> Result<TimelineEntry, QueryError> {
    let at = row.int("at")?;
    let kind = row.text("kind")?;
    let mut meta: Map<String, Json> = serde_json::from_str(&row.text("meta")?)?;
    let mut text = row.text("text")?;
    if let Some(said) = row.optional_text("diagnostic")? {
        let name = if kind == "sent" { "reply" } else { "diagnostic" };
        meta.insert(name.into(), said.into());
    }
    if let Some(message_id) = row.optional_text("message_id")? {
        verdicts.explain(&message_id, &kind, at, &mut meta);
        if kind == "sent" && verdicts.unreported.contains(&message_id) {
            text = TAKEN_UNREPORTED.into();
        }
    }
    Ok(TimelineEntry {
        at: DateTime::from_timestamp_micros(at).unwrap_or_default(),
        kind,
        text,
        source: row.text("source")?,
        meta,
    })
}

impl Verdicts {
    fn explain(&self, message_id: &str, kind: &str, at: i64, meta: &mut Map<String, Json>) {
        let kinds = ["opened", "clicked", "link_visited"];
        if let Some(kind) = kinds.into_iter().find(|known| *known == kind)
            && let Some(rule) = self.readings.get(&(message_id.to_owned(), kind, at))
        {
            meta.insert("actor".into(), json!(if rule.is_some() { "machine" } else { "person" }));
            if let Some(rule) = rule {
                meta.insert("actor_rule".into(), json!(rule));
            }
        }
        if kind == "bounced" && self.contradicted.iter().any(|id| id == message_id) {
            meta.insert("contradicted".into(), true.into());
        }
    }
}
