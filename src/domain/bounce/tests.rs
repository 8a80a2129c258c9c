use proptest::prelude::*;

use super::*;
use crate::domain::provider_event::{Diagnostic, DiagnosticText};
use crate::domain::sealed::Sealed;

mod codes;
mod rules;
mod texts;

fn diagnostic(code: Option<u16>, enhanced: Option<&str>, reason: &str, message: &str) -> Diagnostic {
    Diagnostic {
        code,
        enhanced: enhanced.map(str::to_owned),
        reason: Some(reason.to_owned()),
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText { message: message.to_owned(), ..DiagnosticText::default() }.into(),
    }
}

fn category(code: Option<u16>, enhanced: Option<&str>, message: &str) -> Category {
    classify(&diagnostic(code, enhanced, "bounce", message), true).category
}

fn said(text: &str) -> Classification<'static> {
    installed().classify(&Evidence { text, ..Evidence::default() })
}

#[test]
fn the_providers_own_codes_come_first() {
    use Category::*;
    for code in [605, 606, 607] {
        assert_eq!(category(Some(code), Some("5.1.1"), ""), Suppressed);
    }
    let of = |code, reason: &str, permanent| {
        classify(&diagnostic(Some(code), None, reason, ""), permanent).category
    };
    assert_eq!(of(550, "suppress-complaint", true), Suppressed);
    assert_eq!((of(498, "bounce", true), of(498, "generic", false)), (InvalidDomain, Unreachable));
    assert_eq!((of(499, "generic", false), of(680, "generic", false)), (Unreachable, Unreachable));
    assert_eq!(of(450, "greylisted", false), Greylisted);
    assert_eq!(of(602, "old", true), Unreachable);
}

#[test]
fn giving_up_is_explained_by_the_last_answer() {
    let mut old = diagnostic(Some(602), None, "old", "Too old");
    old.last_code = Some(452);
    let text = DiagnosticText { last_message: "4.2.2 no space left".into(), ..DiagnosticText::default() };
    old.text = text.into();

    assert_eq!(classify(&old, true).category, Category::MailboxFull);
    old.text = Sealed::Erased;
    assert_eq!(classify(&old, true).category, Category::ServerError);
}

#[test]
fn only_a_sure_and_permanent_sign_of_a_dead_address_suppresses_it() {
    let suppresses = |code, enhanced, permanent| {
        classify(&diagnostic(Some(code), enhanced, "bounce", ""), permanent).suppress
    };

    assert!(suppresses(550, Some("5.1.1"), true));
    assert!(!suppresses(450, Some("4.1.1"), false));
    assert!(!suppresses(550, None, true), "a bare 550 may mean anything");
    assert!(!suppresses(552, Some("5.2.2"), true));
    assert!(said("550 No such user").suppress && !said("450 No such user").suppress);
}

#[test]
fn classes_and_severity_follow_the_category() {
    assert_eq!(Category::InvalidDomain.class(), BounceClass::Hard);
    assert_eq!(Category::Blocklisted.class(), BounceClass::Block);
    assert_eq!(Category::PolicyRefused.class(), BounceClass::Block);
    assert_eq!(Category::MailboxFull.class(), BounceClass::Soft);
    assert_eq!(Category::Unclassified.class(), BounceClass::Undetermined);
    for category in Category::ALL {
        assert_eq!(Category::parse(category.as_str()), Some(category));
        assert_eq!(serde_json::json!(category), category.as_str());
        assert!(!category.is_critical() || category.class() == BounceClass::Block);
        assert!(!category.advice().is_empty());
    }
}

#[test]
fn what_stands_beside_the_category_is_found_too() {
    let blocked = said("554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org");
    let grey = said("451 4.7.1 Greylisted, please come back in 00:05:00");
    let by_host = Evidence { text: "552 full", mx_host: Some("mx01.mail.icloud.com"), ..Evidence::default() };

    assert_eq!(blocked.list.as_deref(), Some("Spamhaus ZEN"));
    assert_eq!(grey.retry_after, Some(300));
    assert_eq!(installed().classify(&by_host).provider.map(|provider| provider.as_str()), Some("apple"));
}

proptest! {
    #[test]
    fn no_text_breaks_it_and_no_mask_shows_an_address(text in ".{0,400}", local in "[a-z.]{1,20}") {
        let masked = mask(&format!("{text} <{local}@example.test>: {text}"));
        let normal = Classification::normal_form(&format!("{text} <{local}@example.test>: {text}"));

        classify(&diagnostic(None, Some(&text), &text, &text), true);
        prop_assert!(!masked.contains('@') && masked.chars().count() <= 300);
        prop_assert!(!masked.contains(char::is_control));
        prop_assert!(normal.chars().count() <= 300 && !normal.contains(char::is_control));
    }

    #[test]
    fn whatever_a_dialogue_is_made_of_it_is_read(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "550", "5.1.1", "-", " ", "\r\n", "\n", "<a@b.test>", "user unknown", "mailbox full", "=C3=A9", "=\n",
                "<br>", "&lt;", ">>> DATA", "<<< ", "smtp; ", "421 4.7.0", "[192.0.2.1]", "2001:db8::1", "https://x.test/?a=b",
                "用户不存在", "é", "\u{301}", "'", "n'existe pas", "spam@", "/blocked/", "blocked using", "\u{0}", "…",
            ]),
            0..60,
        )
    ) {
        let text = parts.concat();

        let verdict = said(&text);

        prop_assert!(!verdict.rule.is_empty());
        prop_assert_eq!(verdict, said(&text));
    }
}
