//! What a number of messages add up to: counters, spans, losses, failures. A message can be taken away again, so that what
//! is known late corrects the sum.

use std::collections::BTreeMap;

use super::{Counters, Durations, Facts, Failures, Histograms, Loss, Outcome};

/// A sum over messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub counters: Counters,
    pub spans: Histograms,
    /// Messages by the step that they did not reach and the reason. No entry is 0.
    pub losses: BTreeMap<(String, String), i64>,
    /// Messages that failed in each category. No entry is 0.
    pub failures: BTreeMap<String, Failed>,
}

/// Messages that failed in one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failed {
    pub messages: i64,
    /// Of these, those that failed so for good.
    pub permanent: i64,
}

impl Tally {
    /// Adds one message `times` times; -1 takes it away.
    pub fn count(&mut self, facts: &Facts, times: i64) {
        let outcome = Outcome::derive(facts);
        self.counters.add(&outcome.counters, times);
        self.spans.count(&Durations::of(facts, &outcome), times);
        if let Some(Loss { at, reason }) = Loss::of(facts, &outcome.counters) {
            self.lose((at.as_str().to_owned(), reason.to_owned()), times);
        }
        if facts.request.is_some() {
            self.fail(&facts.failures, times);
        }
    }

    /// Adds all of the other's.
    pub fn add(&mut self, other: &Self) {
        self.counters.add(&other.counters, 1);
        self.spans.add(&other.spans);
        for (loss, messages) in &other.losses {
            self.lose(loss.clone(), *messages);
        }
        for (category, failed) in &other.failures {
            self.fail_in(category, *failed);
        }
    }

    /// Adds messages that were lost.
    pub fn lose(&mut self, loss: (String, String), messages: i64) {
        let entry = self.losses.entry(loss.clone()).or_default();
        *entry += messages;
        if *entry == 0 {
            self.losses.remove(&loss);
        }
    }

    /// Adds one message that failed in these ways `times` times.
    pub fn fail(&mut self, failures: &Failures, times: i64) {
        for (category, is_permanent) in failures.categories() {
            let permanent = if is_permanent { times } else { 0 };
            self.fail_in(category.as_str(), Failed { messages: times, permanent });
        }
    }

    /// Adds messages that failed in this category.
    pub fn fail_in(&mut self, category: &str, more: Failed) {
        let failed = self.failures.entry(category.to_owned()).or_default();
        failed.messages += more.messages;
        failed.permanent += more.permanent;
        if *failed == Failed::default() {
            self.failures.remove(category);
        }
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.counters.is_zero() && self.spans.is_empty() && self.losses.is_empty() && self.failures.is_empty()
    }
}
