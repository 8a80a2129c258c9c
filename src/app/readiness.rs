//! Whether everything that serving depends on is there.

use std::time::Duration;

use async_trait::async_trait;

use crate::database::Database;
use crate::event_log::{EventLog, checkpoint};
use crate::http::{Dependency, Readiness};
use crate::projections;

const PATIENCE: Duration = Duration::from_secs(2);
/// Events that read models may be behind and still count as current.
const LAG: i64 = 10_000;

/// What this process depends on.
pub struct Dependencies {
    database: Database,
    log: EventLog,
}

impl Dependencies {
    /// These.
    pub fn new(database: Database, log: EventLog) -> Self {
        Self { database, log }
    }

    async fn projections_are_current(&self) -> bool {
        let Ok(last) = self.log.last_position().await else { return false };
        for projection in projections::all() {
            match checkpoint::position(&self.database, projection.name()).await {
                Ok(position) if last - position <= LAG => {}
                _ => return false,
            }
        }
        true
    }
}

#[async_trait]
impl Readiness for Dependencies {
    async fn dependencies(&self) -> Vec<Dependency> {
        let database = self.database.answers(PATIENCE).await;
        let projections =
            database && tokio::time::timeout(PATIENCE, self.projections_are_current()).await.unwrap_or(false);
        vec![
            Dependency { name: "database".to_owned(), ready: database },
            Dependency { name: "projections".to_owned(), ready: projections },
        ]
    }
}
