//! Links that work once, whatever they are for: one stream per address and purpose, so that the promises
//! (limits, single use, one attempt at a time) hold under concurrency without a table or a lock, alike for
//! known and unknown addresses.
//!
//! A purpose says what is its own: ids, details, whether a newer link ends the older ones. The stream never
//! says whether an account exists until a reactor has looked; it never holds a token.

mod aggregate;
mod command;
mod event;
mod purpose;
mod refusal;

pub use aggregate::{Link, LinkRequest, LinkRequests, Status};
pub use command::{LinkCommand, LinkPolicy, RepeatRequest};
pub use event::{Completion, DeclineReason, LinkEvent, LinkIssued, Repeated, Requested, VisitKind};
pub use purpose::{LinkPurpose, LinkRequestId};
pub use refusal::LinkRefusal;
