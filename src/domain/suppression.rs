//! Whether we write to an address, and if not, why: what bounced for good, and what its owner or an operator
//! asked for.
//!
//! Each reason stands by itself and blocks either everything or only bulk mail, which services send to lists.
//! What an owner says about mail (a complaint, an unsubscription) never blocks the mail that lets them back
//! into their account. Evidence from before a lift says nothing against it.

mod aggregate;
mod command;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Ground, Suppression};
pub use command::{SuppressionCommand, SuppressionRefusal};
pub use event::{Added, Blocks, Lifted, Reason, SuppressionEvent};
