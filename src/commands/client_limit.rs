//! How often one client address may ask within an hour. What is stored counts, and what is on its way to be.
//! A trusted backend is counted the same way, so that its requests cost the same, and never refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::CommandError;
use crate::database::DatabaseError;
use crate::event_log::EventLog;
use crate::event_log::append::ClientRequest;

const HOUR: i64 = 3600;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// A client address, or its network. Its requests are limited.
    Address(String),
    /// A backend that is trusted not to flood: its requests are counted, and not limited. Named by its key.
    Trusted(String),
}

impl From<String> for Client {
    fn from(address: String) -> Self {
        Self::Address(address)
    }
}

impl From<&str> for Client {
    fn from(address: &str) -> Self {
        Self::Address(address.to_owned())
    }
}

/// Counts requests per client.
pub struct ClientLimit {
    per_hour: u32,
    under_way: Mutex<HashMap<String, u32>>,
}

/// A request that was let through; gives its place back when it is dropped.
pub struct Admitted<'a> {
    /// What must be stored with the request.
    pub request: ClientRequest,
    limit: &'a ClientLimit,
}

impl ClientLimit {
    /// A limit of this many requests an hour.
    pub fn new(per_hour: u32) -> Self {
        Self { per_hour, under_way: Mutex::default() }
    }

    /// Lets a request of this client through, or says when to come back.
    pub async fn admit(
        &self,
        log: &EventLog,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<Admitted<'_>, CommandError> {
        let is_limited = matches!(client, Client::Address(_));
        let (Client::Address(name) | Client::Trusted(name)) = client;
        let client = log.keyring().index().client_key(name);
        let start = now.timestamp().div_euclid(HOUR) * HOUR;
        let window_start = start * 1_000_000;
        let under_way = {
            let mut counts = self.lock();
            let count = counts.entry(client.clone()).or_default();
            *count += 1;
            *count
        };
        let admitted = Admitted { request: ClientRequest { client, window_start }, limit: self };
        let stored = log
            .client_requests(&admitted.request.client, window_start)
            .await
            .map_err(|_: DatabaseError| CommandError::Unavailable)?;
        if is_limited && stored + i64::from(under_way) > i64::from(self.per_hour) {
            let retry_after = u64::try_from(start + HOUR - now.timestamp()).unwrap_or(1).max(1);
            return Err(CommandError::TooManyRequests { retry_after, limit: self.per_hour });
        }
        Ok(admitted)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut counts = self.limit.lock();
        if let Some(count) = counts.get_mut(&self.request.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.request.client);
            }
        }
    }
}
