//! One mail to one recipient: what we asked for, what we handed over, what the provider said became of it.
//!
//! Provider events come in any order and any number of times; each is kept as a fact, none undoes another.

mod aggregate;
mod command;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{HandOver, Message};
pub use command::{MessageCommand, MessageRefusal};
pub use event::{Cause, MessageEvent, Requested, SuppressedBy};
