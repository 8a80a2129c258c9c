//! The engine room: events appended in one total order, streams loaded to decide on, and subscriptions that
//! miss nothing.
//!
//! Knows the shape of events only to seal and open what is personal in them; must never decide anything.

mod recorded;
mod subscription;

pub use recorded::{LogEvent, Metadata, RecordedEvent};
pub use subscription::{ConsumeError, Consumer, OnFailure};
