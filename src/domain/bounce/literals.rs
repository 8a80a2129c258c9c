//! Codes and names that stand in a text as they are, but for case.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

/// Bytes by which is seen at once that no literal begins there.
const HEAD: usize = 4;

/// What texts are searched for.
#[derive(Debug)]
pub(super) struct Literals {
    automaton: NFA,
    /// A bit for each hash of a head; almost all are 0.
    heads: [u64; 256],
}

impl Literals {
    /// Literals in lower case.
    pub(super) fn of(literals: &[String]) -> Result<Self, String> {
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(literals)
            .map_err(|error| error.to_string())?;
        let mut heads = [0; 256];
        for literal in literals {
            match literal.as_bytes().get(..HEAD) {
                Some(head) => {
                    let bit = hash(head.iter().copied().fold(0, with));
                    heads[bit / 64] |= 1 << (bit % 64);
                }
                // Anything may begin with less.
                None => heads = [u64::MAX; 256],
            }
        }
        Ok(Self { automaton, heads })
    }

    /// The numbers of those that a text has between other words and numbers, in the order in which they end, of
    /// those that end together the longest first.
    pub(super) fn find(&self, text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut head = 0;
        // Less than a head may begin near the end.
        let text_and_more = text.iter().chain(&[b' '; HEAD - 1]);
        for (next, byte) in (1_usize..).zip(text_and_more) {
            head = with(head, *byte);
            let bit = hash(head);
            if self.heads[bit / 64] >> (bit % 64) & 1 == 1
                && let Some(start) = next.checked_sub(HEAD)
                && !goes_on_before(text, start)
            {
                self.find_at(text, start, &mut found);
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(.., literal)| literal).collect()
    }

    fn find_at(&self, text: &[u8], start: usize, found: &mut Vec<(usize, usize, usize)>) {
        let Ok(mut state) = self.automaton.start_state(Anchored::Yes) else { return };
        for (end, byte) in text.iter().enumerate().skip(start) {
            state = self.automaton.next_state(Anchored::Yes, state, *byte);
            if self.automaton.is_dead(state) {
                return;
            }
            if self.automaton.is_match(state) && !goes_on_after(text, end) {
                let ending =
                    (0..self.automaton.match_len(state)).map(|at| self.automaton.match_pattern(state, at));
                // Shorter ones that end there, too, have a start of their own.
                let whole = ending.filter(|literal| self.automaton.pattern_len(*literal) == end + 1 - start);
                found.extend(whole.map(|literal| (end, start, literal.as_usize())));
            }
        }
    }
}

/// The last bytes, of which lower and upper case are the same.
fn with(head: u32, byte: u8) -> u32 {
    head << 8 | u32::from(byte | 0x20)
}

/// Some bits of a product that all bytes have a share in.
fn hash(head: u32) -> usize {
    (head.wrapping_mul(0x9e37_79b1) >> 18) as usize
}

/// Whether what begins there is the rest of a word or number.
fn goes_on_before(text: &[u8], start: usize) -> bool {
    let before = |distance: usize| start.checked_sub(distance).map_or(b' ', |at| text[at]);
    goes_on(text[start], before(1), before(2))
}

/// Whether what ends there goes on as a word or number: `5.7.60` is no part of `5.7.60.7`.
fn goes_on_after(text: &[u8], end: usize) -> bool {
    let after = |distance: usize| text.get(end + distance).copied().unwrap_or(b' ');
    goes_on(text[end], after(1), after(2))
}

fn goes_on(edge: u8, next: u8, beyond: u8) -> bool {
    edge.is_ascii_alphanumeric() && next.is_ascii_alphanumeric()
        || edge.is_ascii_digit() && next == b'.' && beyond.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_stands_alone() {
        let literals =
            Literals::of(&["5.7.60", "(s3150)", "spamhaus.org", "haus"].map(str::to_owned)).unwrap();

        let found = |text: &str| literals.find(text.as_bytes());
        assert_eq!(found("550 5.7.60 see SpamHaus.ORG"), [0, 2]);
        assert_eq!(found("5.7.60"), [0]);
        assert!(found("550 10.5.7.60 and 5.7.601 and 5.7.60.7 at spamhaus.organ").is_empty());
        assert_eq!(found("list(S3150). 5.7.60."), [1, 0]);
        assert!(found("").is_empty());
        let short = Literals::of(&["x1".to_owned()]).unwrap();
        assert_eq!(short.find(b"550 X1"), [0]);
    }
}
