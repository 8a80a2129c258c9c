//! Rules, compiled: one automaton finds every phrase at once, then the few patterns that it made possible are
//! checked.
//!
//! The work on a text is bounded by its length and the number of rules: nothing backtracks without end.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::compile::{Candidate, Compiled, Fill, Pattern};
use super::pattern::Lexicon;
use super::reading::{Reading, Reply};
use super::rule::{Rule, Weight};

/// Occurrences of one place that are looked at; more of them say nothing more.
const MOST_OCCURRENCES: u16 = 40;

/// A rule whose pattern stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) rule: u32,
    /// Which reply says it.
    pub(super) reply: usize,
    /// Whether it is an operator's.
    pub(super) is_own: bool,
    pub(super) weight: Weight,
    /// How many words it took.
    pub(super) words: u16,
    /// The number of the first.
    pub(super) start: u16,
}

/// Every rule, ready to be asked.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    /// From here on they are an operator's own, which come before all others.
    pub(super) first_own: usize,
    compiled: Compiled,
    phrases: AhoCorasick,
    literals: AhoCorasick,
}

impl RuleSet {
    /// Compiles rules.
    pub(super) fn compile(rules: Vec<Rule>, lexicon: &Lexicon) -> Result<Self, String> {
        let compiled = Compiled::of(&rules, lexicon)?;
        let automaton = |texts: &[String], kind, ignore_case| {
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(kind))
                .ascii_case_insensitive(ignore_case)
                .build(texts)
                .map_err(|error| error.to_string())
        };
        let phrases = automaton(&compiled.phrases, AhoCorasickKind::ContiguousNFA, false)?;
        let literals = automaton(&compiled.literals, AhoCorasickKind::DFA, true)?;
        Ok(Self { first_own: rules.len(), rules, compiled, phrases, literals })
    }

    /// Where the knowledge of a rule comes from.
    pub fn origin_of(&self, id: &str) -> Option<&str> {
        self.rules.iter().find(|rule| rule.id == id).map(|rule| rule.origin.as_str())
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every rule that a text satisfies. `replies` are the text's, completed by what is known beside it.
    pub(super) fn hits(&self, reading: &Reading<'_>, replies: &[Reply], permanent: bool) -> Vec<Hit> {
        let filled = self.fill(reading);
        let refusal = replies.iter().position(|reply| reply.code.is_none_or(|code| code >= 400));
        let mut hits = self.literal_hits(reading, refusal.unwrap_or_default());
        for place in &filled.checked {
            for candidate in self.compiled.by_place.get(*place as usize) {
                if !filled.may_match(*candidate) {
                    continue;
                }
                let pattern = &self.compiled.patterns[candidate.pattern as usize];
                let Some((start, words)) = filled.matches(pattern) else { continue };
                let reply = replies.iter().rposition(|reply| reply.first <= start).unwrap_or_default();
                let weight = self.rules[pattern.rule as usize].weight;
                let is_own = self.is_own(pattern.rule);
                hits.push(Hit { rule: pattern.rule, reply, is_own, weight, words, start });
            }
        }
        let mut checked: Vec<(u32, bool)> = Vec::with_capacity(8);
        hits.retain_mut(|hit| {
            let known = checked.iter().find(|(rule, _)| *rule == hit.rule).map(|(_, forbidden)| *forbidden);
            let forbidden = known.unwrap_or_else(|| {
                let mut unless = self.compiled.unless.get(hit.rule as usize).iter();
                let forbidden = unless.any(|candidate| {
                    let pattern = &self.compiled.patterns[candidate.pattern as usize];
                    filled.may_match(*candidate) && filled.matches(pattern).is_some()
                });
                checked.push((hit.rule, forbidden));
                forbidden
            });
            // Two rules that leave a text to each other must not leave it to nobody.
            let is_out = forbidden && (hit.is_own || hit.weight <= Weight::Hint);
            if forbidden {
                hit.weight = Weight::Consequence;
            }
            !is_out && self.applies(hit, replies, permanent)
        });
        hits
    }

    /// Codes of providers, taken for the first refusal's.
    fn literal_hits(&self, reading: &Reading<'_>, reply: usize) -> Vec<Hit> {
        let text = reading.text.as_bytes();
        let mut hits = Vec::new();
        for found in self.literals.find_overlapping_iter(text) {
            if !stands_alone(text, found.start(), found.end()) {
                continue;
            }
            let rule = self.compiled.literal_rules[found.pattern().as_usize()];
            let weight = self.rules[rule as usize].weight;
            let is_own = self.is_own(rule);
            hits.push(Hit { rule, reply, is_own, weight, words: 1, start: 0 });
        }
        hits
    }

    fn is_own(&self, rule: u32) -> bool {
        rule as usize >= self.first_own
    }

    fn applies(&self, hit: &Hit, replies: &[Reply], permanent: bool) -> bool {
        let rule = &self.rules[hit.rule as usize];
        let statuses = &self.compiled.statuses[hit.rule as usize];
        let reply = replies.get(hit.reply).copied().unwrap_or_default();
        (statuses.is_empty()
            || reply.enhanced.is_some_and(|status| statuses.contains(&(status.subject, status.detail))))
            && (rule.reply.is_empty() || reply.code.is_some_and(|code| rule.reply.contains(&code)))
            && rule.permanent.is_none_or(|wanted| wanted == permanent)
    }

    fn fill(&self, reading: &Reading<'_>) -> Filled {
        let mut filled = Filled::new(self.compiled.by_place.len());
        let words = reading.words.as_bytes();
        for found in self.phrases.find_overlapping_iter(&reading.words) {
            let first = found.start() + usize::from(words[found.start()] == b' ');
            let last = found.end() - 1 - usize::from(words[found.end() - 1] == b' ');
            let start = reading.numbers[first];
            let end = reading.numbers[last] + 1;
            for fill in self.compiled.fills.get(found.pattern().as_usize()) {
                filled.add(*fill, start, end);
            }
        }
        filled
    }
}

