//! A record of who was shown what is otherwise masked: an address, the body of a webhook. It is written before
//! anything is shown, and nothing here forgets.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::Clock;
use crate::database::page::{Cursor, LARGEST, ListError, Page, Place};
use crate::database::{Database, DatabaseError, Row};

/// The record. Cheap to clone.
#[derive(Clone)]
pub struct Disclosures {
    database: Database,
    clock: Arc<dyn Clock>,
}

/// What can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The recipient of a message.
    Message,
    /// The body of a webhook.
    Webhook,
}

/// Somebody was shown something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disclosure {
    pub at: DateTime<Utc>,
    /// `operator` for the admin key, else the id of a key or an account.
    pub shown_to: String,
    /// `message` or `webhook`.
    pub kind: String,
    /// Its id.
    pub subject: String,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Webhook => "webhook",
        }
    }
}

impl Disclosures {
    /// The record in this database.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// Writes down that somebody is about to be shown something. Show it only once this has answered.
    pub async fn record(&self, shown_to: &str, kind: Kind, subject: &str) -> Result<(), ListError> {
        let sql = "INSERT INTO disclosures (id, at, shown_to, kind, subject) VALUES ($1, $2, $3, $4, $5)";
        let values = [
            self.clock.uuid().simple().to_string().into(),
            self.clock.now().timestamp_micros().into(),
            shown_to.into(),
            kind.as_str().into(),
            subject.into(),
        ];
        self.database.execute(sql, &values).await?;
        Ok(())
    }

    /// A page of the record, newest first.
    pub async fn list(&self, limit: usize, cursor: Option<&str>) -> Result<Page<Disclosure>, ListError> {
        let limit = limit.clamp(1, LARGEST);
        let place = Place::parse(cursor)?;
        let mut sql = "SELECT id, at, shown_to, kind, subject FROM disclosures WHERE 1 = 1".to_owned();
        let mut values = Vec::new();
        place.end(&mut sql, &mut values, ("at", "id"), limit);
        let rows = self.database.fetch_all(&sql, &values).await?;
        let rows = rows.iter().map(read).collect::<Result<_, DatabaseError>>()?;
        Ok(place.page(rows, limit))
    }
}

fn read(row: &Row) -> Result<(Cursor, Disclosure), DatabaseError> {
    let at = row.int("at")?;
    let disclosure = Disclosure {
        at: DateTime::from_timestamp_micros(at).unwrap_or_default(),
        shown_to: row.text("shown_to")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
    };
    Ok((Cursor { at, id: row.text("id")? }, disclosure))
}
