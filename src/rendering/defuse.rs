//! Makes hostile values harmless while they stay readable.

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

/// Characters of a name at most.
const MAX_NAME: usize = 100;
/// What could make markup, a link, an address or a placeholder out of a name.
const NOT_IN_A_NAME: &str = "<>\"\\/:@%{}[]|#?&=`^~$*_";

/// Every text in a value becomes one line, however deep it lies.
pub fn lines(value: Value) -> Value {
    match value {
        Value::String(text) => line(&text).into(),
        Value::Array(items) => items.into_iter().map(lines).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, lines(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// One line without control characters or provider placeholders: a percent sign becomes its full-width form,
/// which reads the same and means nothing to anybody.
pub fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").replace('%', "\u{ff05}")
}

/// A name as people write it, or nothing if nothing is left. Mail programs turn `evil.test` and `www.evil`
/// into links by themselves, so every full stop within a word gets a space after it.
pub fn name(text: &str) -> Option<String> {
    // Compatibility forms first: a full-width solidus is a solidus to whoever looks for links.
    let kept: String = text
        .nfkc()
        .map(|c| if c == '\u{3002}' { '.' } else { c })
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c })
        .filter(|c| !NOT_IN_A_NAME.contains(*c) && !is_invisible(*c))
        .collect();
    let spaced = kept.replace('.', ". ");
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = words.chars().take(MAX_NAME).collect();
    name.chars().any(char::is_alphanumeric).then(|| name.trim_end().to_owned())
}

/// Format characters that hide or reorder text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_people_stay_as_they_are() {
        for text in
            ["Ada Lovelace", "Jean-Luc O’Neill", "Søren Ærø", "Nguyễn Thị Minh", "山田 太郎", "Müller, Jr."]
        {
            assert_eq!(name(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn nothing_that_could_become_a_link_is_left() {
        assert_eq!(name("https://evil.test/x").as_deref(), Some("httpsevil. testx"));
        assert_eq!(name("www。evil．test").as_deref(), Some("www. evil. test"));
        assert_eq!(name("a@evil.test").as_deref(), Some("aevil. test"));
        assert_eq!(name("%recipient_email%").as_deref(), Some("recipientemail"));
        assert_eq!(name(" \u{202e}<>%{} "), None);
    }

    proptest! {
        #[test]
        fn no_name_carries_markup_lines_or_dotted_words(text in any::<String>()) {
            if let Some(name) = name(&text) {
                prop_assert!(name.chars().count() <= MAX_NAME);
                prop_assert!(!name.chars().any(|c| c.is_control() || NOT_IN_A_NAME.contains(c)));
                prop_assert!(name.split('.').skip(1).all(|rest| rest.is_empty() || rest.starts_with([' ', '.'])));
            }
        }

        #[test]
        fn a_line_is_one_line_without_placeholders(text in any::<String>()) {
            let line = line(&text);

            prop_assert!(!line.chars().any(|c| c.is_control() || c == '%'));
        }
    }
}
