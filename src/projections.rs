//! The log folded into tables for reading. Each projection moves its rows and its checkpoint in one
//! transaction, so every event counts exactly once, and each can be emptied and folded again from the start.
//!
//! Must never send anything, ask anybody, or write what cannot be derived again.

mod deliveries;
mod rebuild;
mod resets;
mod suppressions;
mod timeline;
mod volume;

use std::sync::Arc;

use crate::event_log::Consumer;

pub use deliveries::Deliveries;
pub use rebuild::{Rebuild, RebuildError};
pub use resets::Resets;
pub use suppressions::Suppressions;
pub use timeline::Timeline;
pub use volume::Volume;

/// A consumer whose tables follow from the log alone.
pub trait Projection: Consumer {
    /// Its tables: folded again from the first event, they come out the same. None of them has the name of a
    /// column, so that another table can stand in for it.
    fn tables(&self) -> &'static [&'static str];
}

/// Every projection.
pub fn projections() -> Vec<Arc<dyn Projection>> {
    vec![Arc::new(Deliveries), Arc::new(Timeline), Arc::new(Resets), Arc::new(Suppressions)]
}

/// Every projection, as something that follows the log.
pub fn all() -> Vec<Arc<dyn Consumer>> {
    projections().into_iter().map(|projection| projection as Arc<dyn Consumer>).collect()
}
