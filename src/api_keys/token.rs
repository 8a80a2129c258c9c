//! The text of a key: `bsk_<id>_<secret>`, both in lower-case hexadecimal so that the underscores stay the
//! only ones. The one place that sees the secret.

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::domain::id::ApiKeyId;

/// What every key starts with, so that one that leaked is recognised.
pub const PREFIX: &str = "bsk_";

const SECRET: usize = 32;

/// SHA-256 of a secret, which is all that is kept of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    fn of(secret: &[u8; SECRET]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// As it is stored.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// As it was stored.
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(hex::decode(text).ok()?.try_into().ok()?))
    }
}

/// A key that was presented: its id can be looked up, its secret compared.
pub struct Presented {
    pub id: ApiKeyId,
    digest: SecretDigest,
}

impl Presented {
    /// Reads the one form that [`make`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = format!("{}{id}", ApiKeyId::PREFIX).parse().ok()?;
        let is_canonical = secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut bytes = Zeroizing::new([0; SECRET]);
        hex::decode_to_slice(secret, bytes.as_mut_slice()).ok().filter(|()| is_canonical)?;
        Some(Self { id, digest: SecretDigest::of(&bytes) })
    }

    /// Whether it is the key of this digest, in constant time.
    pub fn is(&self, digest: &SecretDigest) -> bool {
        self.digest.0.ct_eq(&digest.0).into()
    }
}

/// Makes a key of this id: its text, to be shown once, and its digest.
pub fn make(id: ApiKeyId, clock: &dyn Clock) -> (SecretString, SecretDigest) {
    let mut secret = Zeroizing::new([0; SECRET]);
    clock.fill(secret.as_mut_slice());
    let digest = SecretDigest::of(&secret);
    let hex = Zeroizing::new(hex::encode(secret.as_slice()));
    (format!("{PREFIX}{}_{}", Uuid::simple(id.uuid()), *hex).into(), digest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::clock::SystemClock;

    fn made() -> (ApiKeyId, String, SecretDigest) {
        let id = ApiKeyId::from_uuid(SystemClock.uuid());
        let (text, digest) = make(id, &SystemClock);
        (id, text.expose_secret().to_owned(), digest)
    }

    #[test]
    fn a_key_is_recognised_by_its_digest() {
        let (id, text, digest) = made();

        let presented = Presented::parse(&text).unwrap();

        assert!(presented.id == id && presented.is(&digest));
        assert!(SecretDigest::from_hex(&digest.to_hex()) == Some(digest));
        assert!(!presented.is(&made().2));
    }

    #[test]
    fn every_other_form_is_none() {
        let (_, text, _) = made();
        let upper = text.to_uppercase().replacen("BSK", "bsk", 1);
        for other in ["", "bsk_", "bsk__", &text[1..], &text[..text.len() - 1], &format!("{text}0"), &upper] {
            assert!(Presented::parse(other).is_none(), "{other}");
        }
        assert!(Presented::parse(&text.replacen("bsk_", "key_", 1)).is_none());
        assert!(Presented::parse(&format!(" {text}")).is_none());
    }

    proptest! {
        #[test]
        fn a_changed_character_opens_nothing(at in 4usize..101, to in "[0-9a-f_G ]") {
            let (id, text, digest) = made();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);

            let opens = Presented::parse(&changed).is_some_and(|shown| shown.id == id && shown.is(&digest));

            prop_assert!(!opens);
        }

        #[test]
        fn no_input_panics(text in "\\PC{0,120}", tail in "\\PC{0,80}") {
            let _ = Presented::parse(&text);
            let _ = Presented::parse(&format!("bsk_{tail}"));
        }
    }
}
