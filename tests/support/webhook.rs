//! Webhooks as Mailgun posts them.

use backstamp::clock::{Clock, SystemClock};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::installation::SIGNING_KEY;
use super::mailbox::Mail;

/// The three values that vouch for a webhook.
#[derive(Clone)]
pub struct Signature {
    pub timestamp: String,
    pub token: String,
    pub signature: String,
}

impl Signature {
    /// Of this instant, under this key.
    pub fn new(key: &str, at: DateTime<Utc>) -> Self {
        let mut random = [0; 25];
        SystemClock.fill(&mut random);
        let (timestamp, token) = (at.timestamp().to_string(), hex::encode(random));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
        mac.update(timestamp.as_bytes());
        mac.update(token.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        Self { timestamp, token, signature }
    }

    /// Of now, under the right key.
    pub fn fresh() -> Self {
        Self::new(SIGNING_KEY, SystemClock.now())
    }

    /// The body of a webhook under this signature.
    pub fn over(&self, event: &Value) -> Value {
        let Self { timestamp, token, signature } = self;
        let signature = json!({ "timestamp": timestamp, "token": token, "signature": signature });
        json!({ "signature": signature, "event-data": event })
    }
}

/// What happened to a message, in Mailgun's words.
pub fn event(name: &str, message_id: &str, recipient: &str, at: DateTime<Utc>) -> Value {
    let mut random = [0; 8];
    SystemClock.fill(&mut random);
    json!({
        "event": name,
        "id": hex::encode(random),
        "timestamp": at.timestamp_micros() as f64 / 1e6,
        "recipient": recipient,
        "user-variables": { "delivery_id": message_id },
        "message": { "headers": {} },
    })
}

/// What happened to a mail just now.
pub fn event_of(mail: &Mail, name: &str) -> Value {
    let mut event = event(name, mail.message_id(), &mail.to, SystemClock.now());
    event["message"]["headers"]["message-id"] = mail.header_id().into();
    event
}
