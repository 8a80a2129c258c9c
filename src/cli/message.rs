//! `backstamp message`: what became of one mail, or of a reset or a verification and its mails, for whoever is asked
//! about it; and which mails there were to an address. Reads what operators read elsewhere; an address is shown only when that is asked for, and then on record.

use std::io::{self, Write};
use std::str::FromStr;

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value as Json;

use super::output::{say, show};
use super::table::{aligned, printable};
use crate::disclosures::{Disclosures, Kind};
use crate::domain::address::EmailAddress;
use crate::domain::bounce::Category;
use crate::domain::id::{MessageId, RequestId, VerificationId};
use crate::domain::message::Message;
use crate::domain::one_time_link::LinkRequestId;
use crate::event_log::{EventLog, Streams};
use crate::queries::{MessageFilter, MessageSummary, Queries, ResetSummary, TimelineEntry};

/// Who is written down as the one who was shown an address.
const WHO: &str = "cli";
/// Mails to an address that are listed.
const NEWEST: usize = 50;

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The id of a mail (`msg_…`), or of a reset (`rst_…`) or a verification (`ver_…`); or an address, for a list of the
    /// newest mails to it.
    #[arg(value_name = "ID|EMAIL")]
    pub subject: Subject,
    /// Show the recipient's address. That it was shown is recorded.
    #[arg(long)]
    pub reveal: bool,
    /// Write it as JSON, as the API answers.
    #[arg(long)]
    pub json: bool,
}

/// What has a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Message(MessageId),
    Request(LinkRequestId),
    Recipient(EmailAddress),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Ok(Self::Message(id));
        }
        if let Ok(id) = text.parse::<RequestId>() {
            return Ok(Self::Request(id.into()));
        }
        if let Ok(id) = text.parse::<VerificationId>() {
            return Ok(Self::Request(id.into()));
        }
        if let Ok(address) = EmailAddress::parse(text) {
            return Ok(Self::Recipient(address));
        }
        let hint = match text.split_once('_') {
            Some(("msg" | "rst" | "ver", _)) => "32 digits of 0-9 and a-f follow the underscore",
            Some(("whk", _)) => "a stored webhook is shown by GET /v1/webhooks/{id}",
            Some(("evt", _)) => {
                "a single event is shown by `backstamp tail --json`, with the mail that it is about"
            }
            _ if text.contains('@') => "nor is it a whole address",
            _ => "it starts with msg_ (a mail), rst_ (a reset) or ver_ (a verification)",
        };
        Err(format!("that is no id of what has a story: {hint}"))
    }
}

/// What is told.
#[derive(Debug, Default, Serialize)]
struct Story {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_reset: Option<ResetSummary>,
    /// Unmasked; there only when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    timeline: Vec<TimelineEntry>,
}

/// Tells the story to standard output.
pub async fn run(
    queries: &Queries,
    log: &EventLog,
    disclosures: &Disclosures,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let mut story = match &arguments.subject {
        Subject::Recipient(address) => return list(queries, log, address, arguments).await,
        Subject::Message(id) => of_message(queries, *id).await?,
        Subject::Request(_) if arguments.reveal => {
            bail!("a mail shows its recipient: --reveal goes with an id that starts with msg_")
        }
        Subject::Request(id) => of_request(queries, *id).await?,
    };
    if let Subject::Message(id) = arguments.subject
        && arguments.reveal
    {
        story.address = Some(reveal(log, disclosures, id).await?);
    }
    let out = io::stdout().lock();
    let told = if arguments.json { tell_json(&story, out) } else { story.tell(log.clock().now(), out) };
    match told {
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => Ok(told?),
    }
}

/// The newest mails to an address, which whoever asks knows already.
async fn list(
    queries: &Queries,
    log: &EventLog,
    address: &EmailAddress,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let recipient_key = Some(log.keyring().index().stream_key(address).to_string());
    let filter = MessageFilter { recipient_key, ..MessageFilter::default() };
    let page = queries.messages(&filter, NEWEST, None).await?;
    if arguments.json {
        return Ok(say(serde_json::to_string_pretty(&page)?)?);
    }
    if page.data.is_empty() {
        bail!("there was no mail to this address");
    }
    let now = log.clock().now();
    let rows = page.data.iter().map(|message| {
        let requested = message.requested_at.map_or("-".to_owned(), |at| moment(at, now));
        let why = message.bounce.as_ref().map_or("", |bounce| bounce.category.as_str());
        [
            message.id.clone(),
            requested,
            printable(&message.template),
            serde_word(&message.outcome),
            why.to_owned(),
        ]
    });
    show(aligned(["ID", "REQUESTED", "TEMPLATE", "OUTCOME", "WHY"], rows))?;
    if page.next_cursor.is_some() {
        say(format_args!("These are the newest {NEWEST}; GET /v1/messages?recipient=… has them all."))?;
    }
    Ok(())
}