/// Whether neither a word nor a number goes on beyond the ends: `5.7.60` is no part of `10.5.7.60`.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let at = |index: Option<usize>| index.and_then(|index| text.get(index)).copied().unwrap_or(b' ');
    let goes_on = |edge: u8, next: u8, after: u8| {
        edge.is_ascii_alphanumeric() && next.is_ascii_alphanumeric()
            || edge.is_ascii_digit() && next == b'.' && after.is_ascii_digit()
    };
    !goes_on(at(Some(start)), at(start.checked_sub(1)), at(start.checked_sub(2)))
        && !goes_on(at(end.checked_sub(1)), at(Some(end)), at(Some(end + 1)))
}

/// Where a text fills the places of the patterns.
struct Filled {
    /// For each place its last occurrence.
    last: Vec<Occurrence>,
    /// The places under which patterns stand.
    checked: Vec<u32>,
    /// The places that occur at all, as bits.
    present: Vec<u64>,
    /// The occurrences before the last ones.
    earlier: Vec<Occurrence>,
}

/// One occurrence of a place.
#[derive(Debug, Clone, Copy, Default)]
struct Occurrence {
    /// First word and the word after the last.
    start: u16,
    end: u16,
    /// The one before it, counted from 1 in `earlier`.
    before: u16,
    /// How many there are up to here; none says that there is none.
    count: u16,
}

impl Filled {
    fn new(places: usize) -> Self {
        Self {
            last: vec![Occurrence::default(); places],
            checked: Vec::with_capacity(256),
            present: vec![0; places.div_ceil(64)],
            earlier: Vec::with_capacity(256),
        }
    }

    fn add(&mut self, fill: Fill, start: u16, end: u16) {
        let Fill { place, is_checked } = fill;
        let last = &mut self.last[place as usize];
        if last.count == 0 {
            if is_checked {
                self.checked.push(place);
            }
            self.present[place as usize / 64] |= 1 << (place % 64);
            *last = Occurrence { start, end, before: 0, count: 1 };
        } else if last.count < MOST_OCCURRENCES && self.earlier.len() < usize::from(u16::MAX) {
            self.earlier.push(*last);
            let before = u16::try_from(self.earlier.len()).unwrap_or(u16::MAX);
            *last = Occurrence { start, end, before, count: last.count + 1 };
        }
    }

    fn has(&self, place: u32) -> bool {
        self.present[place as usize / 64] >> (place % 64) & 1 == 1
    }

    fn of(&self, place: u32) -> impl Iterator<Item = (u16, u16)> {
        let mut next = Some(self.last[place as usize]).filter(|last| last.count > 0);
        std::iter::from_fn(move || {
            let Occurrence { start, end, before, .. } = next?;
            next = before.checked_sub(1).and_then(|before| self.earlier.get(usize::from(before)).copied());
            Some((start, end))
        })
    }

    fn may_match(&self, candidate: Candidate) -> bool {
        candidate.needs.iter().all(|place| self.has(*place))
    }

    /// Where all places of a pattern follow each other, if they do: the first word and how many were matched.
    fn matches(&self, pattern: &Pattern) -> Option<(u16, u16)> {
        let ((first, _), rest) = pattern.places.split_first()?;
        self.of(*first)
            .filter_map(|(start, end)| self.follow(rest, end).map(|words| (start, words + (end - start))))
            .min_by_key(|(start, _)| *start)
    }

    /// Whether the places follow the word before `after`; how many words they take.
    fn follow(&self, places: &[(u32, u16)], after: u16) -> Option<u16> {
        let Some(((place, gap), rest)) = places.split_first() else { return Some(0) };
        self.of(*place)
            .filter(|(start, _)| *start >= after && *start - after <= *gap)
            .filter_map(|(start, end)| self.follow(rest, end).map(|words| words + (end - start)))
            .max()
    }
}
