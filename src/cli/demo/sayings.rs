//! What receiving servers say when they refuse or delay a mail: the examples of the very rules that understand them.

use std::collections::BTreeMap;

use super::chance::Chance;
use crate::domain::bounce::{Category, EnhancedStatus, classify, installed};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::provider_event::{Diagnostic, DiagnosticText};

/// A longer text says no more, and is hard to read in a list.
const LONGEST: usize = 220;

/// One way to be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    pub category: Category,
    pub code: u16,
    pub enhanced: Option<String>,
    /// What follows the reply code.
    pub text: String,
}

/// All of them.
pub struct Sayings(BTreeMap<(Category, bool), Vec<(Origin, Saying)>>);

/// Whose servers talk like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Anybody,
    Of(MailboxProvider),
}

impl Sayings {
    /// The examples that are understood as what they are examples of, by rules of the same family.
    pub fn gather() -> Self {
        let mut sayings = BTreeMap::<_, Vec<_>>::new();
        for rule in installed().rules() {
            let family = family_of(&rule.id);
            let origin = match MailboxProvider::parse(family) {
                Some(provider) => Origin::Of(provider),
                None if Category::parse(family).is_some() => Origin::Anybody,
                None => continue,
            };
            for example in &rule.examples {
                let Some(saying) = Saying::read(rule.category, example) else { continue };
                let permanent = saying.code >= 500;
                // Else a provider's words would be said by anybody.
                let verdict = classify(&saying.diagnostic(), permanent);
                if verdict.category == rule.category && family_of(verdict.rule) == family {
                    sayings.entry((rule.category, permanent)).or_default().push((origin, saying));
                }
            }
        }
        Self(sayings)
    }

    /// What this provider's servers say for this reason; none if no rule has an example.
    pub fn of(
        &self,
        category: Category,
        permanent: bool,
        mailbox: MailboxProvider,
        chance: &mut Chance,
    ) -> Option<&Saying> {
        let all = self.0.get(&(category, permanent))?;
        let by = |wanted: Origin| -> Vec<&Saying> {
            all.iter().filter(|(origin, _)| *origin == wanted).map(|(_, saying)| saying).collect()
        };
        let own = by(Origin::Of(mailbox));
        let said = if own.is_empty() { by(Origin::Anybody) } else { own };
        (!said.is_empty()).then(|| *chance.pick_early(&said))
    }
}

/// The category or the provider that a rule is about.
fn family_of(rule: &str) -> &str {
    rule.split('.').next().unwrap_or_default()
}

impl Saying {
    fn read(category: Category, example: &str) -> Option<Self> {
        let code: u16 = example.get(..3)?.parse().ok().filter(|code| (400..600).contains(code))?;
        let text = example[3..].trim_start_matches([' ', '-']);
        let first = text.split_whitespace().next().unwrap_or_default();
        let enhanced = EnhancedStatus::parse(first).map(|_| first.to_owned());
        // One that belongs to the other class would contradict itself.
        let agrees = enhanced.as_ref().is_none_or(|enhanced| enhanced.starts_with('5') == (code >= 500));
        let is_whole = text.split_whitespace().count() >= 3 && !text.contains(" ... ");
        let is_fit = agrees && is_whole && text.len() <= LONGEST && text.is_ascii();
        is_fit.then(|| Self { category, code, enhanced, text: text.to_owned() })
    }

    fn diagnostic(&self) -> Diagnostic {
        let text = DiagnosticText { message: self.text.clone(), ..DiagnosticText::default() };
        Diagnostic {
            code: Some(self.code),
            enhanced: self.enhanced.clone(),
            reason: Some("generic".to_owned()),
            bounce_type: None,
            last_code: None,
            attempt: None,
            retry_seconds: None,
            text: text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mails::{DELAYS, FAILURES};
    use super::*;

    #[test]
    fn every_reason_that_the_stories_need_can_be_said() {
        let (sayings, mut chance) = (Sayings::gather(), Chance::of(7, 0));

        for (_, category) in FAILURES {
            for mailbox in MailboxProvider::ALL {
                let saying = sayings.of(*category, true, mailbox, &mut chance);
                assert!(saying.is_some_and(|saying| saying.code >= 500), "{category:?} at {mailbox:?}");
            }
        }
        for (_, _, category) in DELAYS {
            for mailbox in MailboxProvider::ALL {
                let saying = sayings.of(*category, false, mailbox, &mut chance);
                assert!(saying.is_some_and(|saying| saying.code < 500), "{category:?} at {mailbox:?}");
            }
        }
    }
}
