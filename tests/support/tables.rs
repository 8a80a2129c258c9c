//! What lies in a database, row by row, past every module that knows what it means.

use backstamp::database::{Database, Dialect};

/// The names of all tables.
pub async fn names(database: &Database) -> Vec<String> {
    let sql = database.dialect().pick(
        "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1",
    );
    let rows = database.fetch_all(sql, &[]).await.expect("the tables are listed");
    rows.iter().map(|row| row.text("name").expect("a name")).collect()
}

/// Every row of a table as one text, in an order that depends on nothing but content. Bytes are hexadecimal.
pub async fn rows(database: &Database, table: &str) -> Vec<String> {
    let whole = match database.dialect() {
        Dialect::Postgres => format!("CAST(({table}.*) AS TEXT)"),
        Dialect::Sqlite => {
            let sql = "SELECT name FROM pragma_table_info($1)";
            let columns = database.fetch_all(sql, &[table.into()]).await.expect("the columns are listed");
            let quoted = columns.iter().map(|row| format!("quote({})", row.text("name").expect("a name")));
            quoted.collect::<Vec<_>>().join(" || ',' || ")
        }
    };
    let sql = format!("SELECT {whole} AS whole FROM {table} ORDER BY 1");
    let rows = database.fetch_all(&sql, &[]).await.expect("the rows are read");
    rows.iter().map(|row| row.text("whole").expect("a row")).collect()
}
