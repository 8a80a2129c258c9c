//! What can go wrong with a statement, by what the caller can do about it.

/// An error of the database. Its text may name tables and columns, never bound values.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Nothing was done; trying again later may help: away, busy, shutting down, out of connections.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The connection was lost while a write was under way: it may have been done.
    #[error("the connection was lost, the outcome is unknown: {0}")]
    Ambiguous(#[source] sqlx::Error),
    /// A row breaks a rule of the tables, or cannot be stored; others in its batch may be good.
    #[error("the row was refused ({constraint}): {source}")]
    Refused {
        /// The constraint by its name, or what the database called it.
        constraint: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// Trying again cannot help: a wrong statement, a missing table, a type that does not fit.
    #[error("the database refused the statement: {0}")]
    Permanent(#[source] sqlx::Error),
}

impl DatabaseError {
    /// Whether trying the same again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Ambiguous(_))
    }

    /// Whether a row was refused because it was there already, under this constraint.
    pub fn is_duplicate_of(&self, name: &str) -> bool {
        matches!(self, Self::Refused { constraint, .. } if constraint.contains(name))
    }

    /// For errors of statements that write: a connection lost on the way leaves the outcome open.
    pub fn of_write(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(source @ (sqlx::Error::Io(_) | sqlx::Error::Protocol(_))) => {
                Self::Ambiguous(source)
            }
            other => other,
        }
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::Unavailable(error)
            }
            E::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let constraint =
                    database.constraint().map_or_else(|| database.message().to_owned(), str::to_owned);
                match class_of(&code) {
                    Class::Transient => Self::Unavailable(error),
                    Class::Row => Self::Refused { constraint, source: error },
                    Class::Permanent => Self::Permanent(error),
                }
            }
            _ => Self::Permanent(error),
        }
    }
}

enum Class {
    Transient,
    Row,
    Permanent,
}

/// SQLSTATE (five characters, PostgreSQL appendix A) or SQLite's extended result code (a number).
fn class_of(code: &str) -> Class {
    if code.len() == 5 {
        return match &code[..2] {
            // Connection, rollback, resources, operator intervention, system, read-only after fail-over.
            "08" | "40" | "53" | "57" | "58" => Class::Transient,
            "25" if code == "25006" => Class::Transient,
            "55" if code == "55P03" => Class::Transient,
            "3D" => Class::Transient,
            "22" | "23" => Class::Row,
            _ => Class::Permanent,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN
        Ok(5 | 6 | 8 | 10 | 13 | 14) => Class::Transient,
        // TOOBIG, CONSTRAINT, MISMATCH
        Ok(18..=20) => Class::Row,
        _ => Class::Permanent,
    }
}
