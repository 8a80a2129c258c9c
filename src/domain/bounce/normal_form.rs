//! The same failure, said about different mails, in the same form: what differs from mail to mail is masked.

use super::clean::clean;
use super::fold::is_unspaced;
use super::token::{self, Token};

/// Characters at most.
const MAX: usize = 300;

/// One line with addresses, hosts, networks, links, ids and numbers masked, cut to 300 characters.
pub(super) fn of(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len().min(MAX) + 16);
    let bytes = text.as_bytes();
    let (mut at, mut line_start, mut after_mark) = (0, true, true);
    while at < bytes.len() && out.len() < 4 * MAX {
        let byte = bytes[at];
        let Some(c) = text[at..].chars().next() else { break };
        if c.is_whitespace() || c.is_control() {
            if byte == b'\n' {
                (line_start, after_mark) = (true, true);
            }
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
            at += c.len_utf8();
            continue;
        }
        let end = token::run_end(&text, at);
        let is_run = end > at && (byte.is_ascii_alphanumeric() || byte >= 0x80 || byte == b'@');
        if !is_run {
            out.push(c);
            after_mark = matches!(c, ':' | ';' | '<' | '(' | '[' | '"' | '|' | '#' | '>');
            at += c.len_utf8();
            continue;
        }
        let run = &text[at..end];
        let (mask, length) = match token::of(&text, at, end, line_start, after_mark) {
            Token::Reply { length, .. } | Token::Enhanced { length, .. } => (None, length),
            Token::Words { length } => (None, length),
            Token::Address => (Some("{address}"), trimmed(run)),
            Token::Host => (Some("{host}"), trimmed(run)),
            Token::Network { length } => (Some("{ip}"), length),
            Token::Link { length } => (Some("{url}"), length),
            Token::Number => (Some("{number}"), trimmed(run)),
        };
        match mask {
            Some(mask) => out.push_str(mask),
            None => words(&text[at..at + length], &mut out),
        }
        at += length.max(1);
        (line_start, after_mark) =
            (false, run.len() <= 8 && token::announces_a_reply(&run.to_ascii_lowercase()));
    }
    // Where it is cut, a space may stand; what is looked for by it has none there.
    let mut cut: String = out.chars().take(MAX).collect();
    cut.truncate(cut.trim_end().len());
    cut
}

/// Words stay; ids and numbers among them do not.
fn words(run: &str, out: &mut String) {
    let mut rest = run;
    while !rest.is_empty() {
        let is_part = |c: char| c.is_alphanumeric() || is_unspaced(c);
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        let digits = piece.bytes().filter(u8::is_ascii_digit).count();
        let is_code = run.len() == piece.len() && digits == 3;
        if piece.is_empty() {
        } else if digits == piece.len() && digits > 0 && !is_code && !run.contains('.') {
            out.push_str("{number}");
        } else if token::is_id(piece) || (digits >= 3 && piece.len() >= 6) {
            out.push_str("{id}");
        } else {
            out.push_str(piece);
        }
        let sign = tail.chars().next();
        sign.into_iter().for_each(|sign| out.push(sign));
        rest = &tail[sign.map_or(0, char::len_utf8)..];
    }
}

/// The run without the marks that end a sentence.
fn trimmed(run: &str) -> usize {
    run.trim_end_matches(['.', '!', '?', '\'']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_ends_with_the_space_at_which_it_was_cut() {
        let words = "no ".repeat(MAX / 3);

        assert_eq!(of(&format!("{words}such user")), words.trim_end());
    }
}
