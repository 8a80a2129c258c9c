//! E-mail addresses: parsed once, trusted after.
//!
//! Two addresses are the same when their ASCII letters, case folded, and the IDNA form of their domains
//! agree, and by nothing else: Unicode case mapping or compatibility forms would let one person's address
//! stand for another's (CVE-2019-19844).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Octets of a local part at most (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Octets of an address at most (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_ADDRESS: usize = 254;

/// Why a text is not an address that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Over 254 octets, or over 64 before the `@`.
    #[error("an e-mail address has at most {MAX_ADDRESS} characters, {MAX_LOCAL} of them before the @")]
    TooLong,
    /// Not one local part, one `@` and one domain.
    #[error("not a single e-mail address")]
    Malformed,
    /// The domain is no valid (international) domain name.
    #[error("the part after the @ is not a valid domain")]
    InvalidDomain,
}

/// One address as it was given, with its normal form beside it. Never shown by `Debug`.
#[derive(Clone)]
pub struct EmailAddress {
    given: String,
    normalised: String,
}

impl EmailAddress {
    /// Parses one bare address: no display name, no quotes, no comment, no list.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.len() > MAX_ADDRESS {
            return Err(InvalidAddress::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(InvalidAddress::Malformed)?;
        if local.len() > MAX_LOCAL {
            return Err(InvalidAddress::TooLong);
        }
        if !is_dot_atom(local) || domain.contains('@') {
            return Err(InvalidAddress::Malformed);
        }
        let domain = ascii_domain(domain)?;
        let normalised = format!("{}@{domain}", local.to_ascii_lowercase());
        if normalised.len() > MAX_ADDRESS {
            return Err(InvalidAddress::TooLong);
        }
        Ok(Self { given: text.to_owned(), normalised })
    }

    /// The address as it was given; what mail is sent to.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// Equal for addresses that are the same: ASCII letters in lower case, the domain in IDNA form.
    pub fn normalised(&self) -> &str {
        &self.normalised
    }

    /// The domain in IDNA form, lower case.
    pub fn domain(&self) -> &str {
        self.normalised.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Enough for its owner to recognise, too little for anyone else: `a***@e***.test`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.normalised.split_once('@').unwrap_or((&self.normalised, ""));
        let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
        match domain.rsplit_once('.') {
            Some((name, top)) => format!("{}***@{}***.{top}", first(local), first(name)),
            None => format!("{}***@{}***", first(local), first(domain)),
        }
    }
}

/// RFC 5322 dot-atom, and beyond ASCII whatever is neither control nor white space (RFC 6531).
fn is_dot_atom(local: &str) -> bool {
    let atext = |c: char| {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && is_printable(c))
    };
    !local.is_empty() && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

/// Neither control, white space nor an invisible or direction-changing format character.
pub(super) fn is_printable(c: char) -> bool {
    let format = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !c.is_whitespace() && !format
}

/// The IDNA form of a domain, provided that the mapping changes nothing but ASCII case.
fn ascii_domain(domain: &str) -> Result<String, InvalidAddress> {
    let lower = domain.to_ascii_lowercase();
    let ascii = idna::domain_to_ascii_strict(&lower).map_err(|_| InvalidAddress::InvalidDomain)?;
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    let unchanged = ascii == lower || (valid.is_ok() && unicode == lower);
    let last_label = ascii.rsplit('.').next().unwrap_or_default();
    let is_name = !ascii.is_empty()
        && ascii.len() <= 253
        && ascii.split('.').all(|label| !label.is_empty() && label.len() <= 63)
        && !last_label.bytes().all(|b| b.is_ascii_digit());
    if unchanged && is_name { Ok(ascii) } else { Err(InvalidAddress::InvalidDomain) }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.normalised == other.normalised
    }
}

impl Eq for EmailAddress {}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.given)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(text: &str) -> Result<String, InvalidAddress> {
        EmailAddress::parse(text).map(|address| address.normalised().to_owned())
    }

    #[test]
    fn ascii_case_and_the_idna_form_of_the_domain_are_folded() {
        assert_eq!(normalised("Ada.L@Example.TEST"), Ok("ada.l@example.test".into()));
        assert_eq!(normalised("ada@bücher.test"), Ok("ada@xn--bcher-kva.test".into()));
        assert_eq!(normalised("ada@xn--bcher-kva.test"), Ok("ada@xn--bcher-kva.test".into()));
    }

    #[test]
    fn nothing_else_is_folded() {
        assert_eq!(normalised("ÄDA@example.test"), Ok("Äda@example.test".into()));
        assert_ne!(normalised("m\u{131}ke@example.test"), normalised("mike@example.test"));
        for compatibility_form in ["a@\u{212a}elvin.test", "a@\u{ff45}xample.test", "a@exam\u{ad}ple.test"] {
            assert_eq!(normalised(compatibility_form), Err(InvalidAddress::InvalidDomain));
        }
    }

    #[test]
    fn what_is_not_one_bare_address_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b.test",
            "a.test",
            "a@b@c.test",
            "a@b.test,c@d.test",
            "a@b.test c@d.test",
            "Ada <a@b.test>",
            "\"a b\"@c.test",
            "a(c)@b.test",
            " a@b.test",
            "a@b.test ",
            "a@b.test\r\nBcc: x@y.test",
            "a\0@b.test",
            ".a@b.test",
            "a..b@c.test",
            "a@.test",
            "a@b..test",
            "a@-b.test",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a\u{200b}@b.test",
            "a\u{202e}@b.test",
            "a@b_c.test",
            "a@b.test.",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(normalised(&format!("{}@b.test", "a".repeat(65))), Err(InvalidAddress::TooLong));
    }

    #[test]
    fn a_mask_keeps_two_letters_and_the_top_level_domain() {
        let address = EmailAddress::parse("ada@example.test").unwrap();
        assert_eq!(address.masked(), "a***@e***.test");
        assert_eq!(format!("{address:?}"), "a***@e***.test");
    }
}
