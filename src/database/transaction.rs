//! Several statements that take effect together or not at all. Dropped without `commit`, nothing happened.

use std::borrow::Cow;

use sqlx::{Postgres, Sqlite};

use super::{DatabaseError, Dialect, Row, Value, bulk, value};

/// A transaction under way.
#[derive(Debug)]
pub struct Transaction {
    connection: Connection,
    stand_ins: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(super) enum Connection {
    /// READ COMMITTED if it may write, REPEATABLE READ if it only reads.
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// With the writer held if it may write.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, stand_ins: vec![] }
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::Postgres(_) => Dialect::Postgres,
            Connection::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// From now on statements that name a table reach the one that stands in for it. The name of such a table must
    /// not be a column's too.
    pub fn stand_in(&mut self, tables: Vec<(&'static str, String)>) {
        self.stand_ins = tables;
    }

    /// Reads all rows.
    pub async fn fetch_all(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let sql = &*with_stand_ins(sql, &self.stand_ins);
        Ok(match &mut self.connection {
            Connection::Postgres(transaction) => value::postgres(sql, values)
                .fetch_all(&mut **transaction)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
            Connection::Sqlite(transaction) => value::sqlite(sql, values)
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

    /// Reads exactly one row, as aggregates give.
    pub async fn fetch_one(&mut self, sql: &str, values: &[Value]) -> Result<Row, DatabaseError> {
        self.fetch_optional(sql, values).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Runs one statement; answers the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        let sql = &*with_stand_ins(sql, &self.stand_ins);
        Ok(match &mut self.connection {
            Connection::Postgres(transaction) => {
                value::postgres(sql, values).execute(&mut **transaction).await?.rows_affected()
            }
            Connection::Sqlite(transaction) => {
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
        let transaction = match &mut self.connection {
            Connection::Postgres(transaction) => {
                let (sql, arrays) = bulk::postgres(table, columns, &rows, suffix);
                let sql = with_stand_ins(&sql, &self.stand_ins);
                return Ok(bulk::bind(&sql, &arrays).execute(&mut **transaction).await?.rows_affected());
            }
            Connection::Sqlite(transaction) => transaction,
        };
        let mut inserted = 0;
        let mut rest = rows.as_slice();
        for size in bulk::CHUNKS {
            let sql = bulk::sqlite(table, columns, size, suffix);
            let sql = with_stand_ins(&sql, &self.stand_ins);
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
        match self.connection {
            Connection::Postgres(transaction) => transaction.commit().await,
            Connection::Sqlite(transaction) => transaction.commit().await,
        }
        .map_err(DatabaseError::of_write)
    }
}

/// The statement with every table that has a stand-in replaced. Texts in quotes stay as they are.
fn with_stand_ins<'a>(sql: &'a str, stand_ins: &[(&'static str, String)]) -> Cow<'a, str> {
    if stand_ins.is_empty() {
        return Cow::Borrowed(sql);
    }
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut replaced = String::with_capacity(sql.len());
    for (place, part) in sql.split('\'').enumerate() {
        if place > 0 {
            replaced.push('\'');
        }
        if place % 2 == 1 {
            replaced.push_str(part);
            continue;
        }
        let mut rest = part;
        while let Some(start) = rest.find(is_of_a_name) {
            let (before, name) = rest.split_at(start);
            let (name, after) = name.split_at(name.find(|c| !is_of_a_name(c)).unwrap_or(name.len()));
            replaced.push_str(before);
            match stand_ins.iter().find(|(table, _)| *table == name) {
                Some((_, stand_in)) => replaced.push_str(&format!("\"{stand_in}\"")),
                None => replaced.push_str(name),
            }
            rest = after;
        }
        replaced.push_str(rest);
    }
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::scratch::Scratch;

    #[tokio::test]
    async fn a_snapshot_sees_one_state_whatever_is_written_meanwhile() {
        let scratch = Scratch::new().await;
        let database = &scratch.database;
        database.execute("CREATE TABLE words (id TEXT NOT NULL PRIMARY KEY)", &[]).await.unwrap();
        let count = "SELECT COUNT(*) AS n FROM words";

        let mut snapshot = database.snapshot().await.unwrap();
        let before = snapshot.fetch_one(count, &[]).await.unwrap().int("n").unwrap();
        database.execute("INSERT INTO words (id) VALUES ('new')", &[]).await.unwrap();
        let after = snapshot.fetch_one(count, &[]).await.unwrap().int("n").unwrap();
        let outside = database.fetch_one(count, &[]).await.unwrap().int("n").unwrap();

        assert_eq!((before, after, outside), (0, 0, 1));
        assert!(snapshot.execute("DELETE FROM words", &[]).await.is_err(), "it only reads");
    }

    #[test]
    fn a_table_is_replaced_where_its_whole_name_stands_and_not_in_a_text() {
        let stand_ins = [("resets", "resets@2".to_owned()), ("mail", "mail@2".to_owned())];
        let sql = "UPDATE resets SET n = resets.n + 1, kind = 'resets' WHERE resets_by = 'it''s mail' OR mail.x = 1";

        let replaced = with_stand_ins(sql, &stand_ins);

        let expected = "UPDATE \"resets@2\" SET n = \"resets@2\".n + 1, kind = 'resets' \
                        WHERE resets_by = 'it''s mail' OR \"mail@2\".x = 1";
        assert_eq!(replaced, expected);
        assert_eq!(with_stand_ins(sql, &[]), sql);
    }
}
