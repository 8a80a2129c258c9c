//! Rules as they are written: files of TOML, checked while they are read.

use serde::Deserialize;

use super::{Category, EnhancedStatus};

/// How much a rule's phrase says, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Follows from an earlier refusal, which explains more.
    Consequence,
    /// Says that it was refused, not why.
    Refusal,
    /// Says something, but a registered enhanced code says more.
    Hint,
    /// Says that a rule of theirs refused it, not which.
    Unexplained,
    /// Says what happened.
    General,
    /// Says it precisely.
    Specific,
    /// Says why it happened.
    Cause,
    /// A code or fixed sentence of one provider, whose meaning is known.
    Provider,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A name that never changes meaning, such as `mailbox_full.quota`.
    pub id: String,
    pub category: Category,
    #[serde(default = "general")]
    pub weight: Weight,
    /// Patterns, one of which must match.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that must stand there as they are, but for case: codes and names that only some provider writes.
    #[serde(default)]
    pub literal: Vec<String>,
    /// Patterns that must not match.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Only with one of these enhanced codes, such as `x.4.1`.
    #[serde(default)]
    pub enhanced: Vec<String>,
    /// Only with one of these reply codes.
    #[serde(default)]
    pub reply: Vec<u16>,
    /// Only when the failure is permanent, or is not.
    pub permanent: Option<bool>,
    /// Where the knowledge comes from; by default what the file says.
    #[serde(default)]
    pub origin: String,
    /// Diagnostics that it decides.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// One file of rules.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Where its knowledge comes from.
    #[serde(default)]
    pub origin: String,
    #[serde(default)]
    pub rule: Vec<Rule>,
}

fn general() -> Weight {
    Weight::General
}

impl Rule {
    /// The enhanced codes of its condition.
    pub(super) fn statuses(&self) -> Result<Vec<(u16, u16)>, String> {
        let parse = |code: &String| {
            let status = code.strip_prefix('x').and_then(|rest| EnhancedStatus::parse(&format!("5{rest}")));
            status
                .map(|status| (status.subject, status.detail))
                .ok_or_else(|| format!("“{code}” is no enhanced code such as x.4.1"))
        };
        self.enhanced.iter().map(parse).collect()
    }
}
