//! The table of received webhooks.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::database::{Database, DatabaseError, Submission, Transaction, Value};
use crate::domain::id::WebhookId;

/// How long a worker has for a webhook before another may take it up.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);

const COLUMNS: [&str; 11] = [
    "id",
    "replay_key",
    "content_digest",
    "provider",
    "source",
    "received_at",
    "signed_at",
    "outcome",
    "due_at",
    "body",
    "wrapped_key",
];

/// A verified webhook on its way into the table.
pub struct NewWebhook {
    pub id: WebhookId,
    pub source: Source,
    pub replay_key: String,
    pub content_digest: String,
    pub received_at: DateTime<Utc>,
    pub signed_at: DateTime<Utc>,
    /// Sealed.
    pub body: Vec<u8>,
    pub wrapped_key: Vec<u8>,
}

/// How a report came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The provider posted it.
    Webhook,
    /// It was found in the provider's events API.
    EventsApi,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::EventsApi => "events_api",
        }
    }

    fn of(name: &str) -> Self {
        if name == "events_api" { Self::EventsApi } else { Self::Webhook }
    }
}

/// What the table had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    New,
    Known,
    OtherContent,
}

/// A webhook that waits to be understood.
pub struct Pending {
    pub id: WebhookId,
    pub source: Source,
    pub body: Vec<u8>,
    pub wrapped_key: Option<Vec<u8>>,
    pub attempts: u32,
}

/// Why a webhook stays in the inbox.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: WebhookId,
    /// `unmatched`, `malformed`, `unknown`, `ignored` or `failed`.
    pub outcome: &'static str,
    pub reason: String,
    pub recipient_key: Option<String>,
}

type Waiting = Submission<NewWebhook, Option<Stored>>;

/// Stores a batch and answers each of it; `None` where nobody knows whether it is durable.
pub async fn write(database: &Database, batch: Vec<Waiting>) {
    let (webhooks, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(Submission::split).unzip();
    let outcomes = match write_all(database, &webhooks).await {
        Ok(outcomes) => outcomes.into_iter().map(Some).collect(),
        Err(error) => {
            tracing::warn!(webhooks = webhooks.len(), %error, "webhooks could not be stored");
            vec![None; webhooks.len()]
        }
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // The provider may have hung up; it will post again and find it known.
        let _ = answer.send(outcome);
    }
}

async fn write_all(database: &Database, webhooks: &[NewWebhook]) -> Result<Vec<Stored>, DatabaseError> {
    let mut seen = HashSet::new();
    let firsts = webhooks.iter().filter(|webhook| seen.insert(&webhook.replay_key));
    let rows = firsts.map(row).collect();
    let inserted =
        database.insert_all("webhooks", &COLUMNS, rows, "ON CONFLICT (replay_key) DO NOTHING").await?;
    if usize::try_from(inserted).is_ok_and(|inserted| inserted == webhooks.len()) {
        return Ok(vec![Stored::New; webhooks.len()]);
    }
    let mut transaction = database.begin().await?;
    // Some were there before, or came twice in the batch: see which, and whether they say the same.
    let known = digests(&mut transaction, webhooks).await?;
    let outcomes: Vec<_> = webhooks.iter().map(|webhook| judge(webhook, &known)).collect();
    for (webhook, outcome) in webhooks.iter().zip(&outcomes) {
        if *outcome == Stored::OtherContent {
            keep_contested(&mut transaction, webhook).await?;
        }
    }
    transaction.commit().await?;
    Ok(outcomes)
}

fn row(webhook: &NewWebhook) -> Vec<Value> {
    let received_at = webhook.received_at.timestamp_micros();
    vec![
        webhook.id.to_string().into(),
        (&webhook.replay_key).into(),
        (&webhook.content_digest).into(),
        "mailgun".into(),
        webhook.source.as_str().into(),
        received_at.into(),
        webhook.signed_at.timestamp_micros().into(),
        "pending".into(),
        received_at.into(),
        webhook.body.clone().into(),
        webhook.wrapped_key.clone().into(),
    ]
}

/// The stored id and digest of each replay key.
async fn digests(
    transaction: &mut Transaction,
    webhooks: &[NewWebhook],
) -> Result<HashMap<String, (String, String)>, DatabaseError> {
    let keys = transaction.dialect().texts(1);
    let sql = format!("SELECT id, replay_key, content_digest FROM webhooks WHERE replay_key IN {keys}");
    let keys: Vec<_> = webhooks.iter().map(|webhook| &webhook.replay_key).collect();
    let rows = transaction.fetch_all(&sql, &[serde_json::json!(keys).to_string().into()]).await?;
    rows.iter()
        .map(|row| Ok((row.text("replay_key")?, (row.text("id")?, row.text("content_digest")?))))
        .collect()
}

fn judge(webhook: &NewWebhook, known: &HashMap<String, (String, String)>) -> Stored {
    match known.get(&webhook.replay_key) {
        Some((id, _)) if *id == webhook.id.to_string() => Stored::New,
        Some((_, digest)) if *digest == webhook.content_digest => Stored::Known,
        _ => Stored::OtherContent,
    }
}

async fn keep_contested(transaction: &mut Transaction, webhook: &NewWebhook) -> Result<(), DatabaseError> {
    let sql =
        "INSERT INTO contested_webhooks (id, replay_key, content_digest, received_at, body, wrapped_key)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (replay_key, content_digest) DO NOTHING";
    let values = [
        webhook.id.to_string().into(),
        (&webhook.replay_key).into(),
        (&webhook.content_digest).into(),
        webhook.received_at.timestamp_micros().into(),
        webhook.body.clone().into(),
        webhook.wrapped_key.clone().into(),
    ];
    transaction.execute(sql, &values).await?;
    Ok(())
}

/// Leases pending webhooks, oldest first.
pub async fn claim(
    database: &Database,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Pending>, DatabaseError> {
    let at = now.timestamp_micros();
    let due = "SELECT 1 AS one FROM webhooks WHERE outcome = 'pending' AND due_at <= $1 LIMIT 1";
    if database.fetch_optional(due, &[at.into()]).await?.is_none() {
        return Ok(vec![]);
    }
    let sql = database.dialect().pick(
        "UPDATE webhooks SET due_at = $2, attempts = attempts + 1 WHERE id IN (
             SELECT id FROM webhooks WHERE outcome = 'pending' AND due_at <= $1
             ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING id, source, body, wrapped_key, attempts",
        "UPDATE webhooks SET due_at = $2, attempts = attempts + 1 WHERE id IN (
             SELECT id FROM webhooks WHERE outcome = 'pending' AND due_at <= $1
             ORDER BY due_at, id LIMIT $3)
         RETURNING id, source, body, wrapped_key, attempts",
    );
    let values = [at.into(), (now + LEASE).timestamp_micros().into(), Value::from(limit)];
    let mut transaction = database.begin().await?;
    let rows = transaction.fetch_all(sql, &values).await?;
    transaction.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(Pending {
                id: row.text("id")?.parse().unwrap_or_else(|_| WebhookId::from_uuid(uuid::Uuid::nil())),
                source: Source::of(&row.text("source")?),
                body: row.bytes("body")?,
                wrapped_key: row.optional_bytes("wrapped_key")?,
                attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
            })
        })
        .collect()
}

