//! Whether a webhook was signed with one of our keys, recently, and what exactly it then says.
//!
//! Mailgun signs `timestamp ‖ token` and nothing else: no separator, not the body. So the shape of both is
//! strict (a digit moved from one to the other would keep the hash), and the caller must bind the replay key
//! to the content digest it saw first.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::json;

/// How far ahead of ours the signer's clock may be.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);
/// What the digest leaves out: the signature itself, and the parent account's over the same two values.
const SIGNATURE_MEMBERS: [&str; 2] = ["signature", "parent-signature"];

/// The webhook signing keys that count, current and previous; at least one.
#[derive(Clone)]
pub struct SigningKeys(Vec<SecretString>);

impl SigningKeys {
    /// `None` when there is no key, or an empty one: anybody could sign with that.
    pub fn new(keys: Vec<SecretString>) -> Option<Self> {
        let usable = !keys.is_empty() && keys.iter().all(|key| !key.expose_secret().is_empty());
        usable.then_some(Self(keys))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

/// The `signature` member of a webhook, in its exact shape.
#[derive(Clone)]
pub struct Signature {
    timestamp: String,
    token: String,
    signature: [u8; 32],
}

/// A webhook that holds. It is the signer's `timestamp ‖ token` that is proven: whoever has seen one genuine
/// webhook can put another body under it, so `replay_key` counts only together with `content_digest`.
#[derive(Clone, PartialEq)]
pub struct Verified {
    /// SHA-256 of the signed string: the same for every way to split or spell it.
    pub replay_key: [u8; 32],
    /// SHA-256 of the canonical JSON of everything but the signatures.
    pub content_digest: [u8; 32],
    /// When it was signed; a retry keeps the first instant.
    pub signed_at: DateTime<Utc>,
    /// The event.
    pub event_data: Map<String, Value>,
}

impl fmt::Debug for Verified {
    /// The event names people, so it is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("replay_key", &hex::encode(self.replay_key))
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// Why a webhook does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("not a JSON object without duplicate keys")]
    NotJson,
    #[error("no signature")]
    NoSignature,
    #[error("a signature of the wrong shape")]
    MalformedSignature,
    #[error("signed with none of our keys")]
    WrongSignature,
    #[error("signed too long ago")]
    Stale,
    #[error("signed in the future")]
    FromTheFuture,
    #[error("no event-data object")]
    NoEventData,
}

impl Refusal {
    /// The word for it in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NoSignature => "no_signature",
            Self::MalformedSignature => "malformed_signature",
            Self::WrongSignature => "wrong_signature",
            Self::Stale => "stale",
            Self::FromTheFuture => "from_the_future",
            Self::NoEventData => "no_event_data",
        }
    }
}

/// Checks a webhook's body against the keys and the clock. Retries carry the first signature, so `max_age`
/// must exceed the provider's retry span of some 8 hours.
pub fn verify(
    body: &[u8],
    keys: &SigningKeys,
    now: DateTime<Utc>,
    max_age: Duration,
) -> Result<Verified, Refusal> {
    let Ok(Value::Object(mut members)) = json::parse(body) else { return Err(Refusal::NotJson) };
    let signature = Signature::read(members.get("signature").ok_or(Refusal::NoSignature)?)?;
    if !signature.is_by_one_of(keys) {
        return Err(Refusal::WrongSignature);
    }
    let signed_at = signature.signed_at()?;
    let age = now.signed_duration_since(signed_at);
    if age < -MAX_AHEAD {
        return Err(Refusal::FromTheFuture);
    }
    if age.to_std().is_ok_and(|age| age > max_age) {
        return Err(Refusal::Stale);
    }
    let content_digest = digest(&members);
    let Some(Value::Object(event_data)) = members.remove("event-data") else {
        return Err(Refusal::NoEventData);
    };
    Ok(Verified { replay_key: signature.replay_key(), content_digest, signed_at, event_data })
}

/// Which of the keys has signed a webhook, the current one being 0; `None` if none of them has.
pub fn signed_by(body: &[u8], keys: Option<&SigningKeys>) -> Result<Option<usize>, Refusal> {
    let Ok(Value::Object(members)) = json::parse(body) else { return Err(Refusal::NotJson) };
    let signature = Signature::read(members.get("signature").ok_or(Refusal::NoSignature)?)?;
    let is_by = |key: &SecretString| signature.is_by_one_of(&SigningKeys(vec![key.clone()]));
    Ok(keys.and_then(|keys| keys.0.iter().position(is_by)))
}

/// The digest that stands for a webhook's content, see [`Verified::content_digest`].
pub fn content_digest(body: &[u8]) -> Option<[u8; 32]> {
    let Ok(Value::Object(members)) = json::parse(body) else { return None };
    Some(digest(&members))
}

fn digest(members: &Map<String, Value>) -> [u8; 32] {
    Sha256::digest(json::canonical(members, &SIGNATURE_MEMBERS)).into()
}

/// The event of a webhook that was verified when it was stored.
pub fn event_data(body: &[u8]) -> Option<Map<String, Value>> {
    match json::parse(body).ok()?.get_mut("event-data")?.take() {
        Value::Object(event_data) => Some(event_data),
        _ => None,
    }
}

impl Signature {
    /// Reads the member. Mailgun's table calls the timestamp an integer, its webhooks send a string: both do.
    fn read(member: &Value) -> Result<Self, Refusal> {
        let read = || {
            let timestamp = match member.get("timestamp")? {
                Value::Number(number) => number.as_u64()?.to_string(),
                text => text.as_str()?.to_owned(),
            };
            let token = member.get("token")?.as_str()?.to_owned();
            let mut signature = [0; 32];
            hex::decode_to_slice(member.get("signature")?.as_str()?, &mut signature).ok()?;
            let well_formed = timestamp.len() == 10
                && timestamp.bytes().all(|b| b.is_ascii_digit())
                && token.len() == 50
                && token.bytes().all(|b| b.is_ascii_alphanumeric());
            well_formed.then_some(Self { timestamp, token, signature })
        };
        read().ok_or(Refusal::MalformedSignature)
    }

    /// Tries every key, whichever matched first, so that the time taken tells nothing.
    fn is_by_one_of(&self, keys: &SigningKeys) -> bool {
        let matches = keys.0.iter().fold(Choice::from(0), |matched, key| {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose_secret().as_bytes())
                .expect("HMAC takes keys of any length");
            mac.update(self.timestamp.as_bytes());
            mac.update(self.token.as_bytes());
            matched | mac.finalize().into_bytes().as_slice().ct_eq(&self.signature)
        });
        matches.into()
    }

    fn replay_key(&self) -> [u8; 32] {
        Sha256::new().chain_update(&self.timestamp).chain_update(&self.token).finalize().into()
    }

    fn signed_at(&self) -> Result<DateTime<Utc>, Refusal> {
        let seconds = self.timestamp.parse().map_err(|_| Refusal::MalformedSignature)?;
        DateTime::from_timestamp(seconds, 0).ok_or(Refusal::MalformedSignature)
    }
}

#[cfg(test)]
mod tests;
