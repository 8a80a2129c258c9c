//! What operators see of the inbox: each webhook with what became of it, and one of them with its body and every
//! step of its verification. Addresses in a body are masked; the body itself is shown only by [`Inbox::reveal`].

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Inbox;
use super::masking::masked;
use super::verification::{self, Step};
use crate::database::page::{Count, Cursor, LARGEST, ListError, Page, Place};
use crate::database::{Row, Value};
use crate::domain::id::{MessageId, WebhookId};
use crate::providers::mailgun;

const COLUMNS: &str = "id, source, provider, received_at, signed_at, outcome, reason, message_id, attempts, \
                       body, wrapped_key, content_digest";
/// Signatures that came again with other content stand apart; they look the same to a reader.
const CONTESTED: &str = "id, 'webhook' AS source, 'mailgun' AS provider, received_at, \
                         NULL AS signed_at, 'contested' AS outcome, \
                         'its signature was seen before with other content' AS reason, NULL AS message_id, \
                         CAST(0 AS BIGINT) AS attempts, body, wrapped_key, content_digest";

/// What can become of a webhook.
pub const OUTCOMES: [&str; 8] =
    ["pending", "processed", "unmatched", "malformed", "unknown", "ignored", "failed", "contested"];

/// Which webhooks. Every given field must hold.
#[derive(Debug, Clone, Default)]
pub struct WebhookFilter {
    /// One of [`OUTCOMES`].
    pub outcome: Option<String>,
    pub message_id: Option<String>,
    /// `webhook` or `events_api`.
    pub source: Option<String>,
    /// Received at this instant or later.
    pub after: Option<DateTime<Utc>>,
    /// Received before this instant.
    pub before: Option<DateTime<Utc>>,
}

/// A webhook and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookSummary {
    pub id: String,
    /// `webhook`: it was posted. `events_api`: it was found when we asked.
    pub source: String,
    pub provider: String,
    pub received_at: Option<DateTime<Utc>>,
    pub signed_at: Option<DateTime<Utc>>,
    pub outcome: String,
    /// Why it had no effect.
    pub reason: Option<String>,
    /// The mail that it had an effect on.
    pub message_id: Option<String>,
    pub attempts: i64,
    /// The provider's name for what happened; null if the body was erased or tells none.
    pub event: Option<String>,
    pub event_at: Option<DateTime<Utc>>,
}

/// One webhook in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookDetail {
    #[serde(flatten)]
    pub summary: WebhookSummary,
    /// As it was posted, with what names a person masked; null once it was erased.
    pub body: Option<Json>,
    /// Each check that it went through, in order.
    pub verification: Vec<Step>,
}

/// A row with its body open.
pub(super) struct Opened {
    pub(super) summary: WebhookSummary,
    pub(super) content_digest: String,
    /// None once it was erased.
    pub(super) body: Option<Vec<u8>>,
}

