//! Many rows with few statements: on PostgreSQL one array per column, on SQLite lists of tuples in a few fixed
//! sizes. Either way there are few distinct texts, so that the statement cache holds them all.

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::Value;

/// Rows per statement on SQLite, largest first.
pub const CHUNKS: [usize; 4] = [128, 16, 4, 1];

/// A column of many rows.
pub enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Real(Vec<Option<f64>>),
}

/// The statement, the same for any number of rows, and its arrays. Every row must have the same kinds of
/// values, and there must be one.
pub fn postgres(table: &str, columns: &[&str], rows: &[Vec<Value>], suffix: &str) -> (String, Vec<Column>) {
    let arrays: Vec<_> = (0..columns.len()).map(|index| column(rows, index)).collect();
    let places: Vec<_> = arrays
        .iter()
        .enumerate()
        .map(|(index, array)| {
            let kind = match array {
                Column::Int(_) => "bigint",
                Column::Text(_) => "text",
                Column::Bytes(_) => "bytea",
                Column::Real(_) => "double precision",
            };
            format!("${}::{kind}[]", index + 1)
        })
        .collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    (format!("INSERT INTO {table} ({columns}) SELECT * FROM unnest({places}) {suffix}"), arrays)
}

fn column(rows: &[Vec<Value>], index: usize) -> Column {
    let values = rows.iter().map(|row| &row[index]);
    macro_rules! gather {
        ($variant:ident) => {
            Column::$variant(
                values
                    .map(|value| match value {
                        Value::$variant(value) => value.clone(),
                        _ => None,
                    })
                    .collect(),
            )
        };
    }
    match rows.first().map(|row| &row[index]) {
        Some(Value::Int(_)) => gather!(Int),
        Some(Value::Bytes(_)) => gather!(Bytes),
        Some(Value::Real(_)) => gather!(Real),
        Some(Value::Text(_)) | None => gather!(Text),
    }
}

/// Binds the arrays to their statement.
pub fn bind<'q>(sql: &'q str, arrays: &'q [Column]) -> Query<'q, Postgres, PgArguments> {
    arrays.iter().fold(sqlx::query(sql), |query, column| match column {
        Column::Int(values) => query.bind(values),
        Column::Text(values) => query.bind(values),
        Column::Bytes(values) => query.bind(values),
        Column::Real(values) => query.bind(values),
    })
}

/// The statement for so many rows.
pub fn sqlite(table: &str, columns: &[&str], rows: usize, suffix: &str) -> String {
    let width = columns.len();
    let tuples: Vec<String> = (0..rows)
        .map(|row| {
            let places: Vec<String> = (1..=width).map(|n| format!("${}", row * width + n)).collect();
            format!("({})", places.join(", "))
        })
        .collect();
    format!("INSERT INTO {table} ({}) VALUES {} {suffix}", columns.join(", "), tuples.join(", "))
}
