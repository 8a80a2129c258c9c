//! The rules that come with the program, and an operator's own, which override them.

use std::sync::{LazyLock, OnceLock};

use super::pattern::Lexicon;
use super::rule::{Rule, RuleFile};
use super::rule_set::RuleSet;

const LEXICON: &str = include_str!("rules/lexicon.toml");

/// Name and content of each file; the order of files decides nothing.
const FILES: &[(&str, &str)] = &[
    ("recipient.toml", include_str!("rules/recipient.toml")),
    ("inactive.toml", include_str!("rules/inactive.toml")),
    ("domain.toml", include_str!("rules/domain.toml")),
    ("quota.toml", include_str!("rules/quota.toml")),
    ("size.toml", include_str!("rules/size.toml")),
    ("spam.toml", include_str!("rules/spam.toml")),
    ("content.toml", include_str!("rules/content.toml")),
    ("blocklist.toml", include_str!("rules/blocklist.toml")),
    ("reputation.toml", include_str!("rules/reputation.toml")),
    ("rate.toml", include_str!("rules/rate.toml")),
    ("greylist.toml", include_str!("rules/greylist.toml")),
    ("authentication.toml", include_str!("rules/authentication.toml")),
    ("sender.toml", include_str!("rules/sender.toml")),
    ("relay.toml", include_str!("rules/relay.toml")),
    ("policy.toml", include_str!("rules/policy.toml")),
    ("protocol.toml", include_str!("rules/protocol.toml")),
    ("system.toml", include_str!("rules/system.toml")),
    ("network.toml", include_str!("rules/network.toml")),
    ("providers.toml", include_str!("rules/providers.toml")),
];

/// What is wrong with a file of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {fault}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct RuleFault {
    pub file: String,
    /// Counted from 1.
    pub line: Option<usize>,
    pub fault: String,
}

static INSTALLED: OnceLock<RuleSet> = OnceLock::new();

static BUILT_IN: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let read =
        |(name, content): &(&str, &str)| read(name, content).expect("the built-in rules are well-formed");
    FILES.iter().flat_map(read).collect()
});

/// The rules that come with the program.
pub fn built_in() -> &'static [Rule] {
    &BUILT_IN
}

/// The rules in force: those that were installed, else the built-in ones.
pub fn installed() -> &'static RuleSet {
    INSTALLED.get_or_init(|| RuleSet::built_in().expect("the built-in rules compile"))
}

/// Makes these rules the ones in force, once, before anything is classified; later calls change nothing.
pub fn install(rules: RuleSet) {
    let _ = INSTALLED.set(rules);
}

impl RuleSet {
    /// The built-in rules, compiled.
    pub fn built_in() -> Result<Self, String> {
        Self::compile(built_in().to_vec(), &lexicon()?)
    }

    /// The built-in rules with an operator's own before them: same id, the operator's counts; else an
    /// operator's rule that matches counts before any built-in one.
    pub fn with(file: &str, content: &str) -> Result<Self, RuleFault> {
        let own = read(file, content)?;
        let mut rules: Vec<Rule> = built_in().to_vec();
        rules.retain(|rule| own.iter().all(|own| own.id != rule.id));
        let fault = |fault: String| {
            let id = fault.strip_prefix("rule ").and_then(|rest| rest.split(':').next());
            let line = id.and_then(|id| {
                let at = content.lines().position(|line| line.contains("id") && line.contains(id))?;
                Some(at + 1)
            });
            RuleFault { file: file.to_owned(), line, fault }
        };
        let lexicon = lexicon().map_err(fault)?;
        let first_own = rules.len();
        rules.extend(own);
        let mut rules = Self::compile(rules, &lexicon).map_err(fault)?;
        rules.first_own = first_own;
        Ok(rules)
    }
}

fn lexicon() -> Result<Lexicon, String> {
    toml::from_str(LEXICON).map_err(|error| error.to_string())
}

fn read(name: &str, content: &str) -> Result<Vec<Rule>, RuleFault> {
    let file: RuleFile = toml::from_str(content).map_err(|error| at(name, content, &error))?;
    let mut rules = file.rule;
    for rule in &mut rules {
        if rule.origin.is_empty() {
            rule.origin.clone_from(&file.origin);
        }
    }
    Ok(rules)
}

fn at(name: &str, content: &str, error: &toml::de::Error) -> RuleFault {
    RuleFault {
        file: name.to_owned(),
        line: error.span().map(|span| content[..span.start].matches('\n').count() + 1),
        fault: error.message().to_owned(),
    }
}
