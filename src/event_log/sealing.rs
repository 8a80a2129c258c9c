//! Sealing what is personal, at the log's edge: XChaCha20-Poly1305 with a random nonce.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::domain::sealed::SEAL_MEMBER;

/// The member that stands in the stored payload in place of [`SEAL_MEMBER`].
const SEALED_MEMBER: &str = "$sealed";
const NONCE: usize = 24;

/// 32 bytes that seal and open. Wiped from memory when dropped.
pub type SecretBytes = Zeroizing<[u8; 32]>;

/// Something was not sealed under this key and context, or was altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed data cannot be opened")]
pub struct CannotOpen;

/// Seals bytes: nonce, then ciphertext with its tag. `context` must be the same when opening.
pub fn seal(key: &SecretBytes, context: &[u8], plain: &[u8], clock: &dyn Clock) -> Vec<u8> {
    let mut nonce = [0; NONCE];
    clock.fill(&mut nonce);
    let sealed = XChaCha20Poly1305::new(&Key::from(**key))
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: context })
        .expect("a text shorter than 256 GiB can be sealed");
    [nonce.as_slice(), &sealed].concat()
}

/// Opens what `seal` made.
pub fn open(key: &SecretBytes, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CannotOpen)?;
    XChaCha20Poly1305::new(&Key::from(**key))
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context })
        .map_err(|_| CannotOpen)
}

/// Seals every marked value of a payload, in place; without a key it is stored as erased. Also replaces U+0000, which PostgreSQL cannot store.
pub fn seal_payload(payload: &mut Value, key: Option<&SecretBytes>, context: &[u8], clock: &dyn Clock) {
    match payload {
        Value::Object(members) => match marked(members, SEAL_MEMBER) {
            Some(Value::Null) => {}
            Some(value) => {
                let Some(key) = key else {
                    // The person was erased in the meantime: nothing new about them is kept either.
                    *payload = single(SEALED_MEMBER, Value::Null);
                    return;
                };
                let sealed = seal(key, context, value.to_string().as_bytes(), clock);
                *payload = single(SEALED_MEMBER, Value::String(STANDARD_NO_PAD.encode(sealed)));
            }
            None => members.values_mut().for_each(|value| seal_payload(value, key, context, clock)),
        },
        Value::Array(items) => items.iter_mut().for_each(|item| seal_payload(item, key, context, clock)),
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        _ => {}
    }
}

/// Opens every sealed value of a payload, in place. Without its key a value reads as erased.
pub fn open_payload(
    payload: &mut Value,
    key: Option<&SecretBytes>,
    context: &[u8],
) -> Result<(), CannotOpen> {
    match payload {
        Value::Object(members) => match marked(members, SEALED_MEMBER) {
            Some(Value::String(sealed)) => {
                let opened = match key {
                    None => Value::Null,
                    Some(key) => {
                        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| CannotOpen)?;
                        let plain = open(key, context, &sealed)?;
                        serde_json::from_slice(&plain).map_err(|_| CannotOpen)?
                    }
                };
                *payload = single(SEAL_MEMBER, opened);
                Ok(())
            }
            Some(Value::Null) => {
                *payload = single(SEAL_MEMBER, Value::Null);
                Ok(())
            }
            _ => members.values_mut().try_for_each(|value| open_payload(value, key, context)),
        },
        Value::Array(items) => items.iter_mut().try_for_each(|item| open_payload(item, key, context)),
        _ => Ok(()),
    }
}

/// The value of an object that has this one member and no other.
fn marked<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if members.len() == 1 { members.get(name) } else { None }
}

fn single(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::SystemClock;

    fn key(byte: u8) -> SecretBytes {
        Zeroizing::new([byte; 32])
    }

    #[test]
    fn what_is_marked_is_sealed_and_opens_again() {
        let original = json!({"type": "x", "data": {"who": {"$seal": {"mail": "ada@example.test"}}, "n": [1, {"$seal": "s"}]}});
        let mut payload = original.clone();

        seal_payload(&mut payload, Some(&key(1)), b"context", &SystemClock);
        let stored = payload.to_string();
        open_payload(&mut payload, Some(&key(1)), b"context").unwrap();

        assert!(!stored.contains("ada"));
        assert_eq!(payload, original);
    }

    #[test]
    fn without_its_key_a_value_reads_as_erased() {
        let mut payload = json!({"who": {"$seal": "ada"}, "kind": "kept"});

        seal_payload(&mut payload, Some(&key(1)), b"", &SystemClock);
        open_payload(&mut payload, None, b"").unwrap();

        assert_eq!(payload, json!({"who": {"$seal": null}, "kind": "kept"}));
    }

    #[test]
    fn another_key_another_context_or_an_altered_byte_open_nothing() {
        let sealed = seal(&key(1), b"here", b"secret", &SystemClock);
        let mut altered = sealed.clone();
        altered[NONCE] ^= 1;

        assert_eq!(open(&key(2), b"here", &sealed), Err(CannotOpen));
        assert_eq!(open(&key(1), b"there", &sealed), Err(CannotOpen));
        assert_eq!(open(&key(1), b"here", &altered), Err(CannotOpen));
        assert_eq!(open(&key(1), b"here", b"short"), Err(CannotOpen));
    }

    #[test]
    fn the_null_character_is_replaced() {
        let mut payload = json!({"agent": "a\u{0}b"});
        seal_payload(&mut payload, None, b"", &SystemClock);
        assert_eq!(payload, json!({"agent": "a\u{fffd}b"}));
    }
}
