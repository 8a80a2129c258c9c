//! The words of a search, the parameter of the API that each stands for, and what each takes.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::text::{Part, quoted};
use super::{Misunderstood, Term};
use crate::domain::address::EmailAddress;
use crate::domain::bounce::{BounceClass, Category};
use crate::domain::delivery::{Counters, Durations, Loss, Status, Step};
use crate::domain::mailbox_provider::MailboxProvider;

/// Bytes of a value at most.
const LONGEST: usize = 1_000;
/// A guess further from what was typed explains nothing.
const LEAST_LIKENESS: f64 = 0.75;

/// What `failed-for:` takes, and the parameter's word for it.
pub(super) const FOR_GOOD: &str = "good";
const FOR_NOW: &str = "now";

/// What a term is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    To,
    Domain,
    Template,
    Outcome,
    Bounce,
    After,
    Before,
    Mailbox,
    Provider,
    /// A counter that must be above 0; with a minus before it, must not.
    Is,
    Lost,
    Because,
    Measured,
    Failed,
    FailedFor,
    FailedRule,
    Said,
}

/// Each with what is typed and the parameter.
const WORDS: [(Word, &str, &str); 17] = [
    (Word::To, "to", "recipient"),
    (Word::Domain, "domain", "recipient_domain"),
    (Word::Template, "template", "template"),
    (Word::Outcome, "outcome", "outcome"),
    (Word::Bounce, "bounce", "bounce_category"),
    (Word::After, "after", "after"),
    (Word::Before, "before", "before"),
    (Word::Mailbox, "mailbox", "mailbox_provider"),
    (Word::Provider, "provider", "provider"),
    (Word::Is, "is", "flag"),
    (Word::Lost, "lost", "lost_at"),
    (Word::Because, "because", "loss"),
    (Word::Measured, "measured", "measured"),
    (Word::Failed, "failed", "failure_category"),
    (Word::FailedFor, "failed-for", "failure_permanent"),
    (Word::FailedRule, "failed-rule", "failure_rule"),
    (Word::Said, "said", "failure_text"),
];

impl Word {
    /// What is typed before the colon.
    pub fn typed(self) -> &'static str {
        WORDS.iter().find(|(word, ..)| *word == self).map_or("", |(_, typed, _)| typed)
    }

    /// Every parameter of the API that narrows a search.
    pub fn parameters() -> impl Iterator<Item = &'static str> {
        WORDS.iter().map(|(.., parameter)| *parameter)
    }

    /// The parameter of the API.
    pub fn parameter(self) -> &'static str {
        WORDS.iter().find(|(word, ..)| *word == self).map_or("", |(.., parameter)| parameter)
    }

    pub(super) fn of_parameter(name: &str) -> Option<Self> {
        WORDS.iter().find(|(.., parameter)| *parameter == name).map(|(word, ..)| *word)
    }

    /// Whether a search can have it more than once.
    pub(super) fn is_repeatable(self) -> bool {
        self == Self::Is
    }
}

/// Understands one part of what was typed.
pub(super) fn read(part: &Part) -> Result<Term, Misunderstood> {
    let Some(typed) = part.word.as_deref() else { return guess(&part.value) };
    if typed == "not" {
        return check(Word::Is, &format!("-{}", part.value));
    }
    let known = WORDS.iter().find(|(_, word, parameter)| *word == typed || *parameter == typed);
    match known {
        Some((word, ..)) => check(*word, &part.value),
        None => {
            let names = WORDS.iter().map(|(_, typed, _)| *typed);
            let help = match nearest(typed, names) {
                Some(name) => format!("There is no word “{typed}:”. Did you mean “{name}:”?"),
                None => format!(
                    "There is no word “{typed}:”. Words are to:, domain:, template:, outcome:, bounce:, before: and \
                     after:, and a few more."
                ),
            };
            Err(misunderstood(typed, &part.value, help))
        }
    }
}

