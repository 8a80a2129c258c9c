//! One-time tokens that are derived, never stored.
//!
//! `version ‖ root key fingerprint ‖ stream key ‖ request id ‖ MAC` in base64url without padding. The MAC is
//! keyed from a root key and covers a salt that lies sealed in the log: the database alone or the key alone
//! make nothing, and a crash between issuing and sending loses nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::keys::{Fingerprint, RootKey, RootKeys, StreamKey};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4 + 16 + 16;
const LENGTH: usize = HEAD + 32;
/// Characters of a token: 69 bytes make 92 characters with no bits to spare.
const CHARACTERS: usize = LENGTH / 3 * 4;

/// What a token is good for. A token of one purpose does nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Setting a new password.
    PasswordReset,
    /// Proving to receive mail at an address.
    EmailVerification,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::PasswordReset => "token v1 password-reset",
            Self::EmailVerification => "token v1 email-verification",
        }
    }
}

/// The text is not a token that this installation made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an authentic token")]
pub struct NotAuthentic;

/// A token in the right shape; nothing that it says may be believed before `authenticate`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    bytes: [u8; LENGTH],
}

impl Token {
    /// Makes the token of a request. The same every time for the same root key and salt.
    pub fn derive(
        root: &RootKey,
        purpose: Purpose,
        stream: StreamKey,
        request_id: Uuid,
        salt: &[u8; 16],
    ) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[0] = VERSION;
        bytes[1..5].copy_from_slice(&root.fingerprint().0);
        bytes[5..21].copy_from_slice(&stream.0);
        bytes[21..HEAD].copy_from_slice(request_id.as_bytes());
        let tag = mac(root, purpose, &bytes[..HEAD], salt).finalize().into_bytes();
        bytes[HEAD..].copy_from_slice(&tag);
        Self { bytes }
    }

    /// Reads the one canonical form: no padding, no other alphabet, no spare bits.
    pub fn parse(text: &str) -> Result<Self, NotAuthentic> {
        if text.len() != CHARACTERS {
            return Err(NotAuthentic);
        }
        let decoded = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAuthentic)?;
        let bytes: [u8; LENGTH] = decoded.try_into().map_err(|_| NotAuthentic)?;
        if bytes[0] == VERSION { Ok(Self { bytes }) } else { Err(NotAuthentic) }
    }

    /// Where to look for the salt. Not to be believed yet.
    pub fn stream_key(&self) -> StreamKey {
        StreamKey(self.array(5))
    }

    /// Which request to look for. Not to be believed yet.
    pub fn request_id(&self) -> Uuid {
        Uuid::from_bytes(self.array(21))
    }

    /// Whether we made it, for this purpose and with this salt. In constant time.
    pub fn authenticate(
        &self,
        roots: &RootKeys,
        purpose: Purpose,
        salt: &[u8; 16],
    ) -> Result<(), NotAuthentic> {
        let fingerprint = Fingerprint([self.bytes[1], self.bytes[2], self.bytes[3], self.bytes[4]]);
        let root = roots.find(fingerprint).ok_or(NotAuthentic)?;
        mac(root, purpose, &self.bytes[..HEAD], salt)
            .verify_slice(&self.bytes[HEAD..])
            .map_err(|_| NotAuthentic)
    }

    /// The text for a link. The only way to see a token; call it where the link is made and nowhere else.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }

    fn array(&self, from: usize) -> [u8; 16] {
        let mut part = [0; 16];
        part.copy_from_slice(&self.bytes[from..from + 16]);
        part
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn mac(root: &RootKey, purpose: Purpose, head: &[u8], salt: &[u8; 16]) -> Hmac<Sha256> {
    let key = root.derive(purpose.label());
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes keys of any length");
    mac.update(salt);
    mac.update(head);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: [u8; 16] = [3; 16];

    fn roots() -> RootKeys {
        RootKeys::new(["current-root-key-current-root-key", "previous-root-key-previous-root-k"]).unwrap()
    }

    fn token_of(root: &RootKey) -> Token {
        token_for(Purpose::PasswordReset, root)
    }

    fn token_for(purpose: Purpose, root: &RootKey) -> Token {
        Token::derive(root, purpose, StreamKey([5; 16]), Uuid::from_u128(9), &SALT)
    }

    #[test]
    fn a_token_reads_back_and_authenticates() {
        let token = token_of(roots().current());
        let read = Token::parse(&token.reveal()).unwrap();

        assert_eq!(read.stream_key(), StreamKey([5; 16]));
        assert_eq!(read.request_id(), Uuid::from_u128(9));
        assert_eq!(read.authenticate(&roots(), Purpose::PasswordReset, &SALT), Ok(()));
    }

    #[test]
    fn a_token_of_the_previous_root_key_still_works_and_one_of_a_foreign_key_does_not() {
        let previous = RootKey::new("previous-root-key-previous-root-k");
        let foreign = RootKey::new("foreign-root-key-foreign-root-key");

        let check = |token: Token| token.authenticate(&roots(), Purpose::PasswordReset, &SALT);

        assert_eq!(check(token_of(&previous)), Ok(()));
        assert_eq!(check(token_of(&foreign)), Err(NotAuthentic));
    }

    #[test]
    fn without_the_salt_the_key_makes_no_token() {
        let token = token_of(roots().current());
        assert_eq!(token.authenticate(&roots(), Purpose::PasswordReset, &[4; 16]), Err(NotAuthentic));
    }

    #[test]
    fn a_token_of_one_purpose_is_no_token_of_another() {
        let purposes = [Purpose::PasswordReset, Purpose::EmailVerification];
        for made in purposes {
            let token = token_for(made, roots().current());
            for asked in purposes {
                assert_eq!(token.authenticate(&roots(), asked, &SALT).is_ok(), made == asked);
            }
        }
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let token = token_of(roots().current());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    proptest! {
        #[test]
        fn any_change_of_one_character_is_noticed(at in 0..CHARACTERS, with in any::<char>()) {
            let text = token_of(roots().current()).reveal();
            let changed: String = text.chars().enumerate().map(|(i, c)| if i == at { with } else { c }).collect();
            prop_assume!(changed != text);

            let outcome = Token::parse(&changed)
                .and_then(|token| token.authenticate(&roots(), Purpose::PasswordReset, &SALT));

            prop_assert_eq!(outcome, Err(NotAuthentic));
        }

        #[test]
        fn parsing_takes_any_text(text in ".*") {
            let _ = Token::parse(&text);
        }

        #[test]
        fn padding_case_and_encoding_are_not_forgiven(suffix in "[=%.A-Za-z0-9]{1,4}") {
            let text = token_of(roots().current()).reveal() + &suffix;
            prop_assert_eq!(Token::parse(&text), Err(NotAuthentic));
        }
    }
}
