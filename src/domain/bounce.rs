//! What a failed or delayed delivery means for the recipient and for the sender.
//!
//! Decides from codes alone: the provider's own, enhanced status codes (RFC 3463), reply codes (RFC 5321), in
//! this order of trust. Must never suppress an address on a code that receivers use for anything.

mod category;
mod code;
mod mask;
mod status;
#[cfg(test)]
mod tests;

use super::provider_event::Diagnostic;

pub use category::{BounceClass, Category};
pub use mask::mask;
pub use status::EnhancedStatus;

/// What a diagnostic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification {
    /// Why it failed.
    pub category: Category,
    /// The category, summed up for rates.
    pub class: BounceClass,
    /// Whether it threatens the delivery of everything else.
    pub critical: bool,
    /// Whether the address should get no more mail.
    pub suppress: bool,
    /// The id of the rule that decided.
    pub rule: &'static str,
}

/// A rule's answer. What is not `sure` never suppresses an address.
#[derive(Debug, Clone, Copy)]
struct Finding {
    category: Category,
    rule: &'static str,
    sure: bool,
}

impl Finding {
    fn sure(category: Category, rule: &'static str) -> Self {
        Self { category, rule, sure: true }
    }

    fn unsure(category: Category, rule: &'static str) -> Self {
        Self { category, rule, sure: false }
    }
}

/// Classifies one diagnostic. `permanent` is the provider's severity: a fact apart from the category.
pub fn classify(diagnostic: &Diagnostic, permanent: bool) -> Classification {
    let finding = find(diagnostic, permanent);
    Classification {
        category: finding.category,
        class: finding.category.class(),
        critical: finding.category.is_critical(),
        suppress: permanent && finding.sure && finding.category.class() == BounceClass::Hard,
        rule: finding.rule,
    }
}

fn find(diagnostic: &Diagnostic, permanent: bool) -> Finding {
    let reason = diagnostic.reason.as_deref().unwrap_or_default();
    let text = diagnostic.text.known();
    let code = diagnostic.code.filter(|code| *code != 0);

    if matches!(code, Some(605..=607)) || reason.starts_with("suppress-") {
        return Finding::sure(Category::Suppressed, "provider.suppressed");
    }
    if code == Some(602) || reason == "old" {
        // Giving up says nothing; the last answer before it does.
        let last = text.map(|text| status::head(&text.last_message)).unwrap_or_default();
        let own = code.filter(|code| *code != 602);
        return by_codes(diagnostic.last_code.or(last.reply).or(own), last.enhanced, permanent)
            .unwrap_or(Finding::sure(Category::Unreachable, "provider.gave_up"));
    }
    if reason == "greylisted" {
        return Finding::sure(Category::Greylisted, "provider.greylisted");
    }

    let head = text.map(|text| status::head(&text.message)).unwrap_or_default();
    let given = diagnostic.enhanced.as_deref().and_then(EnhancedStatus::parse);
    if let Some(finding) = by_codes(code.or(head.reply), given.or(head.enhanced), permanent) {
        return finding;
    }
    let has_words = text.is_some_and(|text| !text.message.is_empty() || !text.description.is_empty());
    match code {
        // The relay's own words, before or without a conversation.
        None if given.is_none() && head.enhanced.is_none() && has_words => {
            Finding::unsure(Category::Unreachable, "no_code")
        }
        _ => Finding::unsure(Category::Unclassified, "none"),
    }
}

/// What the codes point to. A reply code that means many things counts only where no enhanced code stands.
fn by_codes(reply: Option<u16>, enhanced: Option<EnhancedStatus>, permanent: bool) -> Option<Finding> {
    if let Some(finding) = reply.and_then(|reply| code::of_provider(reply, permanent)) {
        return Some(finding);
    }
    if let Some(finding) = enhanced.and_then(|enhanced| code::of_enhanced(enhanced, permanent)) {
        return Some(finding);
    }
    reply.and_then(code::of_reply).filter(|finding| finding.sure || enhanced.is_none())
}
