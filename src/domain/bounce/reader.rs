//! Reads a text from left to right into words and replies.

use unicode_normalization::char::is_combining_mark;

use super::EnhancedStatus;
use super::fold::{fold, is_apostrophe, is_unspaced, joins};
use super::token::{self, Token};

/// The distance that the end of a sentence adds between two words.
const SENTENCE: u16 = 2;

/// What stands in a text for something that was masked.
const ADDRESS: &str = "@a";
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

/// What stands before the place that is read: it tells whether a reply may begin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing but marks since the line began.
    LineStart,
    /// A colon, semicolon or bracket, or a reply code.
    Mark,
    /// A word, which may be such as “said”.
    Word,
    EnhancedCode,
}

/// What was read so far.
pub(super) struct Reader<'a> {
    text: &'a str,
    lower_case: String,
    at: usize,
    before: Before,
    /// The number of the next word.
    next: u16,
    /// The word that is being read.
    piece: String,
    pub(super) words: String,
    pub(super) ends: Vec<(u32, u16)>,
    pub(super) replies: Vec<Reply>,
}

impl<'a> Reader<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let mut reader = Self {
            text,
            lower_case: text.to_ascii_lowercase(),
            at: 0,
            before: Before::LineStart,
            next: 1,
            piece: String::new(),
            words: String::with_capacity(text.len() + 16),
            ends: Vec::with_capacity(text.len() / 4 + 16),
            replies: vec![Reply::default()],
        };
        reader.words.push(' ');
        reader.read_on();
        reader
    }

    fn read_on(&mut self) {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && self.next < u16::MAX - 64 {
            let byte = bytes[self.at];
            if byte.is_ascii_alphabetic()
                && let Some(length) = self.plain_word()
            {
                self.read_plain_word(length);
                continue;
            }
            match byte {
                b'\n' | b'\r' => {
                    self.before = Before::LineStart;
                    self.at += 1;
                    self.skip_command();
                }
                b' ' | b'\t' => self.at += 1,
                b':' | b';' | b'<' | b'>' | b'(' | b'[' | b'"' | b'\'' | b'|' | b'#' => {
                    self.mark();
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

    fn mark(&mut self) {
        if self.before != Before::LineStart {
            self.before = Before::Mark;
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

    /// The length of a word that is nothing but letters, at most the first a capital: most are, and need no closer
    /// look.
    fn plain_word(&self) -> Option<usize> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(rest.len());
        let is_end = |at: usize| rest.get(at).is_none_or(|next| matches!(next, b' ' | b'\n' | b'\r' | b'\t'));
        let ends = match rest.get(length) {
            Some(b'.') => is_end(length + 1),
            Some(b',' | b')' | b'>' | b'"' | b';') => true,
            _ => is_end(length),
        };
        let inside = self.at + 1..self.at + length;
        let is_plain = ends
            && (1..=token::LONGEST_WORD).contains(&length)
            && self.text[inside.clone()] == self.lower_case[inside];
        is_plain.then_some(length)
    }

    fn read_plain_word(&mut self, length: usize) {
        let end = self.at + length;
        self.words.push_str(&self.lower_case[self.at..end]);
        self.close_word();
        self.at = end;
        if self.text[end..].starts_with('.') {
            self.at += 1;
            self.end_sentence(self.at);
        }
    }

    /// After a mark that may end a sentence: it does before a space.
    fn end_sentence(&mut self, end: usize) {
        if self.text[end..].starts_with([' ', '\n', '\r', '\t']) {
            self.next = self.next.saturating_add(SENTENCE);
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
                self.mark();
            }
            self.at += c.len_utf8();
            return;
        }
        let run = &self.text[self.at..end];
        let start = self.at;
        if self.is_continuation(run) {
            (self.at, self.before) = (start + 3, Before::Mark);
            return;
        }
        self.at = end;
        let line_start = self.before == Before::LineStart;
        match token::of(self.text, start, end, line_start, self.may_begin_reply()) {
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
        if run.ends_with(['.', '!', '?']) {
            self.end_sentence(end);
        }
    }

    /// Whether a reply may begin here in the middle of a line.
    fn may_begin_reply(&self) -> bool {
        match self.before {
            Before::LineStart | Before::Mark => true,
            Before::Word => self.words.trim_end().rsplit(' ').next().is_some_and(token::announces_a_reply),
            Before::EnhancedCode => false,
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
        self.close_word();
    }

    /// The word is complete that was written last.
    fn close_word(&mut self) {
        self.before = Before::Word;
        self.ends.push((u32::try_from(self.words.len()).unwrap_or(u32::MAX), self.next));
        self.next = self.next.saturating_add(1);
        self.words.push(' ');
    }

    fn reply(&mut self, code: u16) {
        self.before = Before::Mark;
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
        self.before = Before::EnhancedCode;
        if let Some(current) = self.replies.last_mut() {
            current.enhanced.get_or_insert(status);
        }
    }
}
