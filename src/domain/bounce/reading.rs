//! A diagnostic as rules see it: its words, folded, with addresses, hosts, links and ids masked, and the codes
//! taken out; each word has a number, so that patterns can speak of distance.
//!
//! Must never let a name decide: a user called `spam`, a host `virus-scan` or a path `/blocked/` is no reason.

use std::borrow::Cow;

use super::clean::clean;
use super::quote::quoted;
use super::reader::{Reader, Reply};

/// A text, read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// Words between single spaces, one at each end.
    pub(super) words: String,
    /// Where each word ends, and its number.
    ends: Vec<(u32, u16)>,
    /// The text as it came, but for what transport left in it.
    pub(super) text: Cow<'a, str>,
    /// At least one.
    pub(super) replies: Vec<Reply>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = clean(text);
        let Reader { words, ends, replies, .. } = Reader::read(quoted(&text));
        Self { words, ends, replies, text }
    }

    /// Each word with its number.
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, u16)> {
        let mut start = 1;
        self.ends.iter().map(move |(end, number)| {
            let word = &self.words[start..*end as usize];
            start = *end as usize + 1;
            (word, *number)
        })
    }

    /// Whether anything is said beside codes, names and numbers.
    pub(super) fn has_words(&self) -> bool {
        self.words.split(' ').any(|word| word.len() > 2 && !word.starts_with(['@', '0']))
    }
}
