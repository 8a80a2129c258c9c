//! Webhooks understood once more: one, some, or all since a time. An effect happens once however often it is told,
//! so a replay can only add what is missing.
//!
//! Many are counted first. The count comes with a confirmation, which stands for exactly what was counted; only
//! with it are they replayed, so that nobody replays a million by a slip of the finger.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Inbox;
use crate::database::{Database, DatabaseError, Value};
use crate::domain::id::WebhookId;

/// Webhooks of one statement: nothing else waits long for it.
const BITE: usize = 1_000;

/// Which webhooks. Every given field must hold, and at least one of `ids` and `since` must be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    pub ids: Option<Vec<String>>,
    /// Received at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// Received before this instant; without it, before the counting.
    pub until: Option<DateTime<Utc>>,
    /// Only those with this outcome.
    pub outcome: Option<String>,
}

/// What a selection comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Webhooks that it holds. Those that wait anyway, and those whose bodies were erased, are not among them.
    pub count: i64,
    /// To be sent along with the same selection; null once they are replayed.
    pub confirmation: Option<String>,
    /// Webhooks that are understood once more from now on.
    pub replayed: i64,
}

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No such webhook.
    #[error("no such webhook")]
    NotFound,
    /// It cannot be understood once more.
    #[error("{0}")]
    Impossible(&'static str),
    /// The confirmation is for another selection, or is none.
    #[error("the confirmation is not the one of this selection")]
    NotConfirmed,
    /// Since it was counted, something has changed.
    #[error("there are {0} now: count again")]
    Changed(i64),
}

/// What a confirmation says.
#[derive(Serialize, Deserialize)]
struct Confirmation {
    /// Of the selection.
    digest: String,
    /// Before this instant, in microseconds.
    until: i64,
    count: i64,
}

impl Inbox {
    /// Lets one webhook be understood once more.
    pub async fn replay(&self, id: WebhookId) -> Result<(), ReplayError> {
        let database = &self.inner.database;
        let sql = format!("UPDATE webhooks SET {AGAIN} WHERE id = $2 AND {REPLAYABLE}");
        let now = self.inner.clock.now().timestamp_micros();
        if database.execute(&sql, &[now.into(), id.to_string().into()]).await? == 1 {
            self.inner.received.send_replace(());
            return Ok(());
        }
        let sql = "SELECT outcome FROM webhooks WHERE id = $1
                   UNION ALL SELECT 'contested' AS outcome FROM contested_webhooks WHERE id = $1";
        let row = database.fetch_optional(sql, &[id.to_string().into()]).await?;
        match row.map(|row| row.text("outcome")).transpose()?.as_deref() {
            None => Err(ReplayError::NotFound),
            Some("pending") => Ok(()),
            Some("contested") => Err(ReplayError::Impossible(
                "Its content is not what was signed first; it must have no effect.",
            )),
            Some(_) => {
                Err(ReplayError::Impossible("Its body was erased; there is nothing left to understand."))
            }
        }
    }

    /// Counts what a selection holds; with the confirmation of that count, lets all of it be understood once more.
    pub async fn replay_many(
        &self,
        selection: &Selection,
        confirmation: Option<&str>,
    ) -> Result<Replay, ReplayError> {
        let database = &self.inner.database;
        let now = self.inner.clock.now();
        let digest = hex::encode(Sha256::digest(serde_json::json!(selection).to_string()));
        let Some(confirmation) = confirmation else {
            // Also what came at this very instant.
            let until = selection.until.map_or(now.timestamp_micros() + 1, |at| at.timestamp_micros());
            let count = selection.count(database, until).await?;
            let confirmation = serde_json::json!(Confirmation { digest, until, count }).to_string();
            return Ok(Replay {
                count,
                confirmation: Some(URL_SAFE_NO_PAD.encode(confirmation)),
                replayed: 0,
            });
        };
        let confirmed: Confirmation = URL_SAFE_NO_PAD
            .decode(confirmation)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .filter(|confirmed: &Confirmation| confirmed.digest == digest)
            .ok_or(ReplayError::NotConfirmed)?;
        let count = selection.count(database, confirmed.until).await?;
        if count != confirmed.count {
            return Err(ReplayError::Changed(count));
        }
        let replayed = self.bite_by_bite(selection, confirmed.until, now).await?;
        Ok(Replay { count, confirmation: None, replayed })
    }

    async fn bite_by_bite(
        &self,
        selection: &Selection,
        until: i64,
        now: DateTime<Utc>,
    ) -> Result<i64, DatabaseError> {
        let (condition, mut values) = selection.condition(until);
        values.extend([now.timestamp_micros().into(), Value::from(BITE), String::new().into()]);
        let (at, bite, last) = (values.len() - 2, values.len() - 1, values.len());
        let sql = format!(
            "UPDATE webhooks SET {} WHERE id IN (SELECT id FROM webhooks WHERE {condition} AND id > ${last} \
             ORDER BY id LIMIT ${bite}) RETURNING id",
            AGAIN.replace("$1", &format!("${at}"))
        );
        let mut replayed = 0;
        // By id and not by what is left: a worker may be done with the first before the last are asked for.
        loop {
            let mut transaction = self.inner.database.begin().await?;
            let rows = transaction.fetch_all(&sql, &values).await?;
            transaction.commit().await?;
            let ids = rows.iter().map(|row| row.text("id")).collect::<Result<Vec<_>, _>>()?;
            self.inner.received.send_replace(());
            replayed += i64::try_from(ids.len()).unwrap_or(i64::MAX);
            match ids.into_iter().max() {
                Some(highest) => values[last - 1] = highest.into(),
                None => return Ok(replayed),
            }
        }
    }
}

const AGAIN: &str = "outcome = 'pending', reason = NULL, attempts = 0, due_at = $1";
/// What waits is understood anyway; what was erased has no body that could be.
const REPLAYABLE: &str = "outcome <> 'pending' AND wrapped_key IS NOT NULL";

impl Selection {
    async fn count(&self, database: &Database, until: i64) -> Result<i64, DatabaseError> {
        let (condition, values) = self.condition(until);
        let sql = format!("SELECT COUNT(*) AS n FROM webhooks WHERE {condition}");
        database.fetch_one(&sql, &values).await?.int("n")
    }

    fn condition(&self, until: i64) -> (String, Vec<Value>) {
        let since = self.since.map_or(0, |at| at.timestamp_micros());
        let mut values: Vec<Value> = vec![since.into(), until.into()];
        let mut sql = format!("received_at >= $1 AND received_at < $2 AND {REPLAYABLE}");
        if let Some(outcome) = &self.outcome {
            values.push(outcome.into());
            sql.push_str(&format!(" AND outcome = ${}", values.len()));
        }
        if let Some(ids) = &self.ids {
            let places = ids.iter().map(|id| {
                values.push(id.into());
                format!("${}", values.len())
            });
            let places = places.collect::<Vec<_>>().join(", ");
            sql.push_str(&format!(" AND id IN ({places})"));
        }
        (sql, values)
    }
}
