use std::collections::BTreeSet;

use super::*;

#[test]
fn every_rule_decides_its_own_examples() {
    let rules = RuleSet::built_in().unwrap();
    let mut faults = Vec::new();
    for rule in built_in() {
        for text in &rule.examples {
            let verdict = rules.classify(&Evidence { text, ..Evidence::default() });
            if verdict.category != rule.category {
                faults.push(format!("{}: {} decides {text}", rule.id, verdict.rule));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_rule_has_a_name_of_its_own_an_origin_and_an_example() {
    let mut ids = BTreeSet::new();
    for rule in built_in() {
        assert!(ids.insert(&rule.id), "{} twice", rule.id);
        assert!(!rule.origin.is_empty() && !rule.examples.is_empty(), "{}", rule.id);
    }
}

#[test]
fn every_category_has_a_rule() {
    let with_rules: BTreeSet<_> = built_in().iter().map(|rule| rule.category).collect();

    assert_eq!(with_rules.len(), Category::ALL.len());
}

#[test]
fn an_operators_own_rule_comes_before_all_others() {
    let own = r#"
        [[rule]]
        id = "own.lunch"
        category = "server_error"
        says = ["out to lunch"]

        [[rule]]
        id = "mailbox_full.full"
        category = "mailbox_full"
        says = ["bursting at the seams"]
    "#;

    let rules = RuleSet::with("own.toml", own).unwrap();

    let rule = |text| rules.classify(&Evidence { text, ..Evidence::default() }).rule.to_owned();
    assert_eq!(rule("550 5.1.1 user unknown, we are out to lunch"), "own.lunch");
    assert_eq!(rule("552 bursting at the seams"), "mailbox_full.full");
}

#[test]
fn a_star_stands_for_the_rest_of_a_word() {
    let own = r#"
        [[rule]]
        id = "own.star"
        category = "mailbox_full"
        says = ["*voll gelaufen*", "*xyzzy*"]
    "#;

    let rules = RuleSet::with("own.toml", own).unwrap();

    let rule = |text| rules.classify(&Evidence { text, ..Evidence::default() }).rule.to_owned();
    for text in ["552 Randvoll gelaufenes Fach", "552 voll gelaufen", "552 plxyzzygh", "552 xyzzy"] {
        assert_eq!(rule(text), "own.star", "{text}");
    }
    for text in ["552 vollends gelaufen", "552 voll und gelaufen", "552 xyz zy"] {
        assert_ne!(rule(text), "own.star", "{text}");
    }
}

#[test]
fn a_faulty_rule_is_told_with_file_and_line() {
    let fault = |content: &str| RuleSet::with("own.toml", content).unwrap_err().to_string();

    assert!(fault("[[rule]]\nid = \"a\"\ncategory = \"nonsense\"\n").starts_with("own.toml, line 3: "));
    assert!(
        fault("[[rule]]\nid = \"a\"\ncategory = \"greylisted\"\nsays = [\"{nobody}\"]\n").contains("line 2")
    );
    assert!(fault("[[rule]]\nid = \"a\"\ncategory = \"greylisted\"\n").contains("looks for nothing"));
    assert!(fault("[[rule]]\nid = \"a\"\ncolour = 1\n").contains("line 3"));
    assert!(fault("rule = 7").starts_with("own.toml"));
}
