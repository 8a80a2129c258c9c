//! Keys and what is derived from them: hashes of addresses, ids that outsiders cannot compute.
//!
//! A root key comes from configuration and may be rotated; the index key is made once and outlives it.

use std::fmt;

use chrono::{DateTime, Utc};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};
use zeroize::Zeroizing;

use super::address::EmailAddress;
use super::id::{ChangeId, EventId, MessageId};

/// Names a root key without telling anything about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 4]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// One root key. Never printed.
#[derive(Clone)]
pub struct RootKey {
    secret: Zeroizing<Vec<u8>>,
    fingerprint: Fingerprint,
}

impl RootKey {
    /// From the configured secret, which must have been checked for length.
    pub fn new(secret: &str) -> Self {
        let digest = Sha256::digest([b"backstamp root key ".as_slice(), secret.as_bytes()].concat());
        let fingerprint = Fingerprint([digest[0], digest[1], digest[2], digest[3]]);
        Self { secret: Zeroizing::new(secret.as_bytes().to_vec()), fingerprint }
    }

    /// Its name.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// A key for one purpose (HKDF-SHA-256, RFC 5869).
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(b"backstamp"), &self.secret)
            .expand(purpose.as_bytes(), key.as_mut_slice())
            .expect("32 bytes are fewer than 255 blocks of HKDF output");
        key
    }
}

/// The root keys, current one first; older ones still open what they once closed.
#[derive(Clone)]
pub struct RootKeys(Vec<RootKey>);

impl RootKeys {
    /// From the configured secrets, current one first. `None` without any.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let keys: Vec<_> = secrets.into_iter().map(RootKey::new).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The one that everything new is made with.
    pub fn current(&self) -> &RootKey {
        &self.0[0]
    }

    /// The one of this name.
    pub fn find(&self, fingerprint: Fingerprint) -> Option<&RootKey> {
        self.0.iter().find(|key| key.fingerprint == fingerprint)
    }
}

/// The key of every keyed hash and derived id. Made once, stored wrapped, never rotated.
#[derive(Clone)]
pub struct IndexKey(Zeroizing<[u8; 32]>);

impl IndexKey {
    /// From the bytes that were unwrapped.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The stream key of an address: 16 bytes, the same for every way of writing it.
    pub fn stream_key(&self, address: &EmailAddress) -> StreamKey {
        StreamKey(first_16(&self.mac(&[b"address", address.normalised().as_bytes()])))
    }

    /// A key for counting requests of one client address, without keeping the address.
    pub fn client_key(&self, client: &str) -> String {
        hex::encode(first_16(&self.mac(&[b"client", client.as_bytes()])))
    }

    /// A key for counting log-ins of an address, of a client, or of the two together, without keeping either.
    pub fn log_in_key(&self, address: Option<&EmailAddress>, client: Option<&str>) -> String {
        // No address and no client is empty, so the three kinds cannot meet.
        let address = address.map_or("", EmailAddress::normalised);
        let client = client.unwrap_or_default();
        hex::encode(first_16(&self.mac(&[b"log-in", address.as_bytes(), client.as_bytes()])))
    }

    /// Recognises a content without keeping it; nobody outside can try out what it might be.
    pub fn fingerprint(&self, purpose: &str, parts: &[&[u8]]) -> String {
        let parts: Vec<&[u8]> = [purpose.as_bytes()].into_iter().chain(parts.iter().copied()).collect();
        hex::encode(self.mac(&[&[b"fingerprint".as_slice()], parts.as_slice()].concat()))
    }

    /// The id of the mail that this event causes for this purpose: made twice, it is the same mail; nobody
    /// outside can compute it.
    pub fn message_id(&self, cause: EventId, caused_at: DateTime<Utc>, purpose: &str) -> MessageId {
        self.derived_message_id(b"message", cause.uuid(), caused_at, purpose)
    }

    /// The same for the mail that a change in the directory causes.
    pub fn message_id_of_change(&self, cause: ChangeId, at: DateTime<Utc>, purpose: &str) -> MessageId {
        self.derived_message_id(b"message of a change", cause.uuid(), at, purpose)
    }

    fn derived_message_id(
        &self,
        kind: &[u8],
        cause: Uuid,
        caused_at: DateTime<Utc>,
        purpose: &str,
    ) -> MessageId {
        let mac = self.mac(&[kind, cause.as_bytes(), purpose.as_bytes()]);
        let millis = u64::try_from(caused_at.timestamp_millis()).unwrap_or_default();
        let mut bits = [0; 10];
        bits.copy_from_slice(&mac[..10]);
        MessageId::from_uuid(Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
    }

    /// The Message-ID header of a mail, without angle brackets: the same for every attempt.
    pub fn message_id_header(&self, message_id: MessageId, domain: &str) -> String {
        let mac = self.mac(&[b"message-id header", message_id.uuid().as_bytes()]);
        format!("{}@{domain}", hex::encode(first_16(&mac)))
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes keys of any length");
        for part in parts {
            // The length in front keeps ("ab", "c") apart from ("a", "bc").
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn first_16(bytes: &[u8; 32]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&bytes[..16]);
    first
}

/// The keyed hash of a normalised address: names a person's streams without naming the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey(pub [u8; 16]);

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_stream_key_however_it_is_written() {
        let key = IndexKey::new([7; 32]);
        let stream = |text| key.stream_key(&EmailAddress::parse(text).unwrap());

        assert_eq!(stream("Ada@Example.test"), stream("ada@example.TEST"));
        assert_ne!(stream("ada@example.test"), stream("eve@example.test"));
        assert_ne!(
            stream("ada@example.test"),
            IndexKey::new([8; 32]).stream_key(&EmailAddress::parse("ada@example.test").unwrap())
        );
    }

    #[test]
    fn a_cause_makes_one_message_id_per_purpose_and_sorts_by_its_time() {
        let key = IndexKey::new([7; 32]);
        let cause = EventId::from_uuid(Uuid::from_u128(1));
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();

        let id = key.message_id(cause, at(1_700_000_000), "password-reset");

        assert_eq!(id, key.message_id(cause, at(1_700_000_000), "password-reset"));
        assert_ne!(id, key.message_id(cause, at(1_700_000_000), "password-changed"));
        assert!(id < key.message_id(cause, at(1_700_000_001), "password-reset"));
        assert_eq!(id.uuid().get_version_num(), 7);
    }
}
