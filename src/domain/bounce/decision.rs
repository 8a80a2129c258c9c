//! From what rules found and codes point to, one answer.

use serde::Serialize;

use super::code::{self, Pointer};
use super::reader::Reply;
use super::reading::Reading;
use super::rule::Weight;
use super::rule_set::{Hit, RuleSet};
use super::{BounceClass, Category, Evidence, lists, normal_form, retry_after};
use crate::domain::mailbox_provider::MailboxProvider;

/// What a diagnostic says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification<'r> {
    /// Why it failed.
    pub category: Category,
    /// Whether it is for good: a fact apart from the category.
    pub permanent: bool,
    /// The category, summed up for rates.
    pub class: BounceClass,
    /// Whether it threatens the delivery of everything else.
    pub critical: bool,
    /// Whether the address should get no more mail.
    pub suppress: bool,
    /// The id of the rule that decided.
    pub rule: &'r str,
    pub confidence: Confidence,
    /// Who runs the mailbox, as far as host and domain tell.
    pub provider: Option<MailboxProvider>,
    /// The blocklist that is named.
    pub list: Option<String>,
    /// Seconds after which the server wants to be asked again.
    pub retry_after: Option<u32>,
}

/// What the answer rests on, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// What was said.
    Phrase,
    /// A code of one provider, whose meaning is known.
    ProviderCode,
    EnhancedCode,
    ReplyCode,
    None,
}

impl Confidence {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phrase => "phrase",
            Self::ProviderCode => "provider_code",
            Self::EnhancedCode => "enhanced_code",
            Self::ReplyCode => "reply_code",
            Self::None => "none",
        }
    }
}

/// A category and what speaks for it. What is not `sure` never suppresses an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding<'r> {
    pub(super) category: Category,
    pub(super) rule: &'r str,
    pub(super) confidence: Confidence,
    pub(super) sure: bool,
}

impl RuleSet {
    /// Classifies one failure.
    pub fn classify<'r>(&'r self, evidence: &Evidence<'_>) -> Classification<'r> {
        let reading = Reading::of(evidence.text);
        let replies = completed(&reading, evidence);
        let permanent = evidence.permanent.or_else(|| permanence(&replies));
        let finding = self.find(evidence, &reading, &replies, permanent.unwrap_or(true));
        let permanent = permanent.unwrap_or_else(|| {
            // A relay that reports without a code has given up on an address, and waits for a server.
            finding.category.class() == BounceClass::Hard && !retry_after::is_announced(&reading)
        });
        Classification::of(finding, permanent).with_extras(evidence, &reading)
    }

    fn find<'r>(
        &'r self,
        evidence: &Evidence<'_>,
        reading: &Reading<'_>,
        replies: &[Reply],
        permanent: bool,
    ) -> Finding<'r> {
        if let Some(finding) = not_tried(evidence, permanent) {
            return finding;
        }
        let hits = self.hits(reading, replies, permanent);
        let refusals =
            || replies.iter().enumerate().filter(|(_, reply)| reply.code.is_none_or(|code| code >= 400));
        for (number, reply) in refusals() {
            let said = best(&hits, number, Weight::Refusal);
            let pointer = reply.enhanced.and_then(|status| code::of_enhanced(status, permanent));
            let finding = match (said, pointer) {
                (Some(hit), _) if hit.is_own || hit.weight >= Weight::Unexplained => self.said(hit),
                (_, Some(pointer)) if pointer.sure => {
                    pointer.finding(Confidence::EnhancedCode, "enhanced_code")
                }
                (Some(hit), _) => self.said(hit),
                _ => continue,
            };
            return finding;
        }
        if let Some(hit) =
            replies.iter().enumerate().find_map(|(number, _)| best(&hits, number, Weight::Consequence))
        {
            return self.said(hit);
        }
        let first = refusals().map(|(_, reply)| *reply).next().unwrap_or_default();
        by_codes_alone(first, reading, evidence, permanent)
    }

    fn said(&self, hit: Hit) -> Finding<'_> {
        let rule = &self.rules[hit.rule as usize];
        let confidence =
            if hit.weight == Weight::Provider { Confidence::ProviderCode } else { Confidence::Phrase };
        let sure = hit.is_own || hit.weight >= Weight::General;
        Finding { category: rule.category, rule: &rule.id, confidence, sure }
    }
}

