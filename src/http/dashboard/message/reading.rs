//! Who opened a mail and followed its links, as far as anyone can tell: people and machines apart, with the rules that
//! found the machines.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::super::words;
use crate::queries::TimelineEntry;

/// One way of reading.
#[derive(Debug, Serialize)]
pub struct Reading {
    what: &'static str,
    people: usize,
    machines: usize,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    words: &'static str,
    times: usize,
}

/// Every way in which it was read; none if nobody was seen.
pub fn all(entries: &[TimelineEntry]) -> Vec<Reading> {
    let kinds = [("opened", "Opened"), ("clicked", "Link followed"), ("link_visited", "Our page visited")];
    let readings = kinds.into_iter().map(|(kind, what)| {
        let of_kind: Vec<_> = entries.iter().filter(|entry| entry.kind == kind).collect();
        let by =
            |entry: &TimelineEntry, who: &str| entry.meta.get("actor").and_then(Value::as_str) == Some(who);
        let mut rules = BTreeMap::<&str, usize>::new();
        for entry in &of_kind {
            if let Some(rule) = entry.meta.get("actor_rule").and_then(Value::as_str) {
                *rules.entry(words::rule(rule)).or_default() += 1;
            }
        }
        Reading {
            what,
            people: of_kind.iter().filter(|entry| by(entry, "person")).count(),
            machines: of_kind.iter().filter(|entry| by(entry, "machine")).count(),
            rules: rules.into_iter().map(|(words, times)| Rule { words, times }).collect(),
        }
    });
    readings.filter(|reading| reading.people + reading.machines > 0).collect()
}
