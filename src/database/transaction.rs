//! Several statements that take effect together or not at all. Dropped without `commit`, nothing happened.

use sqlx::{Postgres, Sqlite};

use super::{DatabaseError, Dialect, Row, Value, bulk, value};

/// A transaction under way.
#[derive(Debug)]
pub enum Transaction {
    /// On PostgreSQL, READ COMMITTED.
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// On SQLite, with the writer held.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Reads all rows.
    pub async fn fetch_all(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        Ok(match self {
            Self::Postgres(transaction) => value::postgres(sql, values)
                .fetch_all(&mut **transaction)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
            Self::Sqlite(transaction) => value::sqlite(sql, values)
                .fetch_all(&mut **transaction)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
        })
    }

    /// Reads at most one row.
    pub async fn fetch_optional(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Runs one statement; answers the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        Ok(match self {
            Self::Postgres(transaction) => {
                value::postgres(sql, values).execute(&mut **transaction).await?.rows_affected()
            }
            Self::Sqlite(transaction) => {
                value::sqlite(sql, values).execute(&mut **transaction).await?.rows_affected()
            }
        })
    }

    /// Inserts many rows with few statements. `suffix` may hold an `ON CONFLICT` clause. Table, columns and
    /// suffix must be constants of the program.
    pub async fn insert_many(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &str,
    ) -> Result<u64, DatabaseError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let transaction = match self {
            Self::Postgres(transaction) => {
                let (sql, arrays) = bulk::postgres(table, columns, &rows, suffix);
                return Ok(bulk::bind(&sql, &arrays).execute(&mut **transaction).await?.rows_affected());
            }
            Self::Sqlite(transaction) => transaction,
        };
        let mut inserted = 0;
        let mut rest = rows.as_slice();
        for size in bulk::CHUNKS {
            let sql = bulk::sqlite(table, columns, size, suffix);
            while rest.len() >= size {
                let (chunk, after) = rest.split_at(size);
                let values = chunk.concat();
                inserted += value::sqlite(&sql, &values).execute(&mut **transaction).await?.rows_affected();
                rest = after;
            }
        }
        Ok(inserted)
    }

    /// Makes it take effect. After a lost connection nobody knows whether it did.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Postgres(transaction) => transaction.commit().await,
            Self::Sqlite(transaction) => transaction.commit().await,
        }
        .map_err(DatabaseError::of_write)
    }
}
