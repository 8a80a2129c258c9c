//! Enhanced status codes (RFC 3463 §2).

/// `class.subject.detail` of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnhancedStatus {
    /// Whether it is for good: class 5, not 4.
    pub permanent: bool,
    /// What it is about: 1 addressing, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 security.
    pub subject: u16,
    /// What precisely.
    pub detail: u16,
}

impl EnhancedStatus {
    /// Reads exactly one code of a failure, such as `5.1.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (status, rest) = Self::take(text.trim())?;
        rest.is_empty().then_some(status)
    }

    /// Reads a code at the head of a text; answers what follows it.
    pub(super) fn take(text: &str) -> Option<(Self, &str)> {
        let permanent = text.starts_with('5');
        let rest = text.strip_prefix(['4', '5'])?.strip_prefix('.')?;
        let (subject, rest) = number(rest)?;
        let (detail, rest) = number(rest.strip_prefix('.')?)?;
        // `5.1.1.7` is no status code but part of an address.
        let ends = !rest.starts_with(|c: char| c.is_ascii_digit())
            && !rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        ends.then_some((Self { permanent, subject, detail }, rest))
    }
}

/// One to three digits.
fn number(text: &str) -> Option<(u16, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 3 {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}
