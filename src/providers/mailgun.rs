//! Mailgun's protocol, both ways: its messages and events API, and the webhooks it posts.
//!
//! What comes in is hostile until [`verify`] has said otherwise, and after that still only a claim about a
//! message: the signature does not cover the event, see [`Verified`].

mod account;
mod answer;
mod client;
mod event;
mod json;
mod signature;

pub use account::{AccountError, DomainState, EVENT_TYPES, MailgunAccount, Registered};
pub use client::{InvalidSettings, Mailgun, MailgunSettings};
pub use event::{Untranslatable, translate};
pub use signature::{
    Refusal, Signature, SigningKeys, Verified, content_digest, event_data, signed_by, verify,
};
