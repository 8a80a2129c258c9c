//! The diagnostic of an event, classified: the provider's own codes first, then what the server said.

use super::decision::Finding;
use super::{Category, Classification, Confidence, EnhancedStatus, Evidence, installed, normal_form};
use crate::domain::provider_event::{Diagnostic, DiagnosticText};

/// Classifies the diagnostic of an event. `permanent` is the provider's severity.
pub fn classify(diagnostic: &Diagnostic, permanent: bool) -> Classification<'static> {
    let nothing = DiagnosticText::default();
    let text = diagnostic.text.known().unwrap_or(&nothing);
    let reason = diagnostic.reason.as_deref().unwrap_or_default();
    let code = diagnostic.code.filter(|code| *code != 0);
    let told = |category, rule| {
        let finding = Finding { category, rule, confidence: Confidence::ProviderCode, sure: true };
        Classification::of(finding, permanent)
    };

    if matches!(code, Some(605..=607)) || reason.starts_with("suppress-") {
        return told(Category::Suppressed, "provider.suppressed");
    }
    if code == Some(602) || reason == "old" {
        // Giving up says nothing; the last answer before it does.
        let own = code.filter(|code| (200..600).contains(code));
        let last = Evidence {
            reply: diagnostic.last_code.or(own),
            enhanced: None,
            text: &text.last_message,
            mx_host: text.mx_host.as_deref(),
            recipient_domain: None,
            permanent: Some(permanent),
        };
        let by_message = Evidence { text: &text.message, ..last };
        for evidence in [last, by_message] {
            let verdict = installed().classify(&evidence);
            if !matches!(verdict.confidence, Confidence::None) && verdict.rule != "unreachable.gave_up" {
                return verdict;
            }
        }
        return told(Category::Unreachable, "provider.gave_up");
    }

    let said = [&text.message, &text.description].into_iter().find(|text| !text.trim().is_empty());
    let verdict = installed().classify(&Evidence {
        reply: code,
        enhanced: diagnostic.enhanced.as_deref().and_then(EnhancedStatus::parse),
        text: said.map_or("", String::as_str),
        mx_host: text.mx_host.as_deref(),
        recipient_domain: None,
        permanent: Some(permanent),
    });
    let is_said = matches!(verdict.confidence, Confidence::Phrase | Confidence::ProviderCode);
    if reason == "greylisted" && !is_said {
        return told(Category::Greylisted, "provider.greylisted");
    }
    verdict
}

/// What was said, with what differs from mail to mail masked; empty if nothing was.
pub fn normalized(diagnostic: &Diagnostic) -> String {
    let texts = diagnostic.text.known().map(|text| [&text.last_message, &text.message, &text.description]);
    let said = texts.and_then(|texts| texts.into_iter().find(|text| !text.trim().is_empty()));
    said.map(|text| normal_form::of(text)).unwrap_or_default()
}
