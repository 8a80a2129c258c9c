//! How long somebody stays signed in.

use std::time::Duration;

use super::reader::{DAY, Reader};

/// The life of a session.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// `BACKSTAMP_SESSION_IDLE_TTL`, seconds, default 604800, a week: one that is not used for so long has
    /// ended.
    pub idle_ttl: Duration,
    /// `BACKSTAMP_SESSION_TTL`, seconds, default 2592000, 30 days: none gets older, however it is used.
    pub ttl: Duration,
}

impl SessionConfig {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            idle_ttl: reader.seconds("BACKSTAMP_SESSION_IDLE_TTL", DAY * 7, 60..=DAY * 365),
            ttl: reader.seconds("BACKSTAMP_SESSION_TTL", DAY * 30, 60..=DAY * 365),
        }
    }
}
