//! Whole tables: an empty copy of one made, two exchanged, one that nobody reads any more removed. Table names
//! here are constants of the program.

use super::{Database, DatabaseError, Dialect, Transaction};

/// Rows that are removed at a time: nothing else waits long for it.
const BITE: i64 = 2_000;

impl Transaction {
    /// Makes an empty table of the same shape, indexes included.
    pub async fn copy_shape(&mut self, table: &str, copy: &str) -> Result<(), DatabaseError> {
        if self.dialect() == Dialect::Postgres {
            self.execute(&format!("CREATE TABLE \"{copy}\" (LIKE \"{table}\" INCLUDING ALL)"), &[]).await?;
            return Ok(());
        }
        let sql = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = $1 AND sql IS NOT NULL
                   ORDER BY type DESC";
        for row in self.fetch_all(sql, &[table.into()]).await? {
            let text = row.text("sql")?;
            // What the table holds, or which columns the index has; its name and the table's stand before.
            let body = text.find('(').map(|at| &text[at..]).unwrap_or_default();
            let statement = match row.text("type")?.as_str() {
                "table" => format!("CREATE TABLE \"{copy}\" {body}"),
                _ => {
                    let unique =
                        if text.to_uppercase().starts_with("CREATE UNIQUE") { "UNIQUE " } else { "" };
                    let name = another(&row.text("name")?);
                    format!("CREATE {unique}INDEX \"{name}\" ON \"{copy}\" {body}")
                }
            };
            self.execute(&statement, &[]).await?;
        }
        Ok(())
    }

    /// Puts the copy in the table's place; the table is called `former` from then on. PostgreSQL's views go on with
    /// the table that bears the name: by themselves they would stay with the one that they were made for.
    pub async fn exchange_table(
        &mut self,
        table: &str,
        copy: &str,
        former: &str,
    ) -> Result<(), DatabaseError> {
        let views = if self.dialect() == Dialect::Postgres { self.views_of(table).await? } else { vec![] };
        self.rename_table(table, former).await?;
        self.rename_table(copy, table).await?;
        for (view, definition) in views {
            self.execute(&format!("CREATE OR REPLACE VIEW {view} AS {definition}"), &[]).await?;
        }
        Ok(())
    }

    /// The views that read a table, by their quoted names, and what they read.
    async fn views_of(&mut self, table: &str) -> Result<Vec<(String, String)>, DatabaseError> {
        let sql = "
            SELECT DISTINCT format('%I.%I', n.nspname, v.relname) AS name, pg_get_viewdef(v.oid) AS definition
            FROM pg_depend d
            JOIN pg_rewrite r ON r.oid = d.objid
            JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
            JOIN pg_namespace n ON n.oid = v.relnamespace
            WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = to_regclass($1)";
        let rows = self.fetch_all(sql, &[format!("\"{table}\"").into()]).await?;
        rows.iter().map(|row| Ok((row.text("name")?, row.text("definition")?))).collect()
    }

    async fn rename_table(&mut self, table: &str, name: &str) -> Result<(), DatabaseError> {
        self.execute(&format!("ALTER TABLE \"{table}\" RENAME TO \"{name}\""), &[]).await?;
        Ok(())
    }

    /// Waits for readers of a table only so long: while this waits, new ones wait behind it. It ends before
    /// PostgreSQL looks for deadlocks, so that none of them is its victim. SQLite's readers are in nobody's way.
    pub async fn wait_briefly(&mut self) -> Result<(), DatabaseError> {
        if self.dialect() == Dialect::Postgres {
            self.execute("SET LOCAL lock_timeout = '200ms'", &[]).await?;
        }
        Ok(())
    }
}

impl Database {
    /// Removes a table that nobody reads any more, bite by bite where that would hold up writers. One that is not
    /// there is no error.
    pub async fn remove_table(&self, table: &str) -> Result<(), DatabaseError> {
        if let Self::Sqlite { .. } = self {
            let exists = "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = $1";
            if self.fetch_optional(exists, &[table.into()]).await?.is_none() {
                return Ok(());
            }
            let bite = format!(
                "DELETE FROM \"{table}\" WHERE rowid IN (SELECT rowid FROM \"{table}\" LIMIT {BITE})"
            );
            while self.execute(&bite, &[]).await? > 0 {}
        }
        self.execute(&format!("DROP TABLE IF EXISTS \"{table}\""), &[]).await?;
        Ok(())
    }
}

/// The name for the copy of an index, which no index has: `x`, `x@2`, `x@3` and so on. SQLite cannot rename one.
fn another(index: &str) -> String {
    match index.rsplit_once('@').map(|(name, number)| (name, number.parse::<u64>())) {
        Some((name, Ok(number))) => format!("{name}@{}", number + 1),
        _ => format!("{index}@2"),
    }
}

#[cfg(test)]
mod tests {
    use crate::database::Dialect;
    use crate::database::scratch::Scratch;

    #[tokio::test]
    async fn a_copy_takes_the_place_of_its_original_again_and_again() {
        let scratch = Scratch::new().await;
        let database = &scratch.database;
        for text in [
            "CREATE TABLE words (id TEXT NOT NULL PRIMARY KEY, word TEXT, at BIGINT NOT NULL)",
            "CREATE UNIQUE INDEX words_word ON words (word) WHERE word <> ''",
            "CREATE INDEX words_at ON words (at, id)",
        ] {
            database.execute(text, &[]).await.unwrap();
        }

        let mut readers = vec!["words"];
        if database.dialect() == Dialect::Postgres {
            let view = "CREATE VIEW longest AS SELECT w.id FROM words w ORDER BY length(w.word) DESC";
            database.execute(view, &[]).await.unwrap();
            readers.push("longest");
        }

        for round in ["a", "b", "c"] {
            let insert = format!("INSERT INTO words (id, word, at) VALUES ('{round}', 'old', 1)");
            database.execute(&insert, &[]).await.unwrap();
            let mut transaction = database.begin().await.unwrap();
            transaction.copy_shape("words", "words@2").await.unwrap();
            transaction.wait_briefly().await.unwrap();
            transaction.exchange_table("words", "words@2", "words@1").await.unwrap();
            transaction.commit().await.unwrap();
            database.remove_table("words@1").await.unwrap();
            database.remove_table("words@1").await.unwrap();

            for reader in &readers {
                let left = database.fetch_all(&format!("SELECT id FROM {reader}"), &[]).await.unwrap();
                assert!(left.is_empty(), "{round}: {reader}");
            }
            let twice = "INSERT INTO words (id, word, at) VALUES ('x', 'same', 1), ('y', 'same', 1)";
            let refused = database.execute(twice, &[]).await;
            assert!(refused.is_err(), "{round}: the unique index came along");
        }
    }
}
