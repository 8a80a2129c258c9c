//! The small language of rules: what a text has to say, as words in order.
//!
//! - `user unknown`: these words, side by side.
//! - `mailbox .. full`: up to three other words between; `.` up to one, `...` up to eight; several
//!   add up.
//! - `{person} {unknown}`: any of the words that the lexicon lists under these names.
//! - `(over|above) quota`: one of these; a space inside is written `_`.
//! - `(is)? full`: may be left out.
//! - `block*`, `*voll`: words that begin, or end, like this.
//!
//! Letters are compared without case and accents.

use std::collections::HashMap;

use super::fold::fold_phrase;

/// One place of a pattern: one of several phrases, after so many other words at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Between spaces, which are left out where the word may go on.
    pub(super) phrases: Vec<String>,
    /// Words that may stand between this place and the one before.
    pub(super) gap: u16,
}

/// Words that stand for each other, by their common name.
pub(super) type Lexicon = HashMap<String, Vec<String>>;

/// Reads a pattern: what it means, once for each way to leave out what is optional.
pub(super) fn parse(pattern: &str, lexicon: &Lexicon) -> Result<Vec<Vec<Place>>, String> {
    without_options(pattern).iter().map(|pattern| parse_one(pattern, lexicon)).collect()
}

fn without_options(pattern: &str) -> Vec<String> {
    let Some(end) = pattern.find(")?") else { return vec![pattern.to_owned()] };
    let Some(start) = pattern[..end].rfind('(') else { return vec![pattern.to_owned()] };
    let (before, option, after) = (&pattern[..start], &pattern[start..=end], &pattern[end + 2..]);
    let with = without_options(&format!("{before}{option}{after}"));
    with.into_iter().chain(without_options(&format!("{before}{after}"))).collect()
}

fn parse_one(pattern: &str, lexicon: &Lexicon) -> Result<Vec<Place>, String> {
    let mut places: Vec<Place> = Vec::new();
    let mut gap = 0;
    let mut run: Vec<&str> = Vec::new();
    let mut run_gap = 0;
    for token in pattern.split_whitespace() {
        let wider = match token {
            "." => Some(1),
            ".." => Some(3),
            "..." => Some(8),
            _ => None,
        };
        let is_plain = wider.is_none() && !token.starts_with(['{', '(']) && !token.contains('*');
        if is_plain {
            if run.is_empty() {
                run_gap = gap;
            }
            run.push(token);
            gap = 0;
            continue;
        }
        if !run.is_empty() {
            places.push(literal(&run.join(" "), run_gap)?);
            run.clear();
        }
        if let Some(wider) = wider {
            gap += wider;
            continue;
        }
        let phrases = if let Some(name) = token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            let words = lexicon.get(name).ok_or_else(|| format!("the lexicon has no “{name}”"))?;
            words.iter().flat_map(|word| framed(word)).collect()
        } else if let Some(inside) = token.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            inside.split('|').flat_map(|word| framed(&word.replace('_', " "))).collect()
        } else {
            framed(token)
        };
        places.push(place(phrases, gap, token)?);
        gap = 0;
    }
    if !run.is_empty() {
        places.push(literal(&run.join(" "), run_gap)?);
    }
    match places.first_mut() {
        Some(first) => first.gap = 0,
        None => return Err("a pattern without words".into()),
    }
    Ok(places)
}

fn literal(words: &str, gap: u16) -> Result<Place, String> {
    place(framed(words), gap, words)
}

fn place(mut phrases: Vec<String>, gap: u16, token: &str) -> Result<Place, String> {
    phrases.sort();
    phrases.dedup();
    if phrases.is_empty() {
        return Err(format!("“{token}” has no letters"));
    }
    Ok(Place { phrases, gap })
}

/// A phrase between its spaces, which are left out where it may go on.
pub(super) fn framed(phrase: &str) -> Vec<String> {
    let folded = fold_phrase(phrase);
    if folded.is_empty() {
        return Vec::new();
    }
    let before = if phrase.starts_with('*') { "" } else { " " };
    let after = if phrase.ends_with('*') { "" } else { " " };
    vec![format!("{before}{folded}{after}")]
}
