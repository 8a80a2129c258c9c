//! The mailbox and the queue of webhooks, in an SQLite file of their own.
//!
//! A mail and what will happen to it are written in one transaction, before the call is answered: a sandbox
//! that is killed goes on where it was.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Row, Sqlite, Transaction};

/// `event.due` is NULL once nothing is left to post. Mails and events are JSON, beside what is searched for.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS mail (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        recipient TEXT NOT NULL,
        data TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS mail_recipient ON mail (recipient, sequence);
    CREATE TABLE IF NOT EXISTS event (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        mail_id TEXT NOT NULL,
        name TEXT NOT NULL,
        message_id TEXT NOT NULL,
        recipient TEXT NOT NULL,
        at BIGINT NOT NULL,
        data TEXT NOT NULL,
        signature TEXT,
        attempts BIGINT NOT NULL DEFAULT 0,
        due BIGINT
    );
    CREATE INDEX IF NOT EXISTS event_due ON event (due) WHERE due IS NOT NULL;
    CREATE INDEX IF NOT EXISTS event_mail ON event (mail_id);
    CREATE INDEX IF NOT EXISTS event_at ON event (at);
";

/// A mail as it was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mail {
    pub(super) id: String,
    /// The Message-ID header without angle brackets.
    pub(super) message_id: String,
    pub(super) to: String,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) received_at: DateTime<Utc>,
    pub(super) tags: Vec<String>,
    pub(super) variables: Map<String, Value>,
    pub(super) headers: Map<String, Value>,
    pub(super) outcome: String,
    pub(super) is_test: bool,
}

/// An event, and when its webhook goes out.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: &'static str,
    pub(super) at: DateTime<Utc>,
    /// When its webhook is posted; never, if nobody is told.
    pub(super) due: Option<DateTime<Utc>>,
    pub(super) data: Value,
}

/// A webhook that is to be posted now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) sequence: i64,
    pub(super) mail_id: String,
    /// The event, as it was written and always goes out.
    pub(super) data: String,
    /// Made at the first attempt and kept.
    pub(super) signature: Option<String>,
    pub(super) attempts: i64,
}

/// Which events somebody asks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Filter {
    pub(super) message_id: Option<String>,
    pub(super) recipient: Option<String>,
    pub(super) name: Option<String>,
    /// Microseconds since the epoch.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) is_ascending: bool,
    pub(super) limit: i64,
    pub(super) offset: i64,
}

/// The file.
pub(super) struct Mailbox {
    readers: SqlitePool,
    /// One connection: writers queue here instead of waiting blindly for SQLite's lock.
    writer: SqlitePool,
}

impl Mailbox {
    /// Opens the file, and makes it when missing.
    pub(super) async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        keep_private(path).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Survives a killed process; only a power cut may cost the last mails of a mailbox for trying out.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::raw_sql(SCHEMA).execute(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(2).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Keeps mails and plans what happens to each, all or nothing.
    pub(super) async fn take(&self, mails: &[(Mail, Vec<Planned>)]) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        for (mail, events) in mails {
            sqlx::query("INSERT INTO mail (id, recipient, data) VALUES ($1, $2, $3)")
                .bind(&mail.id)
                .bind(mail.to.to_ascii_lowercase())
                .bind(json(mail)?)
                .execute(&mut *transaction)
                .await?;
            for event in events {
                insert_event(&mut transaction, mail, event).await?;
            }
        }
        transaction.commit().await
    }

