//! What in a page's address is not understood, in words: parameters that the page does not know, and words outside
//! closed lists. Whoever mistypes one must not take everything for what was asked for.

use std::collections::BTreeSet;

use super::cut;
use crate::domain::id::MessageId;
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::suppression::{Blocks, Reason};
use crate::inbox::OUTCOMES;
use crate::queries::Word;

/// Faults that are told at once.
const MOST_TOLD: usize = 10;
/// A guess further from what was given explains nothing (1 is the same).
const LEAST_LIKENESS: f64 = 0.75;
/// What every page knows: the range, what was just done, the place in a list and what is searched for.
const EVERYWHERE: [&str; 9] = ["range", "from", "to", "after", "before", "done", "at", "q", "cursor"];
/// Where webhooks can have come from.
pub const SOURCES: [&str; 2] = ["webhook", "events_api"];

/// Every fault of this page's parameters, for a reader.
pub fn faults(page: &str, query: &[(String, String)]) -> Vec<String> {
    let known: BTreeSet<&str> = known(page).into_iter().collect();
    let given: BTreeSet<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
    let strangers = given.into_iter().filter(|name| !known.contains(name)).map(|name| {
        let guess = match nearest(name, known.iter().copied()) {
            Some(guess) => format!(" Did you mean “{guess}”?"),
            None => String::new(),
        };
        format!("This page knows no parameter “{}”, and leaves it out.{guess}", shown(name))
    });
    let words = query.iter().filter(|(_, value)| !value.trim().is_empty()).filter_map(|(name, value)| {
        let (name, value) = (name.as_str(), value.trim());
        match (page, name) {
            ("webhooks", "message_id") if value.parse::<MessageId>().is_err() => {
                Some("“message_id” is no id of a mail: msg_ and 32 digits of 0-9 and a-f.".to_owned())
            }
            ("webhooks", "outcome") => one_of(name, value, &OUTCOMES).err(),
            ("webhooks", "source") => one_of(name, value, &SOURCES).err(),
            ("suppressions", "reason") => one_of(name, value, &Reason::ALL.map(Reason::as_str)).err(),
            ("suppressions", "blocks") => {
                one_of(name, value, &[Blocks::Everything, Blocks::Bulk].map(Blocks::as_str)).err()
            }
            ("suppressions", "status") => one_of(name, value, &["active", "lifted"]).err(),
            _ => None,
        }
    });
    strangers.chain(words).take(MOST_TOLD).collect()
}

/// The name of a mailbox provider, if it is one.
pub fn mailbox_provider(value: &str) -> Result<&'static str, String> {
    one_of("mailbox_provider", value, &MailboxProvider::ALL.map(MailboxProvider::as_str))
}

fn known(page: &str) -> Vec<&'static str> {
    let own: &[&str] = match page {
        "webhooks" => &["outcome", "source", "message_id"],
        "webhooks/replay" => &["id", "since", "outcome"],
        "suppressions" => &["address", "reason", "blocks", "status"],
        "suppressions/lift" => &["id"],
        _ if page.ends_with("/preview") => &["part"],
        _ => &[],
    };
    let searched = page.starts_with("messages").then(Word::parameters).into_iter().flatten();
    EVERYWHERE.into_iter().chain(cut::filters()).chain(own.iter().copied()).chain(searched).collect()
}

/// The word of a closed list that was given, or which there are.
fn one_of(name: &str, value: &str, known: &[&'static str]) -> Result<&'static str, String> {
    if let Some(known) = known.iter().copied().find(|known| *known == value) {
        return Ok(known);
    }
    let guess = match nearest(&value.to_lowercase(), known.iter().copied()) {
        Some(guess) => format!("Did you mean “{guess}”?"),
        None => format!("It is one of {}.", known.join(", ")),
    };
    Err(format!("“{name}” does not know “{}”, and is left out. {guess}", shown(value)))
}

fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(given, known);
    known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|guess| likeness(guess) >= LEAST_LIKENESS)
}

/// So much of it as shows what is meant; what looks like an address is not repeated.
fn shown(given: &str) -> String {
    match given.contains('@') {
        true => "…@…".to_owned(),
        false => given.chars().filter(|c| !c.is_control()).take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(page: &str, query: &str) -> Vec<String> {
        let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        faults(page, &query)
    }

    #[test]
    fn what_is_known_is_no_fault() {
        for (page, query) in [
            ("", "range=7d&template=x&mailbox_provider=gmail"),
            ("messages", "q=x&flag=opened&failure_category=greylisted&cursor=x&after=24h"),
            ("messages/msg_1", "q=x&cursor=y&done=resent&at=msg_2&from=2026-01-05"),
            ("messages/msg_1/preview", "part=text"),
            ("webhooks", "outcome=failed&source=webhook&message_id="),
            ("webhooks/replay", "id=whk_1&id=whk_2&since=2026-01-05&outcome="),
            ("suppressions", "address=ada&reason=manual&blocks=bulk&status=active"),
            ("suppressions/lift", "id=sup_1"),
        ] {
            assert_eq!(told(page, query), Vec::<String>::new(), "{page}?{query}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_with_what_was_probably_meant() {
        for (page, query, words) in [
            ("", "mailbox_providr=gmail", "Did you mean “mailbox_provider”?"),
            ("bounces", "xyzzy=1", "knows no parameter “xyzzy”"),
            ("", "a%40b.test=1", "“…@…”"),
            ("webhooks", "outcome=procesed", "Did you mean “processed”?"),
            ("webhooks", "source=carrier-pigeon", "one of webhook, events_api"),
            ("webhooks", "message_id=7", "no id of a mail"),
            ("suppressions", "reason=hard-bounce", "Did you mean “hard_bounce”?"),
            ("suppressions", "blocks=nothing-at-all", "“blocks” does not know"),
            ("suppressions", "status=lifed", "Did you mean “lifted”?"),
        ] {
            let told = told(page, query);
            assert_eq!(told.len(), 1, "{page}?{query}: {told:?}");
            assert!(told[0].contains(words), "{told:?}");
        }
        assert_eq!(mailbox_provider("gmail"), Ok("gmail"));
        assert!(mailbox_provider("gmial").unwrap_err().contains("“gmail”"));
    }
}
