use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::domain::bounce::Category;

fn terms(typed: &str) -> Vec<String> {
    let (search, faults) = Search::parse(typed);
    assert_eq!(faults, [], "{typed}");
    search.terms().iter().map(Term::text).collect()
}

fn help(typed: &str) -> Vec<(String, String)> {
    let (_, faults) = Search::parse(typed);
    faults.into_iter().map(|fault| (fault.part, fault.help)).collect()
}

fn now() -> DateTime<Utc> {
    "2026-11-20T12:30:00Z".parse().unwrap()
}

fn filter(typed: &str) -> MessageFilter {
    let (search, faults) = Search::parse(typed);
    assert_eq!(faults, [], "{typed}");
    search.filter(&IndexKey::new([7; 32]), now())
}

#[test]
fn every_word_narrows_its_own_part_of_the_filter() {
    let all = filter(
        "to:Ada@Example.test domain:@Example.TEST template:password-reset outcome:Bounced bounce:mailbox-full \
         after:2026-11-01 before:2026-11-20T12:00 mailbox:gmail provider:mailgun is:completed not:opened lost:sent \
         because:rejected failed:greylisted failed-for:now failed-rule:rfc said:\"a b\"",
    );

    let address = EmailAddress::parse("ada@example.test").unwrap();
    let key = IndexKey::new([7; 32]).stream_key(&address).to_string();
    let text = |text: &str| Some(text.to_owned());
    let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    assert_eq!(all.recipient_key, Some(key));
    assert_eq!((all.recipient_domain, all.template), (text("example.test"), text("password-reset")));
    assert_eq!((all.outcome, all.bounce_category), (text("bounced"), text("mailbox_full")));
    assert_eq!((all.after, all.before), (at("2026-11-01T00:00:00Z"), at("2026-11-20T12:00:00Z")));
    assert_eq!((all.mailbox_provider, all.provider), (text("gmail"), text("mailgun")));
    assert_eq!(all.flags, ["completed", "-opened"]);
    assert_eq!((all.lost_at, all.loss), (text("sent"), text("rejected")));
    let failure = FailureFilter {
        category: text("greylisted"),
        permanent: Some(false),
        rule: text("rfc"),
        text: text("a b"),
    };
    assert_eq!(all.failure, failure);
}

#[test]
fn a_value_alone_says_what_it_is_where_it_can() {
    assert_eq!(terms("ada@example.test"), ["to:ada@example.test"]);
    assert_eq!(terms("example.test bounced"), ["domain:example.test", "outcome:bounced"]);
    assert_eq!(terms("mailbox_full"), ["bounce:mailbox_full"]);
    assert_eq!(terms("bounce:hard"), ["is:bounced_hard"]);
    assert_eq!(terms("  "), [""; 0]);
}

