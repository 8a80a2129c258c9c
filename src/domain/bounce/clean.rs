//! What transport and display have left in a text, undone: soft line breaks, quoted-printable, HTML.

use std::borrow::Cow;

/// Bytes of a text that are read at most; a reason stands at its head.
const MAX: usize = 16 * 1024;

const TAGS: &[&str] = &[
    "br",
    "p",
    "b",
    "i",
    "a",
    "u",
    "div",
    "span",
    "font",
    "td",
    "tr",
    "table",
    "html",
    "body",
    "head",
    "li",
    "ul",
    "ol",
    "strong",
    "em",
    "pre",
    "tt",
    "code",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "blockquote",
    "center",
];

const ENTITIES: &[(&str, &str)] = &[
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&apos;", "'"),
    ("&nbsp;", " "),
    ("&#160;", " "),
    ("&amp;", "&"),
];

/// The readable text, cut to what is worth reading.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(head(text));
    if text.contains('=') && has_quoted_printable(text.as_bytes()) {
        text = Cow::Owned(unquote(&text));
    }
    if text.contains('&') && ENTITIES.iter().any(|(entity, _)| text.contains(entity)) {
        let mut plain = text.into_owned();
        for (entity, sign) in ENTITIES {
            plain = plain.replace(entity, sign);
        }
        text = Cow::Owned(plain);
    }
    if text.contains('<')
        && let Some(plain) = without_tags(&text)
    {
        text = Cow::Owned(plain);
    }
    text
}

fn head(text: &str) -> &str {
    if text.len() <= MAX {
        return text;
    }
    let end = (0..=MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}

/// A soft line break, or an encoded octet that nobody writes into a query: `=3D`, `=20`, `=C3`.
fn has_quoted_printable(bytes: &[u8]) -> bool {
    bytes
        .windows(3)
        .any(|three| three[0] == b'=' && (is_soft_break(&three[1..]) || octet(&three[1..]).is_some()))
}

fn is_soft_break(rest: &[u8]) -> bool {
    rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
}

fn octet(rest: &[u8]) -> Option<u8> {
    let (high, low) = (*rest.first()?, *rest.get(1)?);
    let is_upper_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    if !is_upper_hex(high) || !is_upper_hex(low) {
        return None;
    }
    let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 };
    let octet = value(high) << 4 | value(low);
    // `ip=19…` is a query; `=3D`, `=20` and what is not ASCII are not.
    (octet >= 0xa0 || matches!(octet, b'=' | b' ')).then_some(octet)
}

fn unquote(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at + 1..];
        if bytes[at] == b'=' {
            if is_soft_break(rest) {
                at += if rest[0] == b'\n' { 2 } else { 3 };
                continue;
            }
            if let Some(octet) = octet(rest) {
                out.push(octet);
                at += 3;
                continue;
            }
        }
        out.push(bytes[at]);
        at += 1;
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        // Not UTF-8, so most likely Latin-1.
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    }
}

/// None if there is no tag.
fn without_tags(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut kept = 0;
    for (at, _) in text.match_indices('<') {
        if at < kept {
            continue;
        }
        let rest = text[at + 1..].trim_start_matches('/');
        let name = rest.find(|c: char| !c.is_ascii_alphanumeric()).map(|end| &rest[..end]);
        let Some(name) = name.filter(|name| TAGS.iter().any(|tag| tag.eq_ignore_ascii_case(name))) else {
            continue;
        };
        let after = &rest[name.len()..];
        let is_tag = after.starts_with('>')
            || after.starts_with("/>")
            || after.starts_with(" /")
            || (after.starts_with(char::is_whitespace) && after.contains('='));
        let Some(end) = after.find('>').filter(|_| is_tag) else { continue };
        out.push_str(&text[kept..at]);
        out.push(' ');
        kept = text.len() - after.len() + end + 1;
    }
    if kept == 0 {
        return None;
    }
    out.push_str(&text[kept..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_line_breaks_octets_entities_and_tags_are_undone() {
        for (given, expected) in [
            ("user un=\nknown", "user unknown"),
            ("bo=C3=AEte pleine", "boîte pleine"),
            ("bo=EEte pleine", "boîte pleine"),
            ("see ?ip=192.0.2.1&id=7F", "see ?ip=192.0.2.1&id=7F"),
            ("&lt;a@b.test&gt;: <br>no such<BR/>user", "<a@b.test>:  no such user"),
            ("<b@x.test> is full", "<b@x.test> is full"),
            ("<a href=\"https://x.test/\">why</a>", " why "),
        ] {
            assert_eq!(clean(given), expected, "{given}");
        }
    }

    #[test]
    fn what_is_huge_is_cut_between_characters() {
        assert!(clean(&"ä".repeat(1_000_000)).len() <= MAX);
    }
}
