//! Letters as rules compare them: lower case, without accents, scripts without spaces cut into signs.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Whether words of this script stand without spaces between them, so that each sign counts as a word.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}'            // Thai, Lao
        | '\u{3040}'..='\u{30ff}'          // Hiragana, Katakana
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{ac00}'..='\u{d7af}'          // Hangul
        | '\u{ff66}'..='\u{ff9f}'          // half-width Katakana
        | '\u{20000}'..='\u{3ffff}')
}

/// Appends a letter or digit in the form that is compared; anything else appends nothing.
pub(super) fn fold(c: char, out: &mut String) {
    if c.is_ascii() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        }
        return;
    }
    match c {
        'ß' | 'ẞ' => return out.push_str("ss"),
        'ı' => return out.push('i'),
        'ø' | 'Ø' => return out.push('o'),
        'ł' | 'Ł' => return out.push('l'),
        'đ' | 'Đ' | 'ð' => return out.push('d'),
        'æ' | 'Æ' => return out.push_str("ae"),
        'œ' | 'Œ' => return out.push_str("oe"),
        _ => {}
    }
    decompose_compatible(c, |part| {
        if !is_combining_mark(part) {
            out.extend(part.to_lowercase().filter(|c| c.is_alphanumeric()));
        }
    });
}

/// A phrase of a rule: folded words between single spaces, unspaced signs apart.
pub(super) fn fold_phrase(phrase: &str) -> String {
    let mut out = String::with_capacity(phrase.len());
    for (at, c) in phrase.char_indices() {
        if is_apostrophe(c) {
            if !joins(&phrase[at + c.len_utf8()..]) {
                space(&mut out);
            }
            continue;
        }
        if is_unspaced(c) {
            space(&mut out);
            out.push(c);
            out.push(' ');
        } else if c.is_alphanumeric() || is_combining_mark(c) {
            fold(c, &mut out);
        } else if c == '@' {
            space(&mut out);
            out.push('@');
        } else {
            space(&mut out);
        }
    }
    out.trim().to_owned()
}

fn space(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}')
}

/// Whether what follows an apostrophe belongs to the word before it: `doesn't`, `user's`, but not `n'existe`.
pub(super) fn joins(rest: &str) -> bool {
    ["t", "s", "re", "ve"].iter().any(|ending| {
        rest.strip_prefix(ending).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    })
}
