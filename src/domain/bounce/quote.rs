//! The words of a server, out of what a relay says around them: host, command and its own verdict are no reason.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// What relays say before they quote a server.
const BEFORE: &[&str] = &[
    "said",
    "talk to me",
    "talking to",
    "remote mail server",
    "remote server",
    "remote host",
    "other server",
    "unknown address error",
    "server returned",
    "response was",
    "smtp error",
    "while connected",
];

/// What they add.
const AFTER: &[&str] =
    &["(in reply to ", "giving up on ", "(delivery attempts: ", "i'm not going to try again"];

static OPENS: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(BEFORE));
static CLOSES: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(AFTER));

/// In lower case, with a capital, and in capitals: without any other the automaton skips from mark to mark.
fn automaton(marks: &[&str]) -> AhoCorasick {
    let written = marks.iter().flat_map(|mark| {
        let letter = mark.find(char::is_alphabetic).unwrap_or_default();
        let (before, rest) = mark.split_at(letter);
        let capital = format!("{before}{}{}", rest[..1].to_uppercase(), &rest[1..]);
        [(*mark).to_owned(), capital, mark.to_uppercase()]
    });
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(written);
    built.expect("a few short marks make an automaton")
}

/// The quoted words, or the whole text where nothing is quoted.
pub(super) fn quoted(text: &str) -> &str {
    let start = first_refusal(text).filter(|start| OPENS.is_match(&text[..*start])).unwrap_or_default();
    let words = &text[start..];
    // A text that begins with such a mark says nothing else.
    let end = CLOSES.find_iter(words).map(|mark| mark.start()).find(|end| *end > 3);
    &words[..end.unwrap_or(words.len())]
}

/// Where the first reply code of a failure stands, if marks or a new line announce it.
fn first_refusal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(3)).find(|at| {
        let is_code = matches!(bytes[*at], b'4' | b'5')
            && bytes[at + 1].is_ascii_digit()
            && bytes[at + 2].is_ascii_digit()
            && matches!(bytes[at + 3], b' ' | b'-');
        let before = || bytes[..*at].iter().rev().find(|byte| **byte != b' ');
        is_code
            && (text[..*at].ends_with("error ")
                || before().is_none_or(|byte| {
                    matches!(byte, b':' | b';' | b'<' | b'>' | b'(' | b'"' | b'\'' | b'|' | b'\n' | b'\r')
                }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_says_around_a_reply_is_left_out() {
        for (given, expected) in [
            ("host mx[192.0.2.1] said: 550 no (in reply to RCPT TO command)", "550 no "),
            (
                "SMTP error from remote mail server after MAIL FROM:<a@b.test> SIZE=9: host mx: 550-no",
                "550-no",
            ),
            (
                "192.0.2.1 does not like recipient. Remote host said: 552 full Giving up on 192.0.2.1.",
                "552 full ",
            ),
            ("5.1.0 - Unknown address error 550-'no' (delivery attempts: 0)", "550-'no' "),
            ("mx refused to talk to me: 421 later", "421 later"),
            ("550 said: 554 no", "550 said: 554 no"),
            ("5.1.1 no such user (in reply to end of DATA command)", "5.1.1 no such user "),
            ("", ""),
        ] {
            assert_eq!(quoted(given), expected, "{given}");
        }
    }
}
