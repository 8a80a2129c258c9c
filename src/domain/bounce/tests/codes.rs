use super::*;

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
        ("4.0 4.1 4.2 4.3 4.6 4.7 4.399", Unreachable),
        ("0.0 1.0 2.0 7.0 7.199", Unclassified),
    ] {
        for detail in details.split(' ') {
            let code = format!("5.{detail}");
            assert_eq!(category(Some(550), Some(&code), ""), expected, "{code}");
            assert_eq!(category(None, None, &format!("550 {code} xyzzy")), expected, "{code} in the text");
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
            assert_eq!(category(Some(*code), None, ""), expected, "{code}");
        }
    }
    assert_eq!(category(Some(550), None, "xyzzy plugh"), Unclassified, "it says something else");
    assert_eq!(category(None, None, "xyzzy plugh"), Unreachable);
    assert_eq!(category(None, None, ""), Unclassified);
    assert_eq!(category(Some(552), Some("5.2.0"), ""), MailboxFull);
    assert_eq!(category(Some(550), Some("5.0.0"), ""), Unclassified);
}

#[test]
fn codes_are_read_wherever_servers_write_them() {
    for text in [
        "550 5.1.1 xyzzy",
        "5.1.1 <a@b.test>: xyzzy",
        "smtp; 550 5.1.1 xyzzy",
        "550-5.1.1 xyzzy\n550 5.1.1 plugh",
        "550 #5.1.1 xyzzy",
        "xyzzy (#5.1.1)",
        "host mx.b.test[192.0.2.1] said: 550 5.1.1 xyzzy (in reply to RCPT TO command)",
    ] {
        assert_eq!(said(text).category, Category::InvalidRecipient, "{text}");
    }
    for text in ["550 5.1.1.7 xyzzy", "550 5.1234.1 xyzzy", "550 2.1.1 xyzzy", "550 5.1 xyzzy"] {
        assert_eq!(said(text).category, Category::Unclassified, "{text}");
    }
    assert!(EnhancedStatus::parse("5.1.1").is_some_and(|status| status.permanent));
    assert!(EnhancedStatus::parse("5.1.1x").is_none() && EnhancedStatus::parse("2.0.0").is_none());
}

#[test]
fn permanence_is_the_severity_else_the_codes_else_the_words() {
    let with = |text, permanent| {
        installed().classify(&Evidence { text, permanent, ..Evidence::default() }).permanent
    };

    assert!(with("450 4.2.2 full", Some(true)) && !with("550 5.1.1 gone", Some(false)));
    assert!(with("550 gone", None) && !with("450 gone", None) && !with("452-4.2.2 full", None));
    assert!(with("no such user", None) && !with("connection timed out", None));
}
