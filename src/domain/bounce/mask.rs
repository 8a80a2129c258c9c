//! Diagnostics for people to read, without what could name a person or open a door.

/// Characters of a masked text at most.
const MAX: usize = 300;
/// A run of letters and digits this long is an id or a token, not a word.
const LONGEST_WORD: usize = 24;

/// One line with every address and every long id blanked, cut to 300 characters.
pub fn mask(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let masked: Vec<String> =
        words.into_iter().filter(|word| !word.is_empty()).map(mask_word).take(MAX).collect();
    masked.join(" ").chars().take(MAX).collect()
}

fn mask_word(word: &str) -> String {
    // Also `user=40domain` and `user%40domain`, as relays encode addresses.
    let is_address = word.contains(['@', '\u{ff20}']) || word.contains("%40") || word.contains("=40");
    if is_address {
        return "***".into();
    }
    let longest = word
        .split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .map(str::len)
        .max()
        .unwrap_or_default();
    if longest > LONGEST_WORD { "***".into() } else { word.to_owned() }
}