async fn of_message(queries: &Queries, id: MessageId) -> anyhow::Result<Story> {
    let message = queries.message(id).await?;
    let message = message.with_context(|| format!("there is no mail {id} here"))?;
    Ok(Story { message: Some(message), timeline: queries.message_timeline(id).await?, ..Story::default() })
}

async fn of_request(queries: &Queries, id: LinkRequestId) -> anyhow::Result<Story> {
    let timeline = queries.request_timeline(id).await?;
    let password_reset = match id {
        LinkRequestId::PasswordReset(id) => queries.reset(id).await?,
        LinkRequestId::EmailVerification(_) => None,
    };
    if timeline.is_empty() && password_reset.is_none() {
        bail!("there is no request {id} here");
    }
    Ok(Story { password_reset, timeline, ..Story::default() })
}

/// The recipient, once it is written down that it was shown.
async fn reveal(log: &EventLog, disclosures: &Disclosures, id: MessageId) -> anyhow::Result<String> {
    let message = Streams::<Message>::new(log.clone()).reload(&id.to_string()).await?.aggregate;
    let requested = message.request().context("the mail is not in the log")?;
    let address = requested.recipient.known().context("the recipient was erased")?;
    disclosures.record(WHO, Kind::Message, &id.to_string()).await?;
    Ok(address.as_str().to_owned())
}

fn tell_json(story: &Story, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, story)?;
    out.write_all(b"\n")
}

impl Story {
    fn tell(&self, now: DateTime<Utc>, mut out: impl Write) -> io::Result<()> {
        if let Some(message) = &self.message {
            tell_message(message, self.address.as_deref(), now, &mut out)?;
        }
        if let Some(reset) = &self.password_reset {
            tell_reset(reset, now, &mut out)?;
        }
        tell_timeline(&self.timeline, &mut out)?;
        self.tell_failure(&mut out)
    }

    /// Why it failed or is late. Of a request, why its mails did, if none has arrived since.
    fn tell_failure(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(unsent) = self.message.as_ref().and_then(MessageSummary::unsent) {
            writeln!(out, "\nWhy\n  {}", unsent.meaning)?;
            if let Some(said) = unsent.said {
                fact(out, "said", &printable(said))?;
            }
            return fact(out, "advice", unsent.advice);
        }
        let failed = |entry: &&TimelineEntry| entry.meta.contains_key("category");
        let failure = match &self.message {
            Some(message) => message.failure(&self.timeline),
            None => {
                let mut latest = self.timeline.iter().rev();
                latest.find(|entry| failed(entry) || entry.kind == "delivered").filter(failed)
            }
        };
        let Some(meta) = failure.map(|entry| &entry.meta) else { return Ok(()) };
        let word = |name: &str| meta.get(name).and_then(Json::as_str);
        let Some(category) = word("category").and_then(Category::parse) else { return Ok(()) };
        let critical = if category.is_critical() { ", critical" } else { "" };
        writeln!(out, "\nWhy")?;
        writeln!(out, "  {}: {}", category.as_str(), category.meaning())?;
        fact(out, "class", &format!("{}{critical}", category.class().as_str()))?;
        if let Some(said) = word("diagnostic") {
            fact(out, "said", &printable(said))?;
        }
        fact(out, "advice", category.advice())?;
        match word("rule") {
            Some(rule) => fact(out, "rule", rule),
            None => Ok(()),
        }
    }
}

fn tell_message(
    message: &MessageSummary,
    address: Option<&str>,
    now: DateTime<Utc>,
    out: &mut impl Write,
) -> io::Result<()> {
    let erased = "somebody who was erased";
    let recipient = address.or(message.recipient.as_deref()).unwrap_or(erased);
    writeln!(out, "{}  {} to {}\n", message.id, printable(&message.template), printable(recipient))?;
    let why = message.bounce.as_ref().map(|bounce| bounce.meaning);
    let sentence = [Some(message.explanation), why].into_iter().flatten().collect::<Vec<_>>().join(" ");
    writeln!(out, "  {sentence}\n")?;

    fact(out, "outcome", &serde_word(&message.outcome))?;
    for (name, at) in [
        ("requested", message.requested_at),
        ("sent", message.sent_at),
        ("deferred", message.first_deferred_at),
        ("delivered", message.delivered_at),
        ("bounced", message.bounced_at),
        ("suppressed", message.suppressed_at),
        ("rejected", message.rejected_at),
        ("canceled", message.canceled_at),
        ("opened", message.first_human_open_at),
        ("clicked", message.first_human_click_at),
        ("completed", message.completed_at),
        ("complained", message.complained_at),
        ("unsubscribed", message.unsubscribed_at),
    ] {
        if let Some(at) = at {
            fact(out, name, &moment(at, now))?;
        }
    }
    if let Some(suppressed) = &message.suppression {
        fact(out, "held back", &format!("by {}, after a {}", suppressed.by, suppressed.reason))?;
    }
    if message.deferrals > 1 {
        fact(out, "deferrals", &message.deferrals.to_string())?;
    }
    let machines = message.opens_machine + message.clicks_machine;
    if machines > 0 {
        fact(out, "machines", &format!("looked at it {machines} times, which counts as nobody"))?;
    }
    let mailbox = format!("{} at {}", printable(&message.recipient_domain), message.mailbox_provider);
    fact(out, "mailbox", &mailbox)?;
    fact(out, "went by", &message.provider)?;
    let of = message.password_reset_id.as_ref().or(message.email_verification_id.as_ref());
    of.map_or(Ok(()), |id| fact(out, "belongs to", id))
}