impl Inbox {
    /// A page of webhooks, newest first.
    pub async fn webhooks(
        &self,
        filter: &WebhookFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<WebhookSummary>, ListError> {
        let limit = limit.clamp(1, LARGEST);
        let (mut sql, mut values) = filter.statement(COLUMNS, CONTESTED);
        let place = Place::parse(cursor)?;
        place.end(&mut sql, &mut values, ("received_at", "id"), limit);
        let rows = self.inner.database.fetch_all(&sql, &values).await?;
        let rows = rows.iter().map(|row| {
            let cursor = Cursor { at: row.int("received_at")?, id: row.text("id")? };
            Ok((cursor, self.open(row)?.summary))
        });
        Ok(place.page(rows.collect::<Result<_, ListError>>()?, limit))
    }

    /// The number of webhooks over all pages.
    pub async fn count(&self, filter: &WebhookFilter) -> Result<Count, ListError> {
        let (sql, values) = filter.statement("1 AS one", "1 AS one");
        Ok(Count::read(&self.inner.database.fetch_one(&Count::statement(&sql), &values).await?)?)
    }

    /// One webhook in full, masked.
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookDetail>, ListError> {
        Ok(self.find(id).await?.map(|opened| self.detail(opened)))
    }

    /// What was told of one mail, in full and masked, the earliest first.
    pub async fn reports_of(&self, id: MessageId, most: usize) -> Result<Vec<WebhookDetail>, ListError> {
        let sql =
            format!("SELECT {COLUMNS} FROM webhooks WHERE message_id = $1 ORDER BY received_at, id LIMIT $2");
        let rows = self.inner.database.fetch_all(&sql, &[id.to_string().into(), most.into()]).await?;
        rows.iter().map(|row| Ok(self.detail(self.open(row)?))).collect()
    }

    fn detail(&self, opened: Opened) -> WebhookDetail {
        let verification = verification::steps(&opened, self.inner.keys.as_ref(), self.inner.max_age);
        let body = opened.body.as_deref().map(|body| match serde_json::from_slice(body) {
            Ok(body) => masked(body),
            Err(_) => Json::Null,
        });
        WebhookDetail { summary: opened.summary, body, verification }
    }

    /// The body as it was posted. Whoever is shown it sees personal data: the caller must keep a record of it.
    /// `None` if there is no such webhook, `Some(None)` if it was erased.
    pub async fn reveal(&self, id: WebhookId) -> Result<Option<Option<Vec<u8>>>, ListError> {
        Ok(self.find(id).await?.map(|opened| opened.body))
    }

    async fn find(&self, id: WebhookId) -> Result<Option<Opened>, ListError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE id = $1 \
             UNION ALL SELECT {CONTESTED} FROM contested_webhooks WHERE id = $1"
        );
        let row = self.inner.database.fetch_optional(&sql, &[id.to_string().into()]).await?;
        row.map(|row| self.open(&row)).transpose()
    }

    fn open(&self, row: &Row) -> Result<Opened, ListError> {
        let id = row.text("id")?;
        let wrapped_key = row.optional_bytes("wrapped_key")?;
        let sealed = row.bytes("body")?;
        let body = wrapped_key.zip(id.parse().ok());
        let body = body.and_then(|(key, id)| self.inner.sealer.open(id, &sealed, &key));
        let event = body.as_deref().and_then(mailgun::event_data);
        let time = |micros: Option<i64>| micros.and_then(DateTime::from_timestamp_micros);
        let summary = WebhookSummary {
            id,
            source: row.text("source")?,
            provider: row.text("provider")?,
            received_at: time(Some(row.int("received_at")?)),
            signed_at: time(row.optional_int("signed_at")?),
            outcome: row.text("outcome")?,
            reason: row.optional_text("reason")?,
            message_id: row.optional_text("message_id")?,
            attempts: row.int("attempts")?,
            event: event.as_ref().and_then(name_of),
            event_at: event.as_ref().and_then(|event| Some(mailgun::translate(event).ok()?.at)),
        };
        Ok(Opened { summary, content_digest: row.text("content_digest")?, body })
    }
}

/// `failed` is told apart by its severity, as Mailgun's own names of webhooks do.
fn name_of(event: &Map<String, Json>) -> Option<String> {
    let word = |name: &str| Some(event.get(name)?.as_str()?.chars().take(100).collect::<String>());
    let name = word("event")?.to_lowercase();
    Some(match word("severity") {
        Some(severity) if name == "failed" => format!("{}_fail", severity.to_lowercase()),
        _ => name,
    })
}

impl WebhookFilter {
    /// What is selected of webhooks, or of those that are contested.
    fn statement(&self, webhooks: &str, contested: &str) -> (String, Vec<Value>) {
        let after = self.after.map_or(0, |at| at.timestamp_micros());
        let before = self.before.map_or(i64::MAX, |at| at.timestamp_micros());
        let mut values: Vec<Value> = vec![after.into(), before.into()];
        let range = "received_at >= $1 AND received_at < $2";
        if self.outcome.as_deref() == Some("contested") {
            // They had no effect on any message, and all were posted.
            let none =
                self.message_id.is_some() || self.source.as_deref().is_some_and(|source| source != "webhook");
            let none = if none { " AND 1 = 0" } else { "" };
            return (format!("SELECT {contested} FROM contested_webhooks WHERE {range}{none}"), values);
        }
        let mut sql = format!("SELECT {webhooks} FROM webhooks WHERE {range}");
        for (column, value) in
            [("outcome", &self.outcome), ("message_id", &self.message_id), ("source", &self.source)]
        {
            if let Some(value) = value {
                values.push(value.into());
                sql.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        (sql, values)
    }
}
