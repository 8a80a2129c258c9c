//! What somebody types to find messages, `to:ada@example.test outcome:bounced after:24h`, understood term by term and
//! turned into the filter of the API. The parameters of the API are terms too, so that a link out of a number can be
//! read, changed and typed again. Pure: it looks nothing up.

mod text;
mod words;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::{FailureFilter, MessageFilter};
use crate::domain::address::EmailAddress;
use crate::domain::keys::IndexKey;

pub use words::Word;

/// Terms of one search at most.
const MOST_TERMS: usize = 40;

/// One condition, such as `outcome:bounced`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub word: Word,
    /// As it was typed, without quotation marks; where there is one way to write it, written so.
    pub value: String,
}

/// What of a search was not understood, and what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misunderstood {
    /// The part that it is about.
    pub part: String,
    /// One or two sentences.
    pub help: String,
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    terms: Vec<Term>,
}

impl Search {
    /// Reads what was typed. What is understood is kept also when some of it is not.
    pub fn parse(typed: &str) -> (Self, Vec<Misunderstood>) {
        if let Some(fault) = words::category_of(typed) {
            return (Self::default(), vec![fault]);
        }
        let (mut search, mut faults) = (Self::default(), vec![]);
        for part in text::parts(typed) {
            let read = part.and_then(|part| words::read(&part));
            if let Err(fault) = read.and_then(|term| search.add(term)) {
                faults.push(fault);
            }
        }
        (search, faults)
    }

    /// Reads parameters by the names that the API gives them. Those of other names are somebody else's.
    pub fn of_parameters<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Vec<Misunderstood>) {
        let (mut search, mut faults) = (Self::default(), vec![]);
        for (name, value) in pairs {
            let Some(word) = Word::of_parameter(name).filter(|_| !value.is_empty()) else { continue };
            if let Err(fault) = words::check(word, value).and_then(|term| search.add(term)) {
                faults.push(fault);
            }
        }
        (search, faults)
    }

    /// Adds a condition; a second one by the same word only where both can hold.
    pub fn add(&mut self, term: Term) -> Result<(), Misunderstood> {
        if self.terms.contains(&term) {
            return Ok(());
        }
        if self.terms.len() >= MOST_TERMS {
            return Err(term.misunderstood(format!("A search has {MOST_TERMS} terms at most.")));
        }
        if !term.word.is_repeatable() && self.terms.iter().any(|known| known.word == term.word) {
            return Err(term.misunderstood(format!("There is another “{}:” already.", term.word.typed())));
        }
        self.terms.push(term);
        Ok(())
    }

    /// Adds the conditions whose words are not here yet, or may be here more than once.
    pub fn fill(&mut self, other: Self) {
        for term in other.terms {
            // What was typed goes before what a link had brought along.
            let _ = self.add(term);
        }
    }

    /// Its conditions, in the order in which they were typed.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The same without one of its conditions.
    #[must_use]
    pub fn without(&self, term: &Term) -> Self {
        Self { terms: self.terms.iter().filter(|known| *known != term).cloned().collect() }
    }

    /// What could have been typed.
    pub fn text(&self) -> String {
        self.terms.iter().map(Term::text).collect::<Vec<_>>().join(" ")
    }

    /// The filter of the API. Times such as `24h` are counted from `now`.
    pub fn filter(&self, index: &IndexKey, now: DateTime<Utc>) -> MessageFilter {
        let mut filter = MessageFilter::default();
        for Term { word, value } in &self.terms {
            let time = || words::time(value, now);
            let word_itself = || Some(value.clone());
            let FailureFilter { category, permanent, rule, text } = &mut filter.failure;
            match word {
                Word::To => {
                    let address = EmailAddress::parse(value).ok();
                    filter.recipient_key = address.map(|address| index.stream_key(&address).to_string());
                }
                Word::Domain => filter.recipient_domain = word_itself(),
                Word::Template => filter.template = word_itself(),
                Word::Outcome => filter.outcome = word_itself(),
                Word::Bounce => filter.bounce_category = word_itself(),
                Word::After => filter.after = time(),
                Word::Before => filter.before = time(),
                Word::Mailbox => filter.mailbox_provider = word_itself(),
                Word::Provider => filter.provider = word_itself(),
                Word::Is => filter.flags.push(value.clone()),
                Word::Lost => filter.lost_at = word_itself(),
                Word::Because => filter.loss = word_itself(),
                Word::Measured => filter.measured = word_itself(),
                Word::Failed => *category = word_itself(),
                Word::FailedFor => *permanent = Some(value == words::FOR_GOOD),
                Word::FailedRule => *rule = word_itself(),
                Word::Said => *text = word_itself(),
            }
        }
        filter
    }
}

impl Term {
    /// As it could be typed.
    pub fn text(&self) -> String {
        match self.value.strip_prefix('-').filter(|_| self.word == Word::Is) {
            Some(flag) => format!("not:{flag}"),
            None => format!("{}:{}", self.word.typed(), text::quoted(&self.value)),
        }
    }

    fn misunderstood(&self, help: String) -> Misunderstood {
        Misunderstood { part: self.text(), help }
    }
}
