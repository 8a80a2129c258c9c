//! What a failed or delayed delivery means for the recipient and for the sender.
//!
//! What a server said comes before its codes, the precise before the general, the cause before the symptom;
//! of several replies the first refusal counts. What it says is told by rules, which are data (`rules/`).
//! Must never suppress an address on a sign that receivers use for anything.

mod advice;
mod category;
mod clean;
mod code;
mod compile;
mod decision;
mod diagnostic;
mod evidence;
mod filled;
mod fold;
mod lists;
mod literals;
mod mask;
mod normal_form;
mod packed;
mod pattern;
mod phrases;
mod quote;
mod reader;
mod reading;
mod retry_after;
mod rule;
mod rule_set;
mod rules;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod vocabulary;

pub use category::{BounceClass, Category};
pub use decision::{Classification, Confidence};
pub use diagnostic::{classify, normalized};
pub use evidence::Evidence;
pub use mask::mask;
pub use rule::{Rule, RuleFile, Weight};
pub use rule_set::RuleSet;
pub use rules::{RuleFault, built_in, install, installed};
pub use status::EnhancedStatus;
