use proptest::prelude::*;

use super::*;
use crate::domain::provider_event::DiagnosticText;
use crate::domain::sealed::Sealed;

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

#[test]
fn enhanced_codes_point_where_the_registry_says() {
    use Category::*;
    for (details, expected) in [
        ("1.1 1.3 1.4 1.6 6.7 7.17", InvalidRecipient),
        ("2.1 7.13", InactiveRecipient),
        ("1.2 1.10 4.4 7.18", InvalidDomain),
        ("2.2", MailboxFull),
        ("2.3 3.4 7.16", MessageTooLarge),
        ("6.0 6.1 6.6 6.8 6.10 7.7", ContentRejected),
        ("5.3 7.28", RateLimited),
        ("7.20 7.21 7.22 7.23 7.24 7.26 7.29", AuthFailed),
        ("1.7 1.8 7.25 7.27", SenderDnsInvalid),
        ("7.1 7.2 7.15 7.19", PolicyRefused),
        ("3.3 5.0 5.1 5.2 5.4 5.6 7.3 7.4 7.5 7.6 7.8 7.9 7.10 7.11 7.12 7.14 7.30", ProtocolError),
        ("1.9 2.4 3.0 3.1 3.2 3.5 4.5", ServerError),
        ("4.0 4.1 4.2 4.3 4.6 4.7 4.316", Unreachable),
        ("0.0 1.0 2.0 7.0 7.133 2.121", Unclassified),
    ] {
        for detail in details.split(' ') {
            let code = format!("5.{detail}");
            assert_eq!(category(Some(550), Some(&code), ""), expected, "{code}");
            assert_eq!(category(None, None, &format!("550 {code} why")), expected, "{code} in the text");
        }
    }
}

#[test]
fn reply_codes_count_when_nothing_better_is_there() {
    use Category::*;
    for (codes, expected) in [
        (&[421, 450, 451, 452][..], ServerError),
        (&[455, 500, 504, 530, 535, 555], ProtocolError),
        (&[521, 556], InvalidDomain),
        (&[523], MessageTooLarge),
        (&[525], InactiveRecipient),
        (&[550, 551, 553], InvalidRecipient),
        (&[552], MailboxFull),
        (&[554], PolicyRefused),
        (&[250, 571], Unclassified),
    ] {
        for code in codes {
            assert_eq!(category(Some(*code), None, "no code here"), expected, "{code}");
        }
    }
    assert_eq!(category(None, None, "connect to mx.example.test: no answer"), Unreachable);
    assert_eq!(category(None, None, ""), Unclassified);
    assert_eq!(category(Some(552), Some("5.2.0"), ""), MailboxFull);
    assert_eq!(category(Some(550), Some("5.0.0"), ""), Unclassified);
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
fn codes_at_the_head_of_a_text_are_found_and_nowhere_else() {
    for text in [
        "550 5.1.1 gone",
        "5.1.1 <a@b.test>: gone",
        "smtp; 550 5.1.1 gone",
        "550-5.1.1 gone",
        "550 #5.1.1 gone",
    ] {
        let enhanced = status::head(text).enhanced;
        assert_eq!(enhanced, Some(EnhancedStatus { subject: 1, detail: 1 }), "{text}");
    }
    for text in ["see 5.1.1", "5.1.1.7 is listed", "5.1.1x", "5.1234.1", "2.1.1 fine", "5.1", "5.1.", ""] {
        assert_eq!(status::head(text).enhanced, None, "{text}");
    }
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
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it_and_no_mask_shows_an_address(text in ".{0,400}", local in "[a-z.]{1,20}") {
        let masked = mask(&format!("{text} <{local}@example.test>: {text}"));

        classify(&diagnostic(None, Some(&text), &text, &text), true);
        prop_assert!(!masked.contains('@') && masked.chars().count() <= 300);
        prop_assert!(!masked.contains(char::is_control));
    }
}
