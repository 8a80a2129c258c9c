//! What happened last, in sentences. The page's script asks for it anew when there is news.

use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::desk::Desk;
use super::super::number::Moment;
use super::super::words::named;
use crate::queries::FeedEntry;

/// Entries shown, and events looked at for them: not every event is worth a sentence.
const SHOWN: usize = 12;
const LOOKED_AT: i64 = 60;

/// One thing that happened.
#[derive(Debug, Serialize)]
pub struct Entry {
    position: i64,
    at: Moment,
    text: String,
    kind: String,
    source: &'static str,
    /// The mail that it happened to.
    href: Option<String>,
}

/// The newest first.
pub async fn latest(desk: &Desk) -> Result<Vec<Entry>, Problem> {
    let feed = &desk.state().feed;
    let last = feed.last_position().await?;
    let looked_at = usize::try_from(LOOKED_AT).unwrap_or_default();
    let page = feed.after((last - LOOKED_AT).max(0), looked_at).await?;
    Ok(page.data.into_iter().rev().filter_map(|entry| Entry::of(desk, entry)).take(SHOWN).collect())
}

impl Entry {
    fn of(desk: &Desk, entry: FeedEntry) -> Option<Self> {
        Some(Self {
            position: entry.position,
            at: Moment::of(entry.at, desk.now),
            text: entry.text?,
            kind: named(&entry.kind),
            source: entry.source,
            href: entry.message_id.map(|id| desk.link(&format!("messages/{id}"), [])),
        })
    }
}
