//! Patterns of rules, numbered: which phrase fills which places, which pattern is checked when.

use std::collections::HashMap;

use super::literals::Literals;
use super::packed::{Lists, Pool, Span};
use super::pattern::{self, Lexicon, Place};
use super::phrases::{Fills, Phrases};
use super::rule::Rule;

/// A pattern, and the two places whose words are the rarest: most texts lack one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) needs: [u32; 2],
    pub(super) pattern: Span,
    pub(super) rule: u32,
}

/// What a rule set looks things up in.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) phrases: Phrases,
    /// Places in order, each with the words that may stand before it.
    pub(super) patterns: Pool<(u32, u16)>,
    /// What to check when a place is filled: each pattern stands under its rarest place.
    pub(super) by_place: Lists<Candidate>,
    /// For each rule the patterns that forbid it.
    pub(super) unless: Lists<Candidate>,
    /// For each rule the enhanced codes of its condition.
    pub(super) statuses: Vec<Vec<(u16, u16)>>,
    pub(super) literals: Literals,
    /// The rule of each literal.
    pub(super) literal_rules: Vec<u32>,
}

impl Compiled {
    pub(super) fn of(rules: &[Rule], lexicon: &Lexicon) -> Result<Self, String> {
        let mut compiler = Compiler::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| "too many rules".to_owned())?;
            compiler.add(number, rule, lexicon).map_err(|fault| format!("rule {}: {fault}", rule.id))?;
        }
        compiler.finish()
    }
}

/// Rules while they are numbered.
#[derive(Default)]
struct Compiler {
    patterns: Vec<Pattern>,
    /// By their phrases.
    places: HashMap<Vec<String>, u32>,
    /// By number.
    phrases: Vec<String>,
    phrase_numbers: HashMap<String, usize>,
    /// The places that each phrase can fill.
    places_of: Vec<Vec<u32>>,
    statuses: Vec<Vec<(u16, u16)>>,
    literals: Vec<String>,
    literal_rules: Vec<u32>,
}

struct Pattern {
    rule: u32,
    forbids: bool,
    places: Vec<(u32, u16)>,
}

impl Compiler {
    fn add(&mut self, number: u32, rule: &Rule, lexicon: &Lexicon) -> Result<(), String> {
        if rule.says.is_empty() && rule.literal.is_empty() {
            return Err("it looks for nothing: says or literal is needed".into());
        }
        self.statuses.push(rule.statuses()?);
        for (texts, forbids) in [(&rule.says, false), (&rule.unless, true)] {
            for text in texts {
                for places in pattern::parse(text, lexicon)? {
                    let places =
                        places.into_iter().map(|Place { phrases, gap }| (self.place(phrases), gap)).collect();
                    self.patterns.push(Pattern { rule: number, forbids, places });
                }
            }
        }
        for literal in &rule.literal {
            if literal.trim().is_empty() {
                return Err("an empty literal".into());
            }
            self.literals.push(literal.to_ascii_lowercase());
            self.literal_rules.push(number);
        }
        Ok(())
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
    fn finish(self) -> Result<Compiled, String> {
        let mut commonness = vec![0_usize; self.places.len()];
        for places in &self.places_of {
            for place in places {
                commonness[*place as usize] += places.len();
            }
        }
        let mut by_place = vec![Vec::new(); self.places.len()];
        let mut unless = vec![Vec::new(); self.statuses.len()];
        let mut patterns = Pool::default();
        for Pattern { rule, forbids, places } in self.patterns {
            let mut needs: Vec<u32> = places.iter().map(|(place, _)| *place).collect();
            needs.sort_by_key(|place| commonness[*place as usize]);
            let first = needs.first().copied().unwrap_or_default();
            let needs = [first, needs.get(1).copied().unwrap_or(first)];
            let list = if forbids { &mut unless[rule as usize] } else { &mut by_place[first as usize] };
            list.push(Candidate { needs, pattern: patterns.add(places), rule });
        }
        let is_checked = |place: &u32| !by_place[*place as usize].is_empty();
        let fills = self.places_of.into_iter().map(|places| {
            let (checked, others) = places.into_iter().partition(is_checked);
            Fills { checked, others }
        });
        Ok(Compiled {
            phrases: Phrases::of(self.phrases.into_iter().zip(fills)),
            patterns,
            by_place: Lists::of(by_place),
            unless: Lists::of(unless),
            statuses: self.statuses,
            literals: Literals::of(&self.literals)?,
            literal_rules: self.literal_rules,
        })
    }
}
