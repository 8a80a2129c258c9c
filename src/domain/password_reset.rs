//! Resetting a password: one stream per address, so that its promises (one live link, cool-down, hourly
//! limit, single use) hold under concurrency without a table or a lock, alike for known and unknown addresses.
//!
//! The stream never says whether an account exists until a reactor has looked; it never holds a token.

mod aggregate;
mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

pub use aggregate::{Link, PasswordReset, ResetRequest, Status};
pub use command::{PasswordResetCommand, ResetPolicy};
pub use event::{Completion, DeclineReason, LinkIssued, PasswordResetEvent, Requested, VisitKind};
pub use refusal::PasswordResetRefusal;