/// A value alone: an address, a domain, an outcome or a category says by itself what it is.
fn guess(value: &str) -> Result<Term, Misunderstood> {
    let word = match value {
        _ if value.contains('@') => Word::To,
        _ if Status::ALL.iter().any(|status| status.as_str() == value) => Word::Outcome,
        _ if Category::parse(value).is_some() => Word::Bounce,
        _ if value.contains('.') => Word::Domain,
        _ => {
            let alike = Category::ALL.into_iter().filter(|category| is_word_of(value, *category));
            let guesses: Vec<_> = alike.map(|category| format!("“bounce:{}”", category.as_str())).collect();
            let help = match guesses.as_slice() {
                [] => "Say what it is, such as to:ada@example.com, domain:example.com, template:password-reset or \
                       outcome:bounced."
                    .to_owned(),
                guesses => format!("Did you mean {}?", guesses.join(" or ")),
            };
            return Err(Misunderstood { part: quoted(value), help });
        }
    };
    check(word, value)
}

/// Checks a value of this word.
pub(super) fn check(word: Word, value: &str) -> Result<Term, Misunderstood> {
    let value = value.trim();
    let fault = |help: String| Err(misunderstood(word.typed(), value, help));
    let term = |value: &str| Ok(Term { word, value: value.to_owned() });
    if value.is_empty() || value == "-" {
        return fault(format!("“{}:” needs a value right after the colon.", word.typed()));
    }
    if value.len() > LONGEST {
        return fault(format!("A value has {LONGEST} bytes at most."));
    }
    if value.chars().any(char::is_control) {
        return fault("A value has no control characters.".to_owned());
    }
    match word {
        Word::To => match EmailAddress::parse(value) {
            Ok(_) => term(value),
            Err(_) => fault("Write one whole address, such as to:ada@example.com.".to_owned()),
        },
        Word::Domain => match EmailAddress::parse(&format!("x@{}", value.trim_start_matches('@'))) {
            Ok(address) => term(address.domain()),
            Err(_) => fault("Write one whole domain, such as domain:example.com.".to_owned()),
        },
        Word::Template | Word::Provider | Word::FailedRule | Word::Said => term(value),
        Word::Outcome => {
            let statuses = Status::ALL.into_iter().map(Status::as_str);
            one_of(word, value, &statuses.chain(counters()).collect::<Vec<_>>())
        }
        Word::Bounce => {
            let classes =
                [BounceClass::Hard, BounceClass::Soft, BounceClass::Block, BounceClass::Undetermined];
            match classes.into_iter().find(|class| class.as_str() == value) {
                Some(class) => Ok(Term { word: Word::Is, value: format!("bounced_{}", class.as_str()) }),
                None => one_of(word, value, &categories()).map_err(|fault| bounces(value, fault)),
            }
        }
        Word::Failed => one_of(word, value, &categories()),
        Word::Mailbox => {
            let names = MailboxProvider::ALL.iter().map(|provider| provider.as_str());
            one_of(word, value, &names.collect::<Vec<_>>())
        }
        Word::Is => {
            let name = value.strip_prefix('-').unwrap_or(value);
            let known = one_of(word, name, &counters().collect::<Vec<_>>())?;
            let minus = if name.len() < value.len() { "-" } else { "" };
            Ok(Term { word, value: format!("{minus}{}", known.value) })
        }
        Word::Measured => one_of(word, value, Durations::NAMES),
        Word::Lost => one_of(word, value, &Step::ALL.map(Step::as_str)),
        Word::Because => one_of(word, value, &Loss::all().map(|loss| loss.reason).collect::<Vec<_>>()),
        Word::FailedFor => match value {
            "true" => term(FOR_GOOD),
            "false" => term(FOR_NOW),
            _ => one_of(word, value, &[FOR_GOOD, FOR_NOW]),
        },
        Word::After | Word::Before => {
            match time(value, DateTime::UNIX_EPOCH) {
                Some(_) => term(value),
                None => fault(
                    "Write a day such as 2026-11-20, an instant such as 2026-11-20T12:30Z, or how long ago, such as \
                     30m, 24h or 7d."
                        .to_owned(),
                ),
            }
        }
    }
}

