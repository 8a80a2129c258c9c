//! The parts of what was typed: words with or without a colon, quotation marks around what has spaces in it.

use super::Misunderstood;

/// What stands between two spaces: `word:value`, or a value alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// In lower case.
    pub word: Option<String>,
    pub value: String,
}

const UNCLOSED: &str = "A quotation mark is opened and not closed.";

/// Every part in its order.
pub(super) fn parts(typed: &str) -> Vec<Result<Part, Misunderstood>> {
    let mut parts = vec![];
    let mut rest = typed.trim_start();
    while !rest.is_empty() {
        let (part, after) = part(rest);
        parts.push(part);
        rest = after.trim_start();
    }
    parts
}

/// The first part, and what follows it.
fn part(typed: &str) -> (Result<Part, Misunderstood>, &str) {
    let (mut word, mut value) = (None, String::new());
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in typed.char_indices() {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => return (Ok(Part { word, value }), &typed[at..]),
            ':' if !is_quoted && word.is_none() && is_word(&value) => {
                word = Some(std::mem::take(&mut value).to_lowercase());
            }
            c => value.push(c),
        }
    }
    if is_quoted || is_escaped {
        let fault = Misunderstood { part: typed.trim_end().to_owned(), help: UNCLOSED.to_owned() };
        return (Err(fault), "");
    }
    (Ok(Part { word, value }), "")
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphabetic() || c == '-' || c == '_')
}

/// In quotation marks where it needs them.
pub(super) fn quoted(value: &str) -> String {
    let is_plain = !value.is_empty() && !value.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '\\'));
    if is_plain {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
