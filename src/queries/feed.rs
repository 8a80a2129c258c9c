//! The feed: every event of the log, in its order, told so that an operator understands it. Nothing personal is in
//! it: what is sealed in the log stays out, and texts are masked.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tokio::sync::watch;

use super::QueryError;
use crate::domain::narration::Told;
use crate::event_log::{EventLog, RecordedEvent};

/// Events of a page at most.
pub const LARGEST: usize = 500;

/// Reads the log for whoever follows it. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    log: EventLog,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedEntry {
    /// Contiguous from 1: whoever remembers the last one misses nothing.
    pub position: i64,
    pub id: String,
    /// The permanent, dotted name, such as `message.delivered`.
    pub r#type: String,
    /// The name without what it happened to, as in timelines.
    pub kind: String,
    /// When it happened; when it was written down, if it tells no time.
    pub at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    /// As in timelines: `client`, `system`, `provider`, `events_api` or `operator`.
    pub source: &'static str,
    pub message_id: Option<String>,
    /// The reset or the verification.
    pub request_id: Option<String>,
    /// A sentence for an operator; null if there is nothing to say of it.
    pub text: Option<String>,
    /// What else is known.
    pub meta: Map<String, Json>,
}

/// A stretch of the feed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedPage {
    pub data: Vec<FeedEntry>,
    /// Pass it as `after` to go on; it is there also when nothing follows yet.
    pub next_after: i64,
    /// The same as text while more is there already; null once the end is reached.
    pub next_cursor: Option<String>,
}

impl Feed {
    /// The feed of this log.
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    /// Up to so many events after a position. One that cannot be read ends the page: nothing is skipped.
    pub async fn after(&self, position: i64, limit: usize) -> Result<FeedPage, QueryError> {
        let limit = limit.clamp(1, LARGEST);
        let stretch = self.log.read_after(position.max(0), limit + 1).await?;
        if let Some((unreadable, error)) = stretch.unreadable.filter(|_| stretch.events.is_empty()) {
            tracing::error!(position = unreadable, %error, "the feed stops at an event that cannot be read");
            return Err(QueryError::Damaged("an event"));
        }
        let more = stretch.events.len() > limit;
        let data: Vec<_> = stretch.events.iter().take(limit).map(FeedEntry::of).collect();
        let next_after = data.last().map_or(position, |entry| entry.position);
        Ok(FeedPage { data, next_after, next_cursor: more.then(|| next_after.to_string()) })
    }

    /// The position of the newest event; 0 when the log is empty.
    pub async fn last_position(&self) -> Result<i64, QueryError> {
        Ok(self.log.last_position().await?)
    }

    /// The last position of what was written down before this instant; found by halving, so clocks of several processes
    /// may let it miss by as much as they differ.
    pub async fn position_before(&self, instant: DateTime<Utc>) -> Result<i64, QueryError> {
        let (mut before, mut after) = (0, self.last_position().await? + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let page = self.after(middle - 1, 1).await?;
            match page.data.first() {
                Some(entry) if entry.recorded_at < instant => before = middle,
                _ => after = middle,
            }
        }
        Ok(before)
    }

    /// Wakes when there may be something new. Only a hint: look now and then all the same.
    pub fn news(&self) -> watch::Receiver<()> {
        self.log.wake().subscribe()
    }
}

impl FeedEntry {
    fn of(recorded: &RecordedEvent) -> Self {
        let (kind, metadata) = (recorded.kind().to_owned(), &recorded.metadata);
        let told = recorded.told();
        let mut meta = Map::new();
        let (mut at, mut text) = (metadata.recorded_at, None);
        let (mut message_id, mut request_id) = (None, None);
        if let Some(entry) = told {
            let Told { diagnostic, .. } = &entry;
            meta = entry.meta.clone();
            if let Some(diagnostic) = diagnostic {
                meta.insert("diagnostic".into(), diagnostic.clone().into());
            }
            (at, text) = (entry.at, Some(entry.text));
            (message_id, request_id) = (entry.message_id, entry.request_id);
        }
        Self {
            position: recorded.position,
            id: metadata.event_id.to_string(),
            r#type: recorded.event_type.clone(),
            kind,
            at,
            recorded_at: metadata.recorded_at,
            source: metadata.source(),
            message_id,
            request_id,
            text,
            meta,
        }
    }
}
