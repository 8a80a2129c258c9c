//! A diagnostic as rules see it: its words, folded, with addresses, hosts, links and ids masked, and the codes
//! taken out; each word has a number, so that patterns can speak of distance.
//!
//! Must never let a name decide: a user called `spam`, a host `virus-scan` or a path `/blocked/` is no reason.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

use super::EnhancedStatus;
use super::clean::clean;
use super::fold::{fold, is_apostrophe, is_unspaced, joins};
use super::quote::quoted;
use super::token::{self, Token};

/// The distance that the end of a sentence adds between two words.
const SENTENCE: u16 = 2;

/// What stands in a text for something that was masked.
pub(super) const ADDRESS: &str = "@a";
const HOST: &str = "@h";
const NETWORK: &str = "@i";
const LINK: &str = "@u";
const ID: &str = "@x";
const NUMBER: &str = "0";

/// One reply of a server, or what stands before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The number of its first word.
    pub(super) first: u16,
    pub(super) code: Option<u16>,
    pub(super) enhanced: Option<EnhancedStatus>,
}

/// A text, read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// Words between single spaces, one at each end.
    pub(super) words: String,
    /// For each byte of `words`, the number of its word.
    pub(super) numbers: Vec<u16>,
    /// The text as it came, but for what transport left in it.
    pub(super) text: Cow<'a, str>,
    /// At least one.
    pub(super) replies: Vec<Reply>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = clean(text);
        let mut reader = Reader {
            text: quoted(&text),
            at: 0,
            line_start: true,
            after_mark: true,
            next: 1,
            piece: String::new(),
            words: String::with_capacity(text.len() + 16),
            numbers: Vec::with_capacity(text.len() + 16),
            replies: vec![Reply::default()],
        };
        reader.words.push(' ');
        reader.numbers.push(0);
        reader.read();
        let Reader { words, numbers, replies, .. } = reader;
        Self { words, numbers, replies, text }
    }

    /// Whether anything is said beside codes, names and numbers.
    pub(super) fn has_words(&self) -> bool {
        self.words.split(' ').any(|word| word.len() > 2 && !word.starts_with(['@', '0']))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Nothing but marks since the line began.
    line_start: bool,
    /// After a colon, semicolon or bracket, or a word such as “said”: a reply may begin.
    after_mark: bool,
    /// The number of the next word.
    next: u16,
    /// The word that is being read.
    piece: String,
    words: String,
    numbers: Vec<u16>,
    replies: Vec<Reply>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && self.next < u16::MAX - 64 {
            let byte = bytes[self.at];
            match byte {
                b'\n' | b'\r' => {
                    (self.line_start, self.after_mark) = (true, true);
                    self.at += 1;
                    self.skip_command();
                }
                b' ' | b'\t' => self.at += 1,
                b':' | b';' | b'<' | b'>' | b'(' | b'[' | b'"' | b'\'' | b'|' | b'#' => {
                    self.after_mark = true;
                    self.at += 1;
                }
                b'/' if bytes.get(self.at + 1).is_some_and(u8::is_ascii_alphanumeric) => self.skip_path(),
                _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => self.run(),
                b'@' => {
                    // What is left of a masked address.
                    let end = token::run_end(self.text, self.at + 1);
                    self.emit(ADDRESS);
                    self.at = end;
                }
                _ => self.at += 1,
            }
        }
    }

    /// A line that we said ourselves.
    fn skip_command(&mut self) {
        let rest = &self.text[self.at..];
        if rest.trim_start_matches([' ', '\t']).starts_with(">>>") {
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn skip_path(&mut self) {
        let end = token::run_end(self.text, self.at + 1);
        let run = &self.text[self.at + 1..end];
        if run.contains('/') || run.contains('.') {
            self.at = end;
        } else {
            self.at += 1;
        }
    }

    fn run(&mut self) {
        let end = token::run_end(self.text, self.at);
        if end == self.at {
            // A sign of its own: of an unspaced script, or none that matters.
            let c = self.text[self.at..].chars().next().unwrap_or(' ');
            if is_unspaced(c) {
                let mut sign = [0; 4];
                self.emit(c.encode_utf8(&mut sign));
            } else if matches!(c, '。' | '．' | '！') {
                self.next += SENTENCE;
            } else if matches!(c, '：' | '；') {
                self.after_mark = true;
            }
            self.at += c.len_utf8();
            return;
        }
        let run = &self.text[self.at..end];
        let start = self.at;
        if self.is_continuation(run) {
            (self.at, self.line_start, self.after_mark) = (start + 3, false, true);
            return;
        }
        self.at = end;
        match token::of(self.text, start, end, self.line_start, self.after_mark) {
            Token::Reply { code, length } => {
                self.reply(code);
                self.at = start + length;
            }
            Token::Enhanced { status, length } => {
                self.enhanced(status);
                self.at = start + length;
            }
            Token::Words { length } => {
                self.at = start + length;
                self.read_words(&run[..length]);
            }
            Token::Address => self.emit(ADDRESS),
            Token::Host => self.emit(HOST),
            Token::Network { length } => {
                self.emit(NETWORK);
                self.at = start + length;
            }
            Token::Link { length } => {
                self.emit(LINK);
                self.at = start + length;
            }
            Token::Number => self.emit(NUMBER),
        }
        if run.ends_with(['.', '!', '?']) && self.text[end..].starts_with([' ', '\n', '\r', '\t']) {
            self.next = self.next.saturating_add(SENTENCE);
        }
    }

    /// The code again, where the lines of one reply were joined: `550-no such 550 user`.
    fn is_continuation(&self, run: &str) -> bool {
        let code = self.replies.last().and_then(|reply| reply.code);
        let (digits, rest) = run.split_at_checked(3).unwrap_or_default();
        (rest.is_empty() || rest.starts_with('-')) && code.is_some() && digits.parse().ok() == code
    }

    fn read_words(&mut self, run: &str) {
        let bytes = run.as_bytes();
        let has_capital_inside = bytes.iter().skip(1).any(u8::is_ascii_uppercase);
        if !has_capital_inside && bytes.iter().all(u8::is_ascii_alphabetic) {
            self.piece.push_str(run);
            self.piece.make_ascii_lowercase();
            return self.end_word();
        }
        let mut before = ' ';
        let is_name = token::is_product(run);
        for (at, c) in run.char_indices() {
            // `NoSuchUser` is three words.
            if !is_name && c.is_ascii_uppercase() && before.is_ascii_lowercase() {
                self.end_word();
            }
            if c.is_alphanumeric() || is_combining_mark(c) {
                fold(c, &mut self.piece);
            } else if !is_apostrophe(c) || !joins(&run[at + c.len_utf8()..]) {
                self.end_word();
            }
            before = c;
        }
        self.end_word();
    }

    fn end_word(&mut self) {
        if self.piece.is_empty() {
            return;
        }
        let piece = std::mem::take(&mut self.piece);
        if piece.bytes().all(|byte| byte.is_ascii_digit()) {
            self.emit(NUMBER);
        } else if token::is_id(&piece) {
            self.emit(ID);
        } else {
            self.emit(&piece);
        }
        self.piece = piece;
        self.piece.clear();
    }

    fn emit(&mut self, word: &str) {
        self.words.push_str(word);
        self.words.push(' ');
        self.numbers.resize(self.words.len(), self.next);
        self.next = self.next.saturating_add(1);
        self.line_start = false;
        self.after_mark = token::announces_a_reply(word);
    }

    fn reply(&mut self, code: u16) {
        self.line_start = false;
        self.after_mark = true;
        let current = self.replies.last().and_then(|reply| reply.code);
        if current == Some(code) {
            return;
        }
        // “Remote host said: 550 unknown user” is about no host.
        self.next = self.next.saturating_add(SENTENCE);
        match self.replies.last_mut() {
            // What stands before the first reply belongs to it.
            Some(first) if first.code.is_none() => first.code = Some(code),
            _ => self.replies.push(Reply { first: self.next, code: Some(code), enhanced: None }),
        }
    }

    fn enhanced(&mut self, status: EnhancedStatus) {
        self.line_start = false;
        self.after_mark = false;
        if let Some(current) = self.replies.last_mut() {
            current.enhanced.get_or_insert(status);
        }
    }
}
