//! A timeline as operators read it: what happened, how long after what came before, who made it known, and what was
//! reported in its own words.

use serde::Serialize;
use serde_json::Value;

use super::super::desk::Desk;
use super::super::number::{Moment, span};
use super::super::words::{self, named};
use crate::inbox::WebhookDetail;
use crate::queries::TimelineEntry;

/// Events that are shown; opens are without end.
const MOST: usize = 150;
/// What is told elsewhere on the page, or in words.
const NOT_NOTED: [&str; 7] =
    ["explanation", "advice", "actor", "actor_rule", "message_id", "critical", "visit"];

/// One event.
#[derive(Debug, Serialize)]
pub struct Event {
    pub at: Moment,
    /// Since the event before it.
    pub gap: Option<String>,
    pub kind: String,
    pub text: String,
    pub level: &'static str,
    pub source: &'static str,
    /// `person` or `machine`, where somebody looked.
    pub actor: Option<String>,
    pub actor_rule: Option<&'static str>,
    pub notes: Vec<Note>,
    /// The mail, in a timeline of several.
    pub message: Option<String>,
    pub report: Option<Report>,
}

/// Something else that is known.
#[derive(Debug, Serialize)]
pub struct Note {
    label: String,
    value: String,
}

/// What the provider told, in its own words.
#[derive(Debug, Serialize)]
pub struct Report {
    href: String,
    id: String,
    received: Option<Moment>,
    steps: Vec<Step>,
    json: Option<String>,
}

/// A check that it went through.
#[derive(Debug, Serialize)]
pub struct Step {
    pub name: &'static str,
    pub level: &'static str,
    pub word: &'static str,
    pub detail: String,
}

/// The first events with what was reported of them, and how many there are beyond.
pub fn events(
    desk: &Desk,
    entries: &[TimelineEntry],
    mut reports: Vec<WebhookDetail>,
) -> (Vec<Event>, usize) {
    let mut before = None;
    let events = entries.iter().take(MOST).map(|entry| {
        let gap = before.replace(entry.at).map(|before| (entry.at - before).as_seconds_f64());
        let gap = gap.filter(|gap| *gap >= 0.05).map(span);
        let place = reports.iter().position(|report| is_about(report, entry));
        event(desk, entry, gap, place.map(|place| reports.remove(place)))
    });
    (events.collect(), entries.len().saturating_sub(MOST))
}

fn event(desk: &Desk, entry: &TimelineEntry, gap: Option<String>, report: Option<WebhookDetail>) -> Event {
    let text = |name: &str| entry.meta.get(name).and_then(Value::as_str).map(str::to_owned);
    let notes = entry.meta.iter().filter(|(name, _)| !NOT_NOTED.contains(&name.as_str()));
    let notes = notes.map(|(name, value)| Note { label: named(name), value: plain(value) });
    let kinds_of_reading = ["opened", "clicked", "link_visited"];
    Event {
        at: Moment::of(entry.at, desk.now),
        gap,
        kind: named(&entry.kind),
        text: entry.text.clone(),
        level: words::level(&entry.kind),
        source: words::source(&entry.source),
        actor: text("actor").filter(|_| kinds_of_reading.contains(&entry.kind.as_str())),
        actor_rule: text("actor_rule").as_deref().map(words::rule),
        notes: notes.collect(),
        message: text("message_id").map(|id| desk.link(&format!("messages/{id}"), [])),
        report: report.map(|report| Report::of(desk, report)),
    }
}

/// Whether it told of this: the same instant, and a kind that leads to it.
fn is_about(report: &WebhookDetail, entry: &TimelineEntry) -> bool {
    let kinds: &[&str] = match report.summary.event.as_deref() {
        Some("permanent_fail") => &["bounced", "suppressed"],
        Some("temporary_fail") => &["deferred"],
        Some("accepted") => &["sent"],
        Some("delivered") => &["delivered"],
        Some("opened") => &["opened"],
        Some("clicked") => &["clicked"],
        Some("complained") => &["complained"],
        Some("unsubscribed") => &["unsubscribed"],
        Some("rejected") => &["rejected"],
        _ => &[],
    };
    report.summary.event_at == Some(entry.at) && kinds.contains(&entry.kind.as_str())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Report {
    fn of(desk: &Desk, webhook: WebhookDetail) -> Self {
        Self {
            href: desk.link(&format!("webhooks/{}", webhook.summary.id), []),
            received: webhook.summary.received_at.map(|at| Moment::of(at, desk.now)),
            steps: steps(&webhook),
            json: webhook.body.as_ref().and_then(|body| serde_json::to_string_pretty(body).ok()),
            id: webhook.summary.id,
        }
    }
}

/// The checks, each with a word for what came of it.
pub fn steps(webhook: &WebhookDetail) -> Vec<Step> {
    let steps = webhook.verification.iter().map(|step| {
        let (level, word) = match step.ok {
            Some(true) => ("good", "holds"),
            Some(false) => ("bad", "fails"),
            None => ("quiet", "open"),
        };
        Step { name: step.step, level, word, detail: step.detail.clone() }
    });
    steps.collect()
}
