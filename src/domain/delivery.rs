//! What became of one mail: facts that only grow, and the outcome that follows from them.
//!
//! There is no status that events overwrite. Facts are first times and sets, so whatever the order in which
//! events arrive and however often, they come out the same; flags and counters are derived.

mod counters;
mod duration;
mod facts;
mod failures;
mod histogram;
mod loss;
mod outcome;
mod tally;
#[cfg(test)]
mod tests;
mod threshold;
mod unsent;

pub use counters::Counters;
pub use duration::{Durations, significant};
pub use facts::{Bounce, Facts, RequestFacts, Suppression};
pub use failures::Failures;
pub use histogram::{Histogram, Histograms};
pub use loss::{Loss, Step};
pub use outcome::{Outcome, Status};
pub use tally::{Failed, Tally};
pub use threshold::{Level, Threshold};
pub use unsent::Unsent;
