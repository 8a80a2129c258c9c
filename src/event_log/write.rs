//! Writing a batch, on either database: positions without a gap, in commit order.

mod postgres;
mod sqlite;

use std::collections::HashMap;

use super::append::{Append, AppendError, Appended};
use crate::database::{Database, DatabaseError, Dialect, Row};

/// Appends a batch in one transaction; answers for each append in order. No two of them may decide on the
/// same stream or carry the same command or effect.
pub async fn batch(
    database: &Database,
    appends: &[Append],
) -> Result<Vec<Result<Appended, AppendError>>, DatabaseError> {
    match database.dialect() {
        Dialect::Postgres => postgres::batch(database, appends).await,
        Dialect::Sqlite => sqlite::batch(database, appends).await,
    }
}

/// Which of these commands are in the log, with the first sequence of each. Waits until no append of a lost
/// connection is under way any more.
pub async fn known_commands(
    database: &Database,
    appends: &[Append],
) -> Result<HashMap<String, i64>, DatabaseError> {
    let mut transaction = database.begin().await?;
    if database.dialect() == Dialect::Postgres {
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[postgres::LOCK.into()]).await?;
    }
    let mut known = HashMap::new();
    for append in appends {
        let id = append.command_id.to_string();
        let sql = "SELECT sequence FROM events WHERE command_id = $1";
        if let Some(row) = transaction.fetch_optional(sql, &[id.as_str().into()]).await? {
            known.insert(id, row.int("sequence")?);
        }
    }
    transaction.commit().await?;
    Ok(known)
}

fn outcome(verdict: &str, first_sequence: Option<i64>) -> Result<Appended, AppendError> {
    match verdict {
        "stored" => Ok(Appended::Stored { first_sequence: first_sequence.unwrap_or_default() }),
        "duplicate" => Ok(Appended::Duplicate),
        "effect_known" => Ok(Appended::EffectKnown),
        _ => Err(AppendError::Conflict),
    }
}

fn outcome_of(row: &Row) -> Result<Result<Appended, AppendError>, DatabaseError> {
    Ok(outcome(&row.text("verdict")?, row.optional_int("first_sequence")?))
}