/// Keeps webhooks that had no effect, each with its reason.
pub async fn keep(database: &Database, kept: &[Kept]) -> Result<(), DatabaseError> {
    if kept.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    for kept in kept {
        let sql = "UPDATE webhooks SET outcome = $2, reason = $3, recipient_key = $4 WHERE id = $1";
        let values = [
            kept.id.to_string().into(),
            kept.outcome.into(),
            (&kept.reason).into(),
            kept.recipient_key.clone().into(),
        ];
        transaction.execute(sql, &values).await?;
    }
    transaction.commit().await
}

/// Makes webhooks due again at this time.
pub async fn put_off(
    database: &Database,
    ids: &[WebhookId],
    due_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    for id in ids {
        let sql = "UPDATE webhooks SET due_at = $2 WHERE id = $1 AND outcome = 'pending'";
        transaction.execute(sql, &[id.to_string().into(), due_at.timestamp_micros().into()]).await?;
    }
    transaction.commit().await
}

/// What the table holds that somebody should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Webhooks that wait to be understood.
    pub pending: i64,
    /// Webhooks that failed for good and wait for an operator.
    pub failed: i64,
    /// When the last one came.
    pub last_received: Option<DateTime<Utc>>,
}

/// How the inbox stands. Each number has an index.
pub async fn standing(database: &Database) -> Result<Standing, DatabaseError> {
    let sql = "SELECT (SELECT count(*) FROM webhooks WHERE outcome = 'pending') AS pending,
                      (SELECT count(*) FROM webhooks WHERE outcome = 'failed') AS failed,
                      COALESCE((SELECT max(received_at) FROM webhooks), 0) AS last_received";
    let row = database.fetch_one(sql, &[]).await?;
    let last_received = row.int("last_received")?;
    Ok(Standing {
        pending: row.int("pending")?,
        failed: row.int("failed")?,
        last_received: DateTime::from_timestamp_micros(last_received).filter(|_| last_received > 0),
    })
}

/// Gives back every lease: for a process that knows itself to be the only one.
pub async fn release_all(database: &Database) -> Result<(), DatabaseError> {
    let sql = "UPDATE webhooks SET due_at = received_at WHERE outcome = 'pending' AND due_at > received_at";
    database.execute(sql, &[]).await.map(|_| ())
}
