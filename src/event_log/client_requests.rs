//! How many requests a client address has made in an hour. The rows are written with the appends, so that a
//! limit costs no commit of its own and a restart forgives nobody.

use super::EventLog;
use crate::database::DatabaseError;

impl EventLog {
    /// Requests of this client in the hour that starts then.
    pub async fn client_requests(&self, client: &str, window_start: i64) -> Result<i64, DatabaseError> {
        let sql = "SELECT requests FROM client_requests WHERE client = $1 AND window_start = $2";
        let row = self.database().fetch_optional(sql, &[client.into(), window_start.into()]).await?;
        row.map_or(Ok(0), |row| row.int("requests"))
    }

    /// Forgets the hours before this one.
    pub async fn forget_client_requests(&self, before: i64) -> Result<u64, DatabaseError> {
        let sql = "DELETE FROM client_requests WHERE window_start < $1";
        self.database().execute(sql, &[before.into()]).await
    }
}
