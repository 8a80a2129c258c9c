//! What a password may be: length and a refusal of what everybody guesses first, nothing about its
//! composition (NIST SP 800-63B-4 §3.1.1.2). Never keeps, shows or changes a password beyond its normal form.

use unicode_normalization::UnicodeNormalization;

use super::address::EmailAddress;

/// A password found in fewer guesses than this is one of the first that anybody tries.
const COMMON_GUESSES: u64 = 1_000_000;
/// No list of common passwords holds a longer one, and the estimate's cost grows with the square of length:
/// the worst input of this length costs about as much as a hash, one of 100 characters a second.
const LONGEST_COMMON: usize = 32;
/// A local part shorter than this is no more of a hint than any other short word.
const SHORTEST_LOCAL_PART: usize = 4;

/// The bounds of a password, in Unicode characters of its normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Characters at least.
    pub min_length: usize,
    /// Characters at most.
    pub max_length: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, max_length: 256 }
    }
}

/// One reason why a password is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRejection {
    /// `too_short`, `too_long`, `too_common` or `contains_address`.
    pub code: &'static str,
    /// The same for people.
    pub message: String,
}

/// The form in which a password is hashed and compared: NFC, so that two keyboards that write one letter
/// differently agree. Nothing is trimmed.
pub fn normalise(password: &str) -> String {
    password.nfc().collect()
}

impl PasswordPolicy {
    /// Every reason to refuse this password for the account with this address.
    pub fn check(&self, password: &str, address: &EmailAddress) -> Result<(), Vec<PasswordRejection>> {
        let password = normalise(password);
        let length = password.chars().count();
        let mut reasons = Vec::new();
        let mut refuse = |code, message: String| reasons.push(PasswordRejection { code, message });

        if length < self.min_length {
            refuse("too_short", format!("Use at least {} characters.", self.min_length));
        }
        if length > self.max_length {
            refuse("too_long", format!("Use at most {} characters.", self.max_length));
        } else if gives_away(&password, address) {
            refuse("contains_address", "Use something other than your e-mail address.".into());
        }
        if length <= LONGEST_COMMON && is_common(&password, address) {
            refuse("too_common", "This is easy to guess: choose a longer or less usual one.".into());
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }
}

/// Whether it contains the address, or is its local part and nothing else.
fn gives_away(password: &str, address: &EmailAddress) -> bool {
    let password = password.to_lowercase();
    [address.as_str(), address.normalised()].into_iter().any(|address| {
        let address = normalise(&address.to_lowercase());
        let local = address.split_once('@').map_or(address.as_str(), |(local, _)| local);
        let is_local_part = password == local && local.chars().count() >= SHORTEST_LOCAL_PART;
        is_local_part || password.contains(&address)
    })
}

fn is_common(password: &str, address: &EmailAddress) -> bool {
    let local = address.normalised().split('@').next().unwrap_or_default();
    zxcvbn::zxcvbn(password, &[local, address.domain(), "backstamp"]).guesses() < COMMON_GUESSES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(password: &str) -> Vec<&'static str> {
        let address = EmailAddress::parse("Ada.Lovelace@Bücher.test").unwrap();
        let reasons = PasswordPolicy::default().check(password, &address).err().unwrap_or_default();
        reasons.into_iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn ordinary_good_passwords_are_taken_whatever_they_are_composed_of() {
        for password in [
            "correct horse battery staple",
            "vermilion otter lantern",
            "kq7vzjxw",
            "A-brand-new-secret-42",
            " leading and trailing blanks ",
            "пароль из четырёх слов",
            "🦦🪔🎻🧭🛶🪵🧊🪁",
        ] {
            assert_eq!(codes(password), [""; 0], "{password}");
        }
    }

    #[test]
    fn what_everybody_guesses_first_is_refused() {
        for password in [
            "password",
            "Password1",
            "P@ssw0rd",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "aaaaaaaa",
            "abcd1234",
        ] {
            assert!(codes(password).contains(&"too_common"), "{password}");
        }
    }

    #[test]
    fn every_unicode_character_counts_one_after_composition() {
        assert!(codes("🦦🪔🎻🧭🛶🪵🧊").contains(&"too_short"));
        assert!(codes("e\u{301}q\u{301}7vzj").contains(&"too_short"));
        assert!(codes(&"é".repeat(256)).is_empty());
        assert!(codes(&"e\u{301}".repeat(256)).is_empty());
        assert_eq!(codes(&"x".repeat(257)), ["too_long"]);
    }

    #[test]
    fn a_password_of_one_hundred_and_twenty_eight_characters_is_taken() {
        assert!(codes(&"x".repeat(128)).is_empty());
    }

    #[test]
    fn the_accounts_own_address_is_refused_in_every_spelling() {
        for password in [
            "ada.lovelace@bücher.test",
            "ADA.LOVELACE@xn--bcher-kva.test",
            "my ada.lovelace@bu\u{308}cher.test!",
            "Ada.Lovelace",
        ] {
            assert!(codes(password).contains(&"contains_address"), "{password}");
        }
        assert!(!codes("Ada.Lovelace wrote the first program").contains(&"contains_address"));
    }

    #[test]
    fn every_reason_is_named_at_once() {
        assert_eq!(codes("1234"), ["too_short", "too_common"]);
    }

    #[test]
    fn the_normal_form_composes_and_trims_nothing() {
        assert_eq!(normalise(" e\u{301} \n"), " é \n");
        assert_ne!(normalise("\u{fb01}sh"), normalise("fish"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_input_makes_the_check_fail_or_accept_what_is_too_short(password in "\\PC{0,300}") {
            let length = normalise(&password).chars().count();

            let codes = codes(&password);

            prop_assert_eq!(codes.contains(&"too_short"), length < 8);
            prop_assert_eq!(codes.contains(&"too_long"), length > 256);
        }
    }
}
