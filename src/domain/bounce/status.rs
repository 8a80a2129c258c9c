//! Enhanced status codes (RFC 3463 §2), and the codes at the head of a diagnostic text.

/// `class.subject.detail`; the class (2, 4 or 5) is left out, as severity is a fact of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnhancedStatus {
    /// What it is about: 1 addressing, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 security.
    pub subject: u16,
    /// What precisely.
    pub detail: u16,
}

/// The codes that a text begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) reply: Option<u16>,
    pub(super) enhanced: Option<EnhancedStatus>,
}

impl EnhancedStatus {
    /// Reads exactly one code of a failure, such as `5.1.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (status, rest) = Self::take(text.trim())?;
        rest.is_empty().then_some(status)
    }

    /// Reads a code at the head of a text; answers what follows it.
    fn take(text: &str) -> Option<(Self, &str)> {
        let rest = text.strip_prefix(['4', '5'])?.strip_prefix('.')?;
        let (subject, rest) = number(rest)?;
        let (detail, rest) = number(rest.strip_prefix('.')?)?;
        // `5.1.1.7` is no status code but part of an address.
        let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        ends.then_some((Self { subject, detail }, rest))
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

/// The codes at the head of `550 5.1.1 …`, `550-5.1.1 …`, `5.1.1 …`, `smtp; 550 5.1.1 …`.
pub(super) fn head(text: &str) -> Head {
    let text = text.trim_start();
    // A delivery report names the kind of diagnostic first (RFC 3464 §2.3.6).
    let text = match text.split_once(';') {
        Some((kind, rest)) if kind.trim_end().eq_ignore_ascii_case("smtp") => rest.trim_start(),
        _ => text,
    };
    if let Some((enhanced, _)) = EnhancedStatus::take(text) {
        return Head { reply: None, enhanced: Some(enhanced) };
    }
    let Some((reply @ 400..=599, rest)) = number(text) else { return Head::default() };
    if !rest.is_empty() && !rest.starts_with([' ', '-', '\t', '\r', '\n']) {
        return Head::default();
    }
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start().trim_start_matches(['#', '(', '[']);
    Head { reply: Some(reply), enhanced: EnhancedStatus::take(rest).map(|(enhanced, _)| enhanced) }
}