    /// Plans one more event of a mail.
    pub(super) async fn plan(&self, mail: &Mail, event: &Planned) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        insert_event(&mut transaction, mail, event).await?;
        transaction.commit().await
    }

    /// The newest mails first, of one recipient or of all.
    pub(super) async fn list(&self, to: Option<&str>, limit: i64) -> Result<Vec<Mail>, sqlx::Error> {
        let rows = match to {
            Some(to) => {
                sqlx::query("SELECT data FROM mail WHERE recipient = $1 ORDER BY sequence DESC LIMIT $2")
                    .bind(to.to_ascii_lowercase())
                    .bind(limit)
                    .fetch_all(&self.readers)
                    .await?
            }
            None => {
                sqlx::query("SELECT data FROM mail ORDER BY sequence DESC LIMIT $1")
                    .bind(limit)
                    .fetch_all(&self.readers)
                    .await?
            }
        };
        rows.iter().map(|row| parse(row.get("data"))).collect()
    }

    pub(super) async fn find(&self, id: &str) -> Result<Option<Mail>, sqlx::Error> {
        let row =
            sqlx::query("SELECT data FROM mail WHERE id = $1").bind(id).fetch_optional(&self.readers).await?;
        row.map(|row| parse(row.get("data"))).transpose()
    }

    /// Forgets the mails; what is planned still happens.
    pub(super) async fn clear(&self) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM mail").execute(&self.writer).await.map(drop)
    }

    /// When a mail is delivered, if it ever is.
    pub(super) async fn delivered_at(&self, mail_id: &str) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let at: Option<i64> =
            sqlx::query_scalar("SELECT MIN(at) FROM event WHERE mail_id = $1 AND name = 'delivered'")
                .bind(mail_id)
                .fetch_one(&self.readers)
                .await?;
        Ok(at.and_then(DateTime::from_timestamp_micros))
    }

    /// Webhooks whose time has come, in order.
    pub(super) async fn due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT sequence, mail_id, data, signature, attempts FROM event
             WHERE due <= $1 ORDER BY due, sequence LIMIT $2",
        )
        .bind(now.timestamp_micros())
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let due = |row: &sqlx::sqlite::SqliteRow| Due {
            sequence: row.get("sequence"),
            mail_id: row.get("mail_id"),
            data: row.get("data"),
            signature: row.get("signature"),
            attempts: row.get("attempts"),
        };
        Ok(rows.iter().map(due).collect())
    }

    /// When the next webhook goes out.
    pub(super) async fn next_due(&self) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let due: Option<i64> = sqlx::query_scalar("SELECT MIN(due) FROM event WHERE due IS NOT NULL")
            .fetch_one(&self.readers)
            .await?;
        Ok(due.and_then(DateTime::from_timestamp_micros))
    }

    /// Keeps signatures before they are used for the first time.
    pub(super) async fn keep_signatures(&self, signed: &[(i64, &str)]) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        for (sequence, signature) in signed {
            sqlx::query("UPDATE event SET signature = $2 WHERE sequence = $1")
                .bind(sequence)
                .bind(signature)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// Keeps what became of posts: when to try again, or that nothing is left to do.
    pub(super) async fn settle(&self, posts: &[(i64, Option<DateTime<Utc>>)]) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        for (sequence, again) in posts {
            sqlx::query("UPDATE event SET attempts = attempts + 1, due = $2 WHERE sequence = $1")
                .bind(sequence)
                .bind(again.map(|at| at.timestamp_micros()))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// One page of events, as JSON.
    pub(super) async fn events(&self, filter: &Filter) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT data FROM event
             WHERE at BETWEEN $1 AND $2 AND ($3 IS NULL OR message_id = $3)
               AND ($4 IS NULL OR recipient = $4) AND ($5 IS NULL OR name = $5)
             ORDER BY CASE WHEN $6 THEN at ELSE -at END, sequence LIMIT $7 OFFSET $8",
        )
        .bind(filter.from)
        .bind(filter.to)
        .bind(&filter.message_id)
        .bind(filter.recipient.as_ref().map(|to| to.to_ascii_lowercase()))
        .bind(&filter.name)
        .bind(filter.is_ascending)
        .bind(filter.limit)
        .bind(filter.offset)
        .fetch_all(&self.readers)
        .await
    }
}

async fn insert_event(
    transaction: &mut Transaction<'_, Sqlite>,
    mail: &Mail,
    event: &Planned,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO event (mail_id, name, message_id, recipient, at, data, due) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&mail.id)
    .bind(event.name)
    .bind(&mail.message_id)
    .bind(mail.to.to_ascii_lowercase())
    .bind(event.at.timestamp_micros())
    .bind(event.data.to_string())
    .bind(event.due.map(|due| due.timestamp_micros()))
    .execute(&mut **transaction)
    .await
    .map(drop)
}

fn json(mail: &Mail) -> Result<String, sqlx::Error> {
    serde_json::to_string(mail).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn parse(data: &str) -> Result<Mail, sqlx::Error> {
    serde_json::from_str(data).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Makes the file readable by its owner only; SQLite's side files take over its mode.
fn keep_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
