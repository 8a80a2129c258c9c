//! Patterns of rules, numbered: which phrase fills which places, which pattern is checked when.

use std::collections::HashMap;

use super::pattern::{self, Lexicon, Place};
use super::rule::Rule;

/// Places in order, each with the words that may stand before it.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) rule: u32,
    /// The two places that fewest patterns share; most texts lack one of them.
    pub(super) rarest: [u32; 2],
    pub(super) places: Vec<(u32, u16)>,
}

/// What a rule set looks things up in.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) phrases: Vec<String>,
    /// The places that each phrase can fill.
    pub(super) fills: Vec<Vec<u32>>,
    pub(super) patterns: Vec<Pattern>,
    /// The patterns to be checked when a place is filled: each stands under its rarest place.
    pub(super) by_place: Vec<Vec<u32>>,
    /// For each rule the patterns that forbid it.
    pub(super) unless: Vec<Vec<Pattern>>,
    /// For each rule the enhanced codes of its condition.
    pub(super) statuses: Vec<Vec<(u16, u16)>>,
    pub(super) literals: Vec<String>,
    /// The rule of each literal.
    pub(super) literal_rules: Vec<u32>,
    phrase_numbers: HashMap<String, usize>,
    places: HashMap<Vec<String>, u32>,
}

impl Compiled {
    pub(super) fn of(rules: &[Rule], lexicon: &Lexicon) -> Result<Self, String> {
        let mut compiled = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| "too many rules".to_owned())?;
            compiled.add(number, rule, lexicon).map_err(|fault| format!("rule {}: {fault}", rule.id))?;
        }
        compiled.place_patterns();
        (compiled.phrase_numbers, compiled.places) = Default::default();
        Ok(compiled)
    }

    fn add(&mut self, number: u32, rule: &Rule, lexicon: &Lexicon) -> Result<(), String> {
        if rule.says.is_empty() && rule.literal.is_empty() {
            return Err("it looks for nothing: says or literal is needed".into());
        }
        self.statuses.push(rule.statuses()?);
        for text in &rule.says {
            for places in pattern::parse(text, lexicon)? {
                let places = self.places(places);
                self.patterns.push(Pattern { rule: number, rarest: [0; 2], places });
            }
        }
        let mut unless = Vec::new();
        for text in &rule.unless {
            for places in pattern::parse(text, lexicon)? {
                unless.push(Pattern { rule: number, rarest: [0; 2], places: self.places(places) });
            }
        }
        self.unless.push(unless);
        for literal in &rule.literal {
            if literal.trim().is_empty() {
                return Err("an empty literal".into());
            }
            self.literals.push(literal.to_ascii_lowercase());
            self.literal_rules.push(number);
        }
        Ok(())
    }

    fn places(&mut self, places: Vec<Place>) -> Vec<(u32, u16)> {
        places.into_iter().map(|place| (self.place(place.phrases), place.gap)).collect()
    }

    fn place(&mut self, phrases: Vec<String>) -> u32 {
        if let Some(known) = self.places.get(&phrases) {
            return *known;
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        for phrase in &phrases {
            let next = self.phrases.len();
            let at = *self.phrase_numbers.entry(phrase.clone()).or_insert(next);
            if at == next {
                self.phrases.push(phrase.clone());
                self.fills.push(Vec::new());
            }
            self.fills[at].push(number);
        }
        self.places.insert(phrases, number);
        number
    }

    /// A pattern is checked only when the place that fewest patterns share is filled.
    fn place_patterns(&mut self) {
        let mut shared = vec![0_u32; self.places.len()];
        let unless = self.unless.iter_mut().flatten();
        let mut all: Vec<&mut Pattern> = self.patterns.iter_mut().chain(unless).collect();
        for (place, _) in all.iter().flat_map(|pattern| &pattern.places) {
            shared[*place as usize] += 1;
        }
        for pattern in &mut all {
            let mut places: Vec<u32> = pattern.places.iter().map(|(place, _)| *place).collect();
            places.sort_by_key(|place| shared[*place as usize]);
            let first = places.first().copied().unwrap_or_default();
            pattern.rarest = [first, places.get(1).copied().unwrap_or(first)];
        }
        self.by_place = vec![Vec::new(); self.places.len()];
        for (number, pattern) in self.patterns.iter().enumerate() {
            self.by_place[pattern.rarest[0] as usize].push(u32::try_from(number).unwrap_or(u32::MAX));
        }
    }
}