/// The instant that was meant, always in UTC unless it says otherwise.
pub(super) fn time(value: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(value) {
        return Some(at.with_timezone(&Utc));
    }
    let plain = value.strip_suffix(['Z', 'z']).unwrap_or(value);
    if let Some(at) = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(plain, format).ok())
    {
        return Some(at.and_utc());
    }
    if let Ok(day) = NaiveDate::parse_from_str(value, "%Y-%m-%d") {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc());
    }
    let today = now.date_naive().and_hms_opt(0, 0, 0)?.and_utc();
    match value {
        "now" => return Some(now),
        "today" => return Some(today),
        "yesterday" => return today.checked_sub_days(Days::new(1)).or(Some(today)),
        _ => {}
    }
    let unit = value.chars().next_back()?;
    let count: i64 = value.strip_suffix(unit)?.parse().ok().filter(|count| (1..=100_000).contains(count))?;
    let ago = match unit {
        'm' => TimeDelta::minutes(count),
        'h' => TimeDelta::hours(count),
        'd' => TimeDelta::days(count),
        'w' => TimeDelta::weeks(count),
        _ => return None,
    };
    Some(now.checked_sub_signed(ago).unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH))
}

fn counters() -> impl Iterator<Item = &'static str> {
    Counters::FLAGS.iter().chain(Counters::COUNTS).copied()
}

fn categories() -> Vec<&'static str> {
    Category::ALL.map(Category::as_str).to_vec()
}

/// A category in words without its underscores, such as `invalid recipient`.
pub(super) fn category_of(typed: &str) -> Option<Misunderstood> {
    let words: Vec<&str> = typed.split_whitespace().collect();
    let category = Category::parse(&words.join("_").to_lowercase()).filter(|_| words.len() > 1)?;
    Some(Misunderstood {
        part: quoted(typed.trim()),
        help: format!("Did you mean “bounce:{}”?", category.as_str()),
    })
}

fn is_word_of(value: &str, category: Category) -> bool {
    category.as_str().split('_').any(|word| word.len() > 2 && word == value.to_lowercase())
}

/// Where no category is near: which classes and categories there are.
fn bounces(value: &str, fault: Misunderstood) -> Misunderstood {
    if fault.help.contains("Did you mean") {
        return fault;
    }
    let critical = Category::ALL.into_iter().filter(|category| category.is_critical()).map(Category::as_str);
    let help = match value.to_lowercase().as_str() {
        "critical" => format!("Critical are, one at a time: {}.", critical.collect::<Vec<_>>().join(", ")),
        _ => format!(
            "“bounce:” takes a class (hard, soft, block or undetermined) or a category: {}.",
            categories().join(", ")
        ),
    };
    Misunderstood { help, ..fault }
}

fn one_of(word: Word, value: &str, known: &[&'static str]) -> Result<Term, Misunderstood> {
    let name = value.to_lowercase().replace(['-', ' '], "_");
    if let Some(known) = known.iter().find(|known| **known == name) {
        return Ok(Term { word, value: (*known).to_owned() });
    }
    let typed = word.typed();
    let help = match nearest(&name, known.iter().copied()) {
        Some(guess) => format!("“{typed}:” does not know it. Did you mean “{typed}:{guess}”?"),
        None => format!("“{typed}:” takes one of {}.", known[..known.len().min(12)].join(", ")),
    };
    Err(misunderstood(typed, value, help))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(name, known);
    known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|guess| likeness(guess) >= LEAST_LIKENESS)
}

fn misunderstood(typed: &str, value: &str, help: String) -> Misunderstood {
    let shown: String = value.chars().take(100).collect();
    Misunderstood { part: format!("{typed}:{}", quoted(&shown)), help }
}