fn tell_reset(reset: &ResetSummary, now: DateTime<Utc>, out: &mut impl Write) -> io::Result<()> {
    let recipient = reset.recipient.as_deref().unwrap_or("somebody who was erased");
    writeln!(out, "{}  a password reset for {}\n", reset.id, printable(recipient))?;
    let reason = reset.reason.as_deref().map(|reason| format!(" ({})", printable(reason)));
    fact(out, "status", &format!("{}{}", reset.status, reason.unwrap_or_default()))?;
    for (name, at) in [
        ("requested", reset.requested_at),
        ("visited", reset.visited_at),
        ("completed", reset.completed_at),
        ("link until", reset.expires_at),
    ] {
        if let Some(at) = at {
            fact(out, name, &moment(at, now))?;
        }
    }
    reset.message_id.as_ref().map_or(Ok(()), |id| fact(out, "mail", id))
}

fn tell_timeline(timeline: &[TimelineEntry], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nTimeline (UTC)")?;
    let mut before: Option<DateTime<Utc>> = None;
    for entry in timeline {
        let gap = before.map_or(String::new(), |before| format!("+{}", span(entry.at - before)));
        let actor = match entry.meta.get("actor").and_then(Json::as_str) {
            Some(actor) => format!(" [{actor}]"),
            None => String::new(),
        };
        let at = entry.at.format("%Y-%m-%d %H:%M:%S%.3f");
        writeln!(out, "  {at}  {gap:>12}  {:18} {}{actor}", entry.kind, printable(&entry.text))?;
        before = Some(entry.at);
    }
    Ok(())
}

fn fact(out: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {name:12} {value}")
}

/// The word that the API has for it.
fn serde_word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}

fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let instant = at.format("%Y-%m-%d %H:%M:%S UTC");
    match now - at {
        age if age < TimeDelta::zero() => format!("{instant}, in {}", span(-age)),
        age => format!("{instant}, {} ago", span(age)),
    }
}

/// A span of time in its two largest units.
fn span(span: TimeDelta) -> String {
    if span < TimeDelta::zero() {
        return format!("-{}", self::span(-span));
    }
    let (milliseconds, seconds) = (span.num_milliseconds(), span.num_seconds());
    let two = |first: i64, unit: &str, second: i64, part: &str| match second {
        0 => format!("{first} {unit}"),
        second => format!("{first} {unit} {second} {part}"),
    };
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..10 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        for (milliseconds, told) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (12_900, "12 s"),
            (60_000, "1 min"),
            (184_000, "3 min 4 s"),
            (7_500_000, "2 h 5 min"),
            (3 * 86_400_000 + 7_200_000, "3 d 2 h"),
            (-1_250, "-1.2 s"),
        ] {
            assert_eq!(span(TimeDelta::milliseconds(milliseconds)), told);
        }
    }

    #[test]
    fn an_id_says_what_it_names_and_a_wrong_one_what_would_do() {
        let id = "0".repeat(32);
        assert!(matches!(format!("msg_{id}").parse(), Ok(Subject::Message(_))));
        assert!(matches!(format!("rst_{id}").parse(), Ok(Subject::Request(LinkRequestId::PasswordReset(_)))));
        assert!(matches!(
            format!("ver_{id}").parse(),
            Ok(Subject::Request(LinkRequestId::EmailVerification(_)))
        ));
        assert!(matches!("ada@example.test".parse(), Ok(Subject::Recipient(_))));
        for (wrong, hint) in [
            ("msg_1", "32 digits"),
            ("whk_1", "/v1/webhooks"),
            ("ada@", "whole address"),
            ("x", "starts with msg_"),
        ] {
            let told = wrong.parse::<Subject>().unwrap_err();
            assert!(told.contains(hint), "{wrong}: {told}");
        }
    }
}
