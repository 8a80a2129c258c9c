//! Rules and facts: what may happen, and what did.
//!
//! Pure: no I/O, no clock, no randomness, no framework but the traits of `cqrs-es`. Whatever a decision
//! needs (the time, a salt, an id) comes in with the command.

pub mod address;
pub mod bounce;
pub mod browser;
pub mod delivery;
pub mod email_verification;
pub mod engagement;
pub mod id;
pub mod keys;
pub mod mailbox_provider;
pub mod message;
pub mod message_engagement;
pub mod name;
pub mod narration;
pub mod one_time_link;
pub mod password;
pub mod password_reset;
pub mod provider_event;
pub mod refusal;
pub mod sealed;
pub mod suppression;
pub mod token;
