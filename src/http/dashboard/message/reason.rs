//! Why a mail went no further where no receiving server has said why: it was refused, canceled or held back, or
//! nothing was heard of it.

use chrono::TimeDelta;
use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::desk::Desk;
use super::super::listing::ROWS;
use super::super::number::Moment;
use crate::domain::delivery::Status;
use crate::queries::{MessageSummary, Suppressed, SuppressionFilter};

/// Webhooks are expected within seconds: later than this, nothing that was heard is something to look at.
const SILENCE: TimeDelta = TimeDelta::minutes(10);
/// When the provider was asked for the last time, as a rule.
const ASKED_LAST: TimeDelta = TimeDelta::days(3);

/// Why, and what to do about it.
#[derive(Debug, Serialize)]
pub struct Reason {
    title: &'static str,
    meaning: String,
    /// In somebody else's words, masked.
    said: Option<String>,
    advice: &'static str,
    href: Option<String>,
    link: &'static str,
}

impl Reason {
    /// None where it went on, or a receiving server has said why not.
    pub fn of(desk: &Desk, message: &MessageSummary, evidence: Option<&str>) -> Option<Self> {
        match (message.outcome, message.unsent(), message.suppression.as_ref()) {
            (Status::Suppressed, _, Some(held)) => Some(Self::held(desk, held, evidence)),
            (Status::Sent, ..) => Self::silence(desk, message),
            (_, Some(unsent), _) => Some(Self {
                title: if message.outcome == Status::Rejected {
                    "Why it failed"
                } else {
                    "Why it was not sent"
                },
                meaning: unsent.meaning.to_owned(),
                said: unsent.said.map(str::to_owned),
                advice: unsent.advice,
                href: None,
                link: "",
            }),
            _ => None,
        }
    }

    fn held(desk: &Desk, held: &Suppressed, evidence: Option<&str>) -> Self {
        let reason = match held.reason.as_str() {
            "bounce" => "mail to it had bounced for good",
            "complaint" => "its owner had called mail spam",
            "unsubscribe" => "its owner wanted no more mail",
            "manual" => "an operator had decided so",
            _ => "no reason was told",
        };
        let (meaning, advice) = if held.by == "us" {
            (
                format!("We held it back from this address: {reason}."),
                "If the cause is gone, lift the suppression and let the person ask for a new mail; if the address is \
                 wrong, have it corrected.",
            )
        } else {
            (
                format!("The mail provider has this address on a list of its own: {reason}."),
                "Take the address off the provider’s list of bounces, complaints or unsubscribes, if the cause is gone, \
                 and lift the suppression here.",
            )
        };
        let href = evidence.map(|id| desk.link(&format!("messages/{id}"), []));
        Self {
            title: "Why it was not sent",
            meaning,
            said: None,
            advice,
            href,
            link: "The mail that is the evidence",
        }
    }

    fn silence(desk: &Desk, message: &MessageSummary) -> Option<Self> {
        let sent_at = message.sent_at?;
        let silent = desk.now - sent_at;
        let ago = Moment::of(sent_at, desk.now).ago;
        let reason = |meaning, advice| Self {
            title: "Why nothing more is known",
            meaning,
            said: None,
            advice,
            href: Some(desk.link("", [])),
            link: "Whether webhooks arrive",
        };
        if message.provider == "smtp" {
            let meaning = format!("The mail server took it {ago}. A mail server tells nothing afterwards.");
            let advice = "Look for its id in the log of the mail server; what bounces later comes back to the sender’s \
                          address.";
            return Some(Self { href: None, ..reason(meaning, advice) });
        }
        let asked = "The provider is asked by itself: 15 minutes after the hand-over (BACKSTAMP_SILENT_AFTER), and again \
                     after one, six and 23 hours and after three days";
        match silent {
            silent if silent < SILENCE => None,
            silent if silent < ASKED_LAST => Some(reason(
                format!(
                    "The provider took it {ago}, and no webhook came since. {asked}; what it tells then shows here."
                ),
                "If other mails are silent too, webhooks do not arrive: the overview’s sign says what to do. If it is \
                 this one alone, wait for the next question, or look for it in the provider’s own log. Asking needs an \
                 account key: with a domain sending key nobody is asked.",
            )),
            _ => Some(reason(
                format!(
                    "The provider took it {ago}, and neither did a webhook come, nor did it know anything. {asked}. \
                         It is asked no more."
                ),
                "Look for it in the provider’s own log, if that goes back so far. Whether it arrived will stay unknown: \
                 let the person ask for a new one.",
            )),
        }
    }
}

/// The mail that is the evidence why this one was held back.
pub async fn evidence(
    desk: &Desk,
    message: &MessageSummary,
    recipient_key: &str,
) -> Result<Option<String>, Problem> {
    let Some(suppressed_at) = message.suppressed_at else { return Ok(None) };
    let mut known = vec![];
    for is_lifted in [false, true] {
        let recipient_key = Some(recipient_key.to_owned());
        let filter = SuppressionFilter { recipient_key, is_lifted, ..SuppressionFilter::default() };
        known.extend(desk.state().queries.suppressions(&filter, ROWS, None).await?.data);
    }
    let before = known.into_iter().filter(|held| held.since.is_some_and(|since| since <= suppressed_at));
    let latest = before.filter(|held| held.message_id.as_ref().is_some_and(|id| *id != message.id));
    Ok(latest.max_by_key(|held| held.since).and_then(|held| held.message_id))
}
