//! Events told in sentences, for whoever looks into what happened: timelines and the feed say the same. Nothing
//! personal is in them: no address, no token, no text of a server that was not masked.

mod link;
mod mail;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};

use super::bounce::mask;
use super::id::{AccountId, ApiKeyId};

pub use link::{Tellable, entry as of_link};
pub use mail::{entry as of_message, reading as of_engagement};

/// An event, told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The mail that it is about.
    pub message_id: Option<String>,
    /// The reset or the verification that it is about.
    pub request_id: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// A sentence.
    pub text: String,
    /// What else is known.
    pub meta: Map<String, Json>,
    /// What the receiving server said, masked; it can still name a person in words.
    pub diagnostic: Option<String>,
}

/// Values for people; what is absent is left out.
fn meta<const N: usize>(members: [(&str, Json); N]) -> Map<String, Json> {
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Who did something, for people to read: the id of a key or an account as it is, anything else masked.
pub fn actor(by: &str) -> String {
    let is_id = by.parse::<ApiKeyId>().is_ok() || by.parse::<AccountId>().is_ok();
    if is_id { by.to_owned() } else { mask(by) }
}
