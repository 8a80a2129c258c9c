//! SQL on two databases with one text.
//!
//! Statements here read the same on SQLite and PostgreSQL: ids are TEXT, times are BIGINT microseconds,
//! placeholders are `$n`. What differs is chosen by [`Database::dialect`], in few and named places. Knows no
//! table and no rule; must never build a statement from input.

mod bulk;
mod connect;
mod error;
mod group_commit;
pub mod page;
mod row;
pub mod scratch;
mod tables;
mod transaction;
mod value;

use std::time::Duration;

use sqlx::{PgPool, SqlitePool};

pub use error::DatabaseError;
pub use group_commit::{GroupCommit, QueueFull, Submission};
pub use row::Row;
use transaction::Connection;
pub use transaction::Transaction;
pub use value::Value;

/// Which of the two databases it is, for the few statements that must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL 13 or later.
    Postgres,
    /// The embedded database.
    Sqlite,
}

impl Dialect {
    /// The text for this database.
    pub fn pick(self, postgres: &'static str, sqlite: &'static str) -> &'static str {
        match self {
            Self::Postgres => postgres,
            Self::Sqlite => sqlite,
        }
    }

    /// A subselect of the texts in a JSON array, which is bound in this place: one statement for any number.
    pub fn texts(self, place: usize) -> String {
        match self {
            Self::Postgres => format!("(SELECT json_array_elements_text(CAST(${place} AS json)))"),
            Self::Sqlite => format!("(SELECT value FROM json_each(${place}))"),
        }
    }
}

/// A connected database. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Database {
    /// Any number of connections.
    Postgres(PgPool),
    /// Readers apart from the one writer.
    Sqlite {
        /// Connections that only read; they never wait for the writer.
        readers: SqlitePool,
        /// The one connection that writes.
        writer: SqlitePool,
    },
}

/// Times that a read is tried when the connection turns out to be dead, as all are after a restart.
const READ_TRIES: usize = 12;

impl Database {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// Reads all rows. A dead connection is replaced and the read repeated.
    pub async fn fetch_all(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let mut tries = 1;
        loop {
            let rows = match self {
                Self::Postgres(pool) => value::postgres(sql, values)
                    .fetch_all(pool)
                    .await
                    .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
                Self::Sqlite { readers, .. } => value::sqlite(sql, values)
                    .fetch_all(readers)
                    .await
                    .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            };
            match rows {
                Err(sqlx::Error::Io(_)) if tries < READ_TRIES => tries += 1,
                rows => return rows.map_err(DatabaseError::from),
            }
        }
    }

    /// Reads at most one row.
    pub async fn fetch_optional(&self, sql: &str, values: &[Value]) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Reads exactly one row, as aggregates give.
    pub async fn fetch_one(&self, sql: &str, values: &[Value]) -> Result<Row, DatabaseError> {
        self.fetch_optional(sql, values).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Runs one statement in a transaction of its own; answers the number of rows it changed.
    pub async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        let mut transaction = self.begin().await?;
        let changed = transaction.execute(sql, values).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Inserts many rows in a transaction of their own: on PostgreSQL one statement, one round trip and one
    /// commit. For table, columns and suffix see [`Transaction::insert_many`].
    pub async fn insert_all(
        &self,
        table: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &str,
    ) -> Result<u64, DatabaseError> {
        if rows.is_empty() {
            return Ok(0);
        }
        if let Self::Postgres(pool) = self {
            let (sql, arrays) = bulk::postgres(table, columns, &rows, suffix);
            let inserted = bulk::bind(&sql, &arrays).execute(pool).await;
            return inserted.map(|done| done.rows_affected()).map_err(DatabaseError::of_write);
        }
        let mut transaction = self.begin().await?;
        let inserted = transaction.insert_many(table, columns, rows, suffix).await?;
        transaction.commit().await?;
        Ok(inserted)
    }

    /// Begins a transaction that may write. On SQLite it holds the writer from the start, so it never fails
    /// halfway because another one wrote first; do nothing slow in it.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction::new(match self {
            Self::Postgres(pool) => Connection::Postgres(pool.begin().await?),
            Self::Sqlite { writer, .. } => Connection::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
        }))
    }

    /// Begins a transaction that only reads: each statement in it sees the state that the first one saw. A dead
    /// connection is replaced.
    pub async fn snapshot(&self) -> Result<Transaction, DatabaseError> {
        let mut tries = 1;
        loop {
            let begun = match self {
                Self::Postgres(pool) => pool
                    .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await
                    .map(Connection::Postgres),
                Self::Sqlite { readers, .. } => readers.begin().await.map(Connection::Sqlite),
            };
            match begun {
                Err(sqlx::Error::Io(_)) if tries < READ_TRIES => tries += 1,
                begun => return Ok(Transaction::new(begun?)),
            }
        }
    }

    /// Whether the database answers within this time.
    pub async fn answers(&self, within: Duration) -> bool {
        matches!(tokio::time::timeout(within, self.fetch_all("SELECT 1", &[])).await, Ok(Ok(_)))
    }

    /// Waits for statements in flight and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}