#[test]
fn quotation_marks_hold_together_what_has_spaces() {
    assert_eq!(terms(r#"said:"550 \"no\" such: user""#), [r#"said:"550 \"no\" such: user""#]);
    assert_eq!(terms(r#"template:"welcome""#), ["template:welcome"]);
    assert_eq!(terms(r#"TEMPLATE:a:b"#), ["template:a:b"]);
    let unclosed = help(r#"outcome:bounced template:"wel come"#);
    assert_eq!(unclosed.len(), 1);
    assert_eq!(unclosed[0].0, r#"template:"wel come"#);
    assert!(unclosed[0].1.contains("not closed"));
}

#[test]
fn what_is_not_understood_is_told_with_what_would_be() {
    for (typed, part, words) in [
        ("outcom:bounced", "outcom:bounced", "Did you mean “outcome:”?"),
        ("outcome:bounce", "outcome:bounce", "Did you mean “outcome:bounced”?"),
        ("bounce:mailbox_ful", "bounce:mailbox_ful", "Did you mean “bounce:mailbox_full”?"),
        ("to:ada", "to:ada", "one whole address"),
        ("domain:..", "domain:..", "one whole domain"),
        ("after:soon", "after:soon", "24h"),
        ("before:2026-13-01", "before:2026-13-01", "2026-11-20"),
        ("template:", "template:\"\"", "needs a value"),
        ("hello", "hello", "Say what it is"),
        ("invalid recipient", "\"invalid recipient\"", "Did you mean “bounce:invalid_recipient”?"),
        ("mailbox", "mailbox", "“bounce:mailbox_full”"),
        ("bounce:critical", "bounce:critical", "Critical are, one at a time: "),
        (
            "bounce:xyzzy",
            "bounce:xyzzy",
            "a class (hard, soft, block or undetermined) or a category: invalid",
        ),
        ("not:", "is:-", "needs a value"),
        ("to:a@b.test to:c@d.test", "to:c@d.test", "another “to:”"),
        ("xyzzy:1", "xyzzy:1", "There is no word “xyzzy:”"),
    ] {
        let told = help(typed);
        assert_eq!(told.len(), 1, "{typed}: {told:?}");
        assert_eq!(told[0].0, part);
        assert!(told[0].1.contains(words), "{typed}: {told:?}");
    }
}

#[test]
fn the_rest_is_understood_where_one_part_is_not() {
    let (search, faults) = Search::parse("outcome:bounced colour:red after:1h");

    assert_eq!(search.text(), "outcome:bounced after:1h");
    assert_eq!(faults.len(), 1);
}

#[test]
fn parameters_of_the_api_are_terms_and_what_was_typed_goes_before_them() {
    let (mut typed, _) = Search::parse("outcome:bounced");
    let (linked, faults) = Search::of_parameters([
        ("outcome", "delivered"),
        ("flag", "-opened"),
        ("failure_permanent", "true"),
        ("after", "2026-11-20T12:30:00+01:00"),
        ("cursor", "x"),
        ("template", ""),
    ]);
    typed.fill(linked);

    assert_eq!(faults, []);
    assert_eq!(typed.text(), "outcome:bounced not:opened failed-for:good after:2026-11-20T12:30:00+01:00");
    let (_, faults) = Search::of_parameters([("outcome", "fine")]);
    assert_eq!(faults.len(), 1);
}

#[test]
fn each_condition_can_be_taken_away() {
    let (search, _) = Search::parse("outcome:bounced is:completed not:opened");

    assert_eq!(search.without(&search.terms()[1]).text(), "outcome:bounced not:opened");
}

fn any_term() -> impl Strategy<Value = String> {
    let category = proptest::sample::select(Category::ALL.to_vec());
    prop_oneof![
        "[a-z]{1,8}@[a-z]{1,8}\\.test".prop_map(|value| format!("to:{value}")),
        category.prop_map(|value| format!("bounce:{}", value.as_str())),
        (1..9_999_u32).prop_map(|hours| format!("after:{hours}h")),
        proptest::sample::select(vec!["is:opened", "not:clicked", "is:bounced_hard"]).prop_map(str::to_owned),
        "[ -~äöü]{1,30}".prop_filter("a value", |value| !value.trim().is_empty()).prop_map(|value| {
            let value = value.trim().to_owned();
            Term { word: Word::Said, value }.text()
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_typed_is_understood_or_told_and_never_both(typed in "\\PC{0,60}") {
        let (search, faults) = Search::parse(&typed);

        prop_assert!(!typed.trim().is_empty() || (search == Search::default() && faults.is_empty()));
        prop_assert!(faults.iter().all(|fault| !fault.help.is_empty() && !fault.part.is_empty()));
        let (again, faults) = Search::parse(&search.text());
        prop_assert_eq!(faults, vec![]);
        prop_assert_eq!(again, search);
    }

    #[test]
    fn what_was_understood_reads_the_same_when_it_is_typed_again(
        typed in proptest::collection::vec(any_term(), 0..6),
    ) {
        let (search, _) = Search::parse(&typed.join("  "));
        let (again, faults) = Search::parse(&search.text());

        prop_assert_eq!(faults, vec![]);
        prop_assert_eq!(&again, &search);
        let pairs: Vec<_> = search.terms().iter().map(|term| (term.word.parameter(), &*term.value)).collect();
        let (linked, faults) = Search::of_parameters(pairs);
        prop_assert_eq!(faults, vec![]);
        prop_assert_eq!(linked, search);
    }

    #[test]
    fn no_time_is_out_of_any_calendar(value in "\\PC{0,20}") {
        let _ = super::words::time(&value, DateTime::<Utc>::MIN_UTC);
        let _ = super::words::time(&value, DateTime::<Utc>::MAX_UTC);
    }
}