/// An operator's own, then the weightiest, then the longest, then the first.
fn best(hits: &[Hit], reply: usize, least: Weight) -> Option<Hit> {
    hits.iter()
        .filter(|hit| hit.reply == reply && hit.weight >= least)
        .max_by_key(|hit| (hit.is_own, hit.weight, hit.words, std::cmp::Reverse(hit.start)))
        .copied()
}

/// The replies of the text, the first one completed by the codes that stand beside the text.
fn completed(reading: &Reading<'_>, evidence: &Evidence<'_>) -> Vec<Reply> {
    let mut replies = reading.replies.clone();
    let given = evidence.reply.filter(|code| (200..600).contains(code));
    if let Some(first) = replies.iter_mut().find(|reply| reply.code.is_none_or(|code| code >= 400)) {
        first.code = first.code.or(given);
        first.enhanced = first.enhanced.or(evidence.enhanced);
    }
    replies
}

fn permanence(replies: &[Reply]) -> Option<bool> {
    replies.iter().find_map(|reply| {
        let by_reply = reply.code.filter(|code| *code >= 400).map(|code| code >= 500);
        reply.enhanced.map(|status| status.permanent).or(by_reply)
    })
}

/// What a provider says without having spoken to a server.
fn not_tried(evidence: &Evidence<'_>, permanent: bool) -> Option<Finding<'static>> {
    let (category, rule) = match evidence.reply? {
        605..=607 => (Category::Suppressed, "provider.suppressed"),
        // May be a passing fault of its look-up, so it counts only when the provider gave up.
        498 if permanent => (Category::InvalidDomain, "provider.no_mx"),
        498 => (Category::Unreachable, "provider.no_mx"),
        _ => return None,
    };
    Some(Finding { category, rule, confidence: Confidence::ProviderCode, sure: true })
}

/// Nothing that was said is understood.
fn by_codes_alone(
    first: Reply,
    reading: &Reading<'_>,
    evidence: &Evidence<'_>,
    permanent: bool,
) -> Finding<'static> {
    if matches!(evidence.reply, Some(490..=499 | 600..=699)) {
        let pointer = Pointer { category: Category::Unreachable, sure: true };
        return pointer.finding(Confidence::ProviderCode, "provider.no_connection");
    }
    let vague = first.enhanced.and_then(|status| code::of_enhanced(status, permanent));
    if let Some(pointer) = vague {
        return pointer.finding(Confidence::EnhancedCode, "enhanced_code.subject");
    }
    let without_enhanced = first.enhanced.is_none();
    // A code that means many things means nothing beside words that nobody understands.
    let says_little = !without_enhanced || reading.has_words();
    let by_reply = first.code.and_then(code::of_reply);
    if let Some(pointer) = by_reply
        .filter(|pointer| pointer.sure || !says_little || pointer.category.class() != BounceClass::Hard)
    {
        return pointer.finding(Confidence::ReplyCode, "reply_code");
    }
    // The relay's own words, before or without a conversation.
    let is_relay =
        first.code.is_none() && without_enhanced && evidence.reply.is_none() && reading.has_words();
    let category = if is_relay { Category::Unreachable } else { Category::Unclassified };
    Pointer { category, sure: false }.finding(Confidence::None, if is_relay { "no_code" } else { "none" })
}

impl Pointer {
    pub(super) fn finding(self, confidence: Confidence, rule: &'static str) -> Finding<'static> {
        Finding { category: self.category, rule, confidence, sure: self.sure }
    }
}

impl<'r> Classification<'r> {
    pub(super) fn of(finding: Finding<'r>, permanent: bool) -> Self {
        let class = finding.category.class();
        Self {
            category: finding.category,
            permanent,
            class,
            critical: finding.category.is_critical(),
            suppress: permanent && finding.sure && class == BounceClass::Hard,
            rule: finding.rule,
            confidence: finding.confidence,
            provider: None,
            list: None,
            retry_after: None,
        }
    }

    fn with_extras(mut self, evidence: &Evidence<'_>, reading: &Reading<'_>) -> Self {
        let by_domain = || {
            let provider = MailboxProvider::of_domain(evidence.recipient_domain?);
            (provider != MailboxProvider::Other).then_some(provider)
        };
        self.provider = evidence.mx_host.and_then(MailboxProvider::of_mx_host).or_else(by_domain);
        if self.category == Category::Blocklisted {
            self.list = lists::named_in(&reading.text);
        }
        if !self.permanent {
            self.retry_after = retry_after::named_in(reading);
        }
        self
    }

    /// The text with what differs from mail to mail masked.
    pub fn normal_form(text: &str) -> String {
        normal_form::of(text)
    }
}
