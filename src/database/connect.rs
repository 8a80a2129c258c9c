//! Opening a database and bringing its tables up to date.

use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Database, DatabaseError};

static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections to PostgreSQL at most. Appends share one; the rest read, project and work.
const POSTGRES_CONNECTIONS: u32 = 16;
const SQLITE_READERS: u32 = 8;
/// KiB of pages that the writer keeps: the inner nodes of every index that an event touches, of a million mails.
const SQLITE_WRITER_CACHE: u32 = 65_536;
/// KiB that each reader keeps.
const SQLITE_READER_CACHE: u32 = 8_192;
/// A request that finds the database away is told so after this time, not after a minute.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the one writer of SQLite waits for another process (a command line beside the server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither `sqlite://path` nor `postgres://…`.
    #[error("not a database URL: use sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME")]
    Url,
    /// It does not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The tables could not be brought up to date.
    #[error("the tables cannot be brought up to date: {0}")]
    Migration(#[from] MigrateError),
    /// The folder of the SQLite file cannot be made.
    #[error("the folder for the database cannot be made: {0}")]
    Folder(#[from] std::io::Error),
}

impl ConnectError {
    /// Whether waiting may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => error.is_transient(),
            Self::Migration(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) => {
                matches!(self.database_error(), Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut))
                    || self.database_error().and_then(sqlx::Error::as_database_error).is_some_and(
                        // Starting up, shutting down, out of connections.
                        |error| {
                            error.code().is_some_and(|code| code.starts_with("57") || code.starts_with("53"))
                        },
                    )
            }
            _ => false,
        }
    }

    fn database_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                Some(error)
            }
            _ => None,
        }
    }
}

impl Database {
    /// Opens the database. On PostgreSQL nothing is asked of the server yet.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::Url)?;
            return Ok(Self::Postgres(postgres_pool(options)));
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|_| ConnectError::Url)?;
        make_private(options.get_filename())?;
        sqlite_pools(options).await
    }

    /// Brings the tables up to date. Safe to run from several processes at once.
    pub async fn migrate(&self) -> Result<(), ConnectError> {
        match self {
            Self::Postgres(pool) => POSTGRES.run(pool).await?,
            Self::Sqlite { writer, .. } => SQLITE.run(writer).await?,
        }
        Ok(())
    }
}

/// Makes the file, and its folder, for nobody else to read: addresses and password hashes lie in it.
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    file.create(true).append(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder.recursive(true).create(parent)?;
    }
    file.open(path).map(drop)
}

fn postgres_pool(options: PgConnectOptions) -> sqlx::PgPool {
    PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A dead connection shows itself at its first use; reads are repeated, writes are looked up.
        .test_before_acquire(false)
        .connect_lazy_with(options.application_name("backstamp").disable_statement_logging())
}

async fn sqlite_pools(options: SqliteConnectOptions) -> Result<Database, ConnectError> {
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged write survives a power cut, not only a killed process.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(200)
        .disable_statement_logging();
    let pool = |size| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(BUSY_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let cache = |options: SqliteConnectOptions, kibibytes: u32| {
        // A negative number is KiB, <https://www.sqlite.org/pragma.html#pragma_cache_size>.
        options.pragma("cache_size", format!("-{kibibytes}"))
    };
    let writer = cache(options.clone(), SQLITE_WRITER_CACHE);
    let readers = cache(options.read_only(true), SQLITE_READER_CACHE);
    let writer = pool(1).connect_with(writer).await.map_err(DatabaseError::from)?;
    let readers = pool(SQLITE_READERS).connect_with(readers).await.map_err(DatabaseError::from)?;
    Ok(Database::Sqlite { readers, writer })
}
