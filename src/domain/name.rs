//! What people are called in mails and on pages: their own words, on one line.

use super::address::is_printable;

/// Characters of a name at most.
const MOST: usize = 100;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Over 100 characters.
    #[error("has more than {MOST} characters")]
    TooLong,
    /// A line break, another control, or a character that hides or turns others.
    #[error("has a control or invisible character")]
    Unprintable,
}

/// A name without the blanks around it; one that is empty is none.
pub fn parse(text: &str) -> Result<Option<String>, InvalidName> {
    let name = text.trim();
    if name.chars().count() > MOST {
        return Err(InvalidName::TooLong);
    }
    // Emoji and some scripts are joined by these two.
    let is_joiner = |c: char| matches!(c, '\u{200c}' | '\u{200d}');
    if !name.chars().all(|c| is_printable(c) || c == ' ' || is_joiner(c)) {
        return Err(InvalidName::Unprintable);
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_kinds_are_taken_without_the_blanks_around_them() {
        for name in
            ["Ada Lovelace", "Łukasz", "李小龍", "O'Brien-Smith, Jr.", "👩\u{200d}💻", "می\u{200c}خواهم"]
        {
            assert_eq!(parse(&format!(" {name}\t")), Ok(Some(name.to_owned())), "{name}");
        }
        assert_eq!(parse(" "), Ok(None));
    }

    #[test]
    fn what_breaks_a_line_or_hides_something_is_refused() {
        for name in ["Ada\r\nBcc: eve@b.test", "Ada\u{0}", "Ada\u{202e}evE", "A\u{200b}da", "Ada\tLovelace"] {
            assert_eq!(parse(name), Err(InvalidName::Unprintable), "{name:?}");
        }
        assert!(parse(&"é".repeat(100)).is_ok());
        assert_eq!(parse(&"é".repeat(101)), Err(InvalidName::TooLong));
    }
}
