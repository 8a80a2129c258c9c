//! Rules, compiled: every phrase is found at once, then the few patterns that they made possible are checked.
//!
//! The work on a text is bounded by its length and the number of rules: nothing backtracks without end.

use super::compile::Compiled;
use super::filled::Filled;
use super::pattern::Lexicon;
use super::reader::Reply;
use super::reading::Reading;
use super::rule::{Rule, Weight};

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
}

impl RuleSet {
    /// Compiles rules.
    pub(super) fn compile(rules: Vec<Rule>, lexicon: &Lexicon) -> Result<Self, String> {
        let compiled = Compiled::of(&rules, lexicon)?;
        Ok(Self { first_own: rules.len(), rules, compiled })
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
        for candidate in filled.checked.iter().flat_map(|place| self.compiled.by_place.get(*place)) {
            if !filled.may_match(*candidate) {
                continue;
            }
            let pattern = self.compiled.patterns.get(candidate.pattern);
            let Some((start, words)) = filled.matches(pattern) else { continue };
            let rule = candidate.rule;
            let reply = replies.iter().rposition(|reply| reply.first <= start).unwrap_or_default();
            let weight = self.rules[rule as usize].weight;
            hits.push(Hit { rule, reply, is_own: self.is_own(rule), weight, words, start });
        }
        let mut checked: Vec<(u32, bool)> = Vec::with_capacity(8);
        hits.retain_mut(|hit| {
            let known = checked.iter().find(|(rule, _)| *rule == hit.rule).map(|(_, forbidden)| *forbidden);
            let forbidden = known.unwrap_or_else(|| {
                let forbidden = self.compiled.unless.get(hit.rule).iter().any(|candidate| {
                    let pattern = self.compiled.patterns.get(candidate.pattern);
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
        let hit = |literal: usize| {
            let rule = self.compiled.literal_rules[literal];
            let weight = self.rules[rule as usize].weight;
            Hit { rule, reply, is_own: self.is_own(rule), weight, words: 1, start: 0 }
        };
        self.compiled.literals.find(reading.text.as_bytes()).into_iter().map(hit).collect()
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
        self.compiled.phrases.find(reading, |fills, start, end| filled.add(fills, start, end));
        filled
    }
}
