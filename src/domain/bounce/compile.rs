//! Patterns of rules, numbered: which phrase fills which places, which pattern is checked when.

use std::collections::HashMap;

use super::pattern::{self, Lexicon, Place};
use super::rule::Rule;

/// Places in order, each with the words that may stand before it.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) rule: u32,
    /// The two places whose words are the rarest; most texts lack one of them.
    pub(super) rarest: [u32; 2],
    pub(super) places: Vec<(u32, u16)>,
}

/// Lists in one piece of memory, by number.
#[derive(Debug)]
pub(super) struct Lists<T> {
    /// Where each one ends.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { ends: Vec::new(), items: Vec::new() }
    }
}

impl<T> Lists<T> {
    fn of(lists: Vec<Vec<T>>) -> Self {
        let mut all = Self::default();
        for list in lists {
            all.items.extend(list);
            all.ends.push(u32::try_from(all.items.len()).unwrap_or(u32::MAX));
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, number: usize) -> &[T] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start as usize..self.ends[number] as usize]
    }
}

/// A place that a phrase fills.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fill {
    pub(super) place: u32,
    /// Whether patterns stand under it.
    pub(super) is_checked: bool,
}

/// A pattern, and the places that must be filled before it is worth a look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) needs: [u32; 2],
    pub(super) pattern: u32,
}

/// What a rule set looks things up in.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) phrases: Vec<String>,
    /// The places that each phrase can fill.
    pub(super) fills: Lists<Fill>,
    pub(super) patterns: Vec<Pattern>,
    /// What to check when a place is filled: each pattern stands under its rarest place.
    pub(super) by_place: Lists<Candidate>,
    /// For each rule the patterns that forbid it.
    pub(super) unless: Lists<Candidate>,
    /// For each rule the enhanced codes of its condition.
    pub(super) statuses: Vec<Vec<(u16, u16)>>,
    pub(super) literals: Vec<String>,
    /// The rule of each literal.
    pub(super) literal_rules: Vec<u32>,
    phrase_numbers: HashMap<String, usize>,
    places: HashMap<Vec<String>, u32>,
    places_of: Vec<Vec<u32>>,
    /// For each rule the first pattern that forbids it and the one after the last.
    forbidding: Vec<std::ops::Range<usize>>,
}

impl Compiled {
    pub(super) fn of(rules: &[Rule], lexicon: &Lexicon) -> Result<Self, String> {
        let mut compiled = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| "too many rules".to_owned())?;
            compiled.add(number, rule, lexicon).map_err(|fault| format!("rule {}: {fault}", rule.id))?;
        }
        compiled.place_patterns();
        (compiled.phrase_numbers, compiled.places, compiled.places_of) = Default::default();
        compiled.forbidding = Vec::new();
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
        let first = self.patterns.len();
        for text in &rule.unless {
            for places in pattern::parse(text, lexicon)? {
                let places = self.places(places);
                self.patterns.push(Pattern { rule: number, rarest: [0; 2], places });
            }
        }
        self.forbidding.push(first..self.patterns.len());
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
                self.places_of.push(Vec::new());
            }
            self.places_of[at].push(number);
        }
        self.places.insert(phrases, number);
        number
    }

    /// A pattern is checked only when its rarest place is filled. Words that many places share stand in many
    /// texts, too.
    fn place_patterns(&mut self) {
        let mut commonness = vec![0_usize; self.places.len()];
        for places in &self.places_of {
            for place in places {
                commonness[*place as usize] += places.len();
            }
        }
        for pattern in &mut self.patterns {
            let mut places: Vec<u32> = pattern.places.iter().map(|(place, _)| *place).collect();
            places.sort_by_key(|place| commonness[*place as usize]);
            let first = places.first().copied().unwrap_or_default();
            pattern.rarest = [first, places.get(1).copied().unwrap_or(first)];
        }
        let candidate = |number: usize| Candidate {
            needs: self.patterns[number].rarest,
            pattern: u32::try_from(number).unwrap_or(u32::MAX),
        };
        let unless = self.forbidding.iter().map(|range| range.clone().map(candidate).collect()).collect();
        let mut by_place = vec![Vec::new(); self.places.len()];
        let mut says_from = 0;
        for range in &self.forbidding {
            for candidate in (says_from..range.start).map(candidate) {
                by_place[candidate.needs[0] as usize].push(candidate);
            }
            says_from = range.end;
        }
        let fill = |place: &u32| Fill { place: *place, is_checked: !by_place[*place as usize].is_empty() };
        self.fills =
            Lists::of(self.places_of.iter().map(|places| places.iter().map(fill).collect()).collect());
        self.by_place = Lists::of(by_place);
        self.unless = Lists::of(unless);
    }
}
