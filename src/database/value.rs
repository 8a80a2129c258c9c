//! What can be bound to a placeholder. A null keeps its type: PostgreSQL wants to know it.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA, or BLOB on SQLite.
    Bytes(Option<Vec<u8>>),
    /// DOUBLE PRECISION, or REAL on SQLite.
    Real(Option<f64>),
}

macro_rules! from {
    ($($from:ty => $variant:ident, $convert:expr;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }

        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}

from! {
    i64 => Int, i64::from;
    u32 => Int, i64::from;
    i32 => Int, i64::from;
    bool => Int, i64::from;
    String => Text, String::from;
    &str => Text, str::to_owned;
    Vec<u8> => Bytes, Vec::from;
    &[u8] => Bytes, <[u8]>::to_vec;
    f64 => Real, f64::from;
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<usize> for Value {
    /// Counts and limits; what does not fit is more than any table holds.
    fn from(value: usize) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

macro_rules! bind_all {
    ($sql:expr, $values:expr) => {
        $values.iter().fold(sqlx::query($sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
        })
    };
}

pub(super) fn postgres<'q>(sql: &'q str, values: &'q [Value]) -> Query<'q, Postgres, PgArguments> {
    bind_all!(sql, values)
}

pub(super) fn sqlite<'q>(sql: &'q str, values: &'q [Value]) -> Query<'q, Sqlite, SqliteArguments<'q>> {
    bind_all!(sql, values)
}
