//! Tables turned into answers: the message log and its search, timelines, delivery, the funnel, latency, bounces,
//! suppressions, the state of resets; and the feed of events.
//!
//! Every answer takes few statements over indexed tables, whatever the length of the log. Must never change
//! anything, and never decide anything that a command depends on.

mod bounces;
mod cohort;
mod delivery;
mod feed;
mod funnel;
mod hand_over;
mod latency;
mod message_count;
mod message_filter;
mod messages;
mod rates;
mod resets;
mod search;
mod spans;
mod suppressions;
mod timeline;

use std::sync::Arc;

use crate::clock::Clock;
use crate::database::page::BadCursor;
use crate::database::{Database, DatabaseError};

pub use crate::database::page::{Count, Page};
pub use bounces::{BounceMetrics, BouncePoint, CategoryFailures, ProviderFailures, Sample};
pub use delivery::{DeliveryMetrics, DeliveryQuery, Dimension, Group, Interval, Point};
pub use feed::{Feed, FeedEntry, FeedPage};
pub use funnel::{Declined, Funnel, FunnelStep, Lost};
pub use latency::{Latency, LatencyPoint};
pub use message_filter::{FailureFilter, MessageFilter};
pub use messages::{BounceSummary, MessageSummary, Suppressed};
pub use rates::Rates;
pub use resets::{ResetFilter, ResetSummary};
pub use search::{Misunderstood, Search, Term, Word};
pub use spans::Percentiles;
pub use suppressions::{SUPPRESSION_ID, SuppressionFilter, SuppressionSummary, suppressed_key};
pub use timeline::TimelineEntry;

/// What the answers depend on besides the tables.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Whether the whole installation is a sandbox; elsewhere the sandbox's messages are left out.
    pub is_sandbox: bool,
}

impl Settings {
    /// Whether the sandbox's messages are left out. Whoever asks for a provider by name gets that one.
    fn leaves_out_sandbox(self, provider: Option<&str>) -> bool {
        !self.is_sandbox && provider.is_none()
    }
}

/// Reads what projections have written. Cheap to clone.
#[derive(Clone)]
pub struct Queries {
    database: Database,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The cursor is none of ours.
    #[error(transparent)]
    BadCursor(#[from] BadCursor),
    /// `to` is not after `from`, or one of them is out of any calendar.
    #[error("the range is empty")]
    EmptyRange,
    /// The series would have more points than anyone looks at.
    #[error("the series would have more than {limit} points: choose a longer interval or a shorter range")]
    TooManyPoints {
        /// Points at most.
        limit: i64,
    },
    /// No such word to filter by, under this name.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// A row was not written by this code.
    #[error("a row cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The same, of what is not JSON.
    #[error("{0} cannot be read")]
    Damaged(&'static str),
}

impl Queries {
    /// Answers from this database.
    pub fn new(database: Database, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { database, clock, settings }
    }
}
