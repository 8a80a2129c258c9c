//! What lies in a database, row by row, past every module that knows what it means.

use std::collections::BTreeMap;

use backstamp::database::{Database, Dialect};
use backstamp::domain::id::AccountId;
use backstamp::projections;

use super::wait::eventually;

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

/// What the directory holds of somebody's password.
pub async fn password_hash(database: &Database, account: AccountId) -> String {
    let sql = "SELECT password_hash FROM accounts WHERE id = $1";
    let row = database.fetch_one(sql, &[account.to_string().into()]).await.expect("the account");
    row.text("password_hash").expect("a hash")
}

/// Everything that projections have derived, table by table.
pub async fn projected(database: &Database) -> BTreeMap<&'static str, Vec<String>> {
    let mut content = BTreeMap::new();
    for table in projections::projections().iter().flat_map(|projection| projection.tables()) {
        content.insert(*table, rows(database, table).await);
    }
    content
}

/// Waits until every projection has folded the whole log. One that was cut off while it was made anew beside the
/// live one does not count.
pub async fn folded(database: &Database) {
    let sql = "SELECT MAX(position) AS last, \
               (SELECT MIN(position) FROM checkpoints WHERE consumer NOT LIKE '%@%') AS folded FROM events";
    eventually("the projections have caught up", async || {
        let row = database.fetch_one(sql, &[]).await.expect("positions");
        let position = |column| row.optional_int(column).expect("a number");
        (position("last") == position("folded")).then_some(())
    })
    .await;
}
