//! One row of an answer, read by column name.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, ValueRef as _};

use super::DatabaseError;

/// A row of either database.
pub enum Row {
    /// From PostgreSQL.
    Postgres(PgRow),
    /// From SQLite.
    Sqlite(SqliteRow),
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident, $optional:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self, column: &str) -> Result<$type, DatabaseError> {
            Ok(match self {
                Self::Postgres(row) => row.try_get(column)?,
                Self::Sqlite(row) => row.try_get(column)?,
            })
        }

        /// The same, where the column may be null.
        pub fn $optional(&self, column: &str) -> Result<Option<$type>, DatabaseError> {
            Ok(match self {
                Self::Postgres(row) => row.try_get(column)?,
                Self::Sqlite(row) => row.try_get(column)?,
            })
        }
    )*};
}

impl Row {
    getters! {
        /// A BIGINT: a count, a position, a time in microseconds. Sums must be cast to it in the statement.
        int, optional_int: i64;
        /// A TEXT.
        text, optional_text: String;
        /// A BYTEA or BLOB.
        bytes, optional_bytes: Vec<u8>;
        /// A DOUBLE PRECISION or REAL.
        real, optional_real: f64;
    }

    /// A BIGINT that stands for yes (1) or no (0).
    pub fn flag(&self, column: &str) -> Result<bool, DatabaseError> {
        Ok(self.int(column)? != 0)
    }

    /// Whether the column is null.
    pub fn is_null(&self, column: &str) -> Result<bool, DatabaseError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get_raw(column)?.is_null(),
            Self::Sqlite(row) => row.try_get_raw(column)?.is_null(),
        })
    }
}
