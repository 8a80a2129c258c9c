//! A database of its own for one test: a temporary SQLite file, or a fresh PostgreSQL database beside the
//! one that `BACKSTAMP_TEST_DATABASE_URL` names. The same suite runs on both.

use std::path::PathBuf;

use sqlx::{Connection, Executor, PgConnection};

use super::Database;
use crate::clock::{Clock, SystemClock};

/// The variable that names a PostgreSQL server for tests; without it tests run on SQLite.
pub const VARIABLE: &str = "BACKSTAMP_TEST_DATABASE_URL";

/// A fresh database with today's tables. A SQLite file goes when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    /// The connected database.
    pub database: Database,
    /// What to connect to from another process.
    pub url: String,
    folder: Option<PathBuf>,
}

impl Scratch {
    /// Makes one.
    ///
    /// # Panics
    /// If it cannot: a test without its database must fail, never pass by.
    pub async fn new() -> Self {
        let name = format!("backstamp_test_{}", SystemClock.uuid().simple());
        let (url, folder) = match std::env::var(VARIABLE) {
            Ok(server) => (create_postgres(&server, &name).await, None),
            Err(_) => {
                let folder = std::env::temp_dir().join(&name);
                (format!("sqlite://{}/test.db", folder.display()), Some(folder))
            }
        };
        let database = Database::connect(&url).await.expect("the scratch database opens");
        database.migrate().await.expect("the migrations run");
        Self { database, url, folder }
    }
}

async fn create_postgres(server: &str, name: &str) -> String {
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    connection.execute(format!("CREATE DATABASE {name}").as_str()).await.expect("a database is made");
    let mut url = url::Url::parse(server).expect("the test server has a URL");
    url.set_path(name);
    url.into()
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // A leftover in the temporary folder is no reason to fail a test.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
