//! Password hashes as they are stored: which forms can be verified here, and how they compare to our own.
//!
//! Hashes may come from elsewhere by an import, so their parameters are bounded: one that asks for gigabytes
//! must not be able to exhaust the machine at the owner's next log-in.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What an imported hash may ask for at most: what libsodium calls moderate, some twenty times our own.
const MOST_MEMORY_KIB: u32 = 262_144;
const MOST_PASSES: u32 = 32;
const MOST_WORK: u64 = 262_144 * 3;
const MOST_LANES: u32 = 64;

/// A hash that can be verified here.
pub struct StoredHash {
    hash: PasswordHash,
    algorithm: Algorithm,
    params: Params,
}

/// Why a hash cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// Another algorithm.
    #[error(
        "must be an Argon2 hash in the PHC string format ($argon2id$…); of other algorithms, leave the hash \
         out: the owner gets in by a password reset"
    )]
    OtherAlgorithm,
    /// It lacks something, or is damaged.
    #[error("is no complete Argon2 hash in the PHC string format")]
    Malformed,
    /// Verifying it would take too much.
    #[error(
        "asks for more than {MOST_MEMORY_KIB} KiB, {MOST_PASSES} passes, {MOST_LANES} lanes, or more of them at once than a log-in can wait for"
    )]
    TooCostly,
}

/// Our own way of hashing.
pub(super) fn ours() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("OWASP's parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl StoredHash {
    /// Reads a hash in the PHC string format.
    pub fn parse(text: &str) -> Result<Self, UnusableHash> {
        if !text.starts_with("$argon2") {
            return Err(UnusableHash::OtherAlgorithm);
        }
        let hash = PasswordHash::new(text).map_err(|_| UnusableHash::Malformed)?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| UnusableHash::Malformed)?;
        let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from);
        let params = Params::try_from(&hash).map_err(|_| UnusableHash::Malformed)?;
        if version.is_err() || hash.salt.is_none() || hash.hash.is_none() {
            return Err(UnusableHash::Malformed);
        }
        let is_bounded = params.m_cost() <= MOST_MEMORY_KIB
            && params.t_cost() <= MOST_PASSES
            && params.p_cost() <= MOST_LANES;
        let stored = Self { hash, algorithm, params };
        if is_bounded && stored.work() <= MOST_WORK { Ok(stored) } else { Err(UnusableHash::TooCostly) }
    }

    /// Whether it is of this password. Parameters come from the hash.
    pub(super) fn is_of(&self, password: &[u8]) -> password_hash::Result<bool> {
        match ours().verify_password(password, &self.hash) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether it was made in another way than ours, and is to be replaced: a weaker one for its own sake, a
    /// costlier one because its time tells that the account exists.
    pub fn is_foreign(&self) -> bool {
        self.algorithm != Algorithm::Argon2id || self.work() != u64::from(MEMORY_KIB * PASSES)
    }

    /// Does the work that verifying one of our own hashes would have taken more, so that a weak hash does not
    /// tell by its time that the account exists.
    pub(super) fn make_up(&self, password: &[u8]) {
        let missing = u64::from(MEMORY_KIB * PASSES).saturating_sub(self.work());
        let memory = u32::try_from(missing).unwrap_or_default() / PASSES;
        if let Ok(params) = Params::new(memory, PASSES, LANES, None) {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            // Nobody looks at the outcome.
            let _ = argon2.hash_password_into(password, &[0; 16], &mut [0; Params::DEFAULT_OUTPUT_LEN]);
        }
    }

    fn work(&self) -> u64 {
        u64::from(self.params.m_cost()) * u64::from(self.params.t_cost())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT_AND_HASH: &str = "c29tZXNhbHRzb21lc2FsdA$gxVHyUaMLWbHOMzWWYYhmFzEhU8cdMzXL2RHMYfS9vY";

    fn refusal(text: &str) -> Option<UnusableHash> {
        StoredHash::parse(text).err()
    }

    #[test]
    fn complete_argon2_hashes_are_taken_and_compared_to_our_own() {
        for (parameters, is_foreign) in [
            ("$argon2id$v=19$m=19456,t=2,p=1$", false),
            ("$argon2id$v=19$m=65536,t=3,p=4$", true),
            ("$argon2id$v=19$m=4096,t=3,p=1$", true),
            ("$argon2i$v=19$m=65536,t=3,p=4$", true),
            ("$argon2d$v=16$m=65536,t=3,p=4$", true),
        ] {
            let hash = StoredHash::parse(&format!("{parameters}{SALT_AND_HASH}")).expect(parameters);
            assert_eq!(hash.is_foreign(), is_foreign, "{parameters}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        use UnusableHash::{Malformed, OtherAlgorithm, TooCostly};
        let full = |parameters: &str| format!("{parameters}{SALT_AND_HASH}");

        for (text, reason) in [
            (String::new(), OtherAlgorithm),
            ("secret".to_owned(), OtherAlgorithm),
            ("$6$rounds=5000$salt$hash".to_owned(), OtherAlgorithm),
            ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(), Malformed),
            (full("$argon2id$v=20$m=19456,t=2,p=1$"), Malformed),
            (full("$argon2x$v=19$m=19456,t=2,p=1$"), Malformed),
            (full("$argon2id$v=19$m=4294967295,t=2,p=1$"), TooCostly),
            (full("$argon2id$v=19$m=19456,t=100000,p=1$"), TooCostly),
            (full("$argon2id$v=19$m=262144,t=1,p=1000$"), TooCostly),
            (full("$argon2id$v=19$m=262144,t=4,p=1$"), TooCostly),
        ] {
            assert_eq!(refusal(&text), Some(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\$argon2[id]{1,2}\\$[ -~]{0,80}") {
            let _ = StoredHash::parse(&text);
        }
    }
}
