//! `backstamp tail`: events as they are written, one line each, for a terminal or a pipe. Misses none; shows no
//! address unmasked.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::keys::span;
use super::table::printable;
use crate::domain::delivery::Status;
use crate::domain::message::Message;
use crate::event_log::{EventLog, StreamError, Streams};
use crate::queries::{Feed, FeedEntry, QueryError};

/// Events that are read at a time.
const PAGE: usize = 500;
/// Without a notification it looks again after this time; on SQLite this is all there is.
const POLL: Duration = Duration::from_millis(250);
/// After a failure of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Which events.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Only of mails from this template; may be given several times.
    #[arg(long = "template", value_name = "NAME")]
    pub templates: Vec<String>,
    /// Only what means this outcome; may be given several times.
    #[arg(long = "outcome", value_parser = outcomes())]
    pub outcomes: Vec<String>,
    /// Also what was written within this time, such as 30m, 1h or 2d.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub since: Option<TimeDelta>,
    /// Write each event as a JSON object on a line of its own.
    #[arg(long)]
    pub json: bool,
}

/// What can become of a mail besides the words of its status.
const MORE: [&str; 5] = ["opened", "clicked", "completed", "complained", "unsubscribed"];

fn outcomes() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str).into_iter().chain(MORE))
}

/// An event with what is known of the mail that it is about.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    entry: FeedEntry,
    template: Option<String>,
    /// Masked.
    recipient: Option<String>,
}

/// Follows the log until the reader goes away. Stop it by dropping it.
pub async fn run(log: &EventLog, arguments: &Arguments) -> anyhow::Result<()> {
    let (feed, messages) = (Feed::new(log.clone()), Streams::<Message>::new(log.clone()));
    let mut news = feed.news();
    let mut position = match arguments.since {
        Some(since) => feed.position_before(log.clock().now() - since).await?,
        None => feed.last_position().await?,
    };
    loop {
        let page = match read(&feed, &messages, position).await {
            Ok(page) => page,
            Err(Failure::Passing(error)) => {
                tracing::warn!(%error, "the log cannot be read now; looking again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(Failure::Lasting(error)) => return Err(error),
        };
        let Some(last) = page.last() else {
            // Whether woken or not: look.
            let _ = tokio::time::timeout(POLL, news.changed()).await;
            continue;
        };
        position = last.entry.position;
        match write(page.iter().filter(|line| arguments.asks_for(line)), arguments.json) {
            // The reader has gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}

enum Failure {
    /// The database comes back.
    Passing(anyhow::Error),
    Lasting(anyhow::Error),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let passes = matches!(&error, QueryError::Database(error) if error.is_transient());
        if passes { Self::Passing(error.into()) } else { Self::Lasting(error.into()) }
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        let passes = matches!(&error, StreamError::Database(error) if error.is_transient());
        if passes { Self::Passing(error.into()) } else { Self::Lasting(error.into()) }
    }
}

/// The next events, with what the log says of their mails: read models may be behind.
async fn read(feed: &Feed, messages: &Streams<Message>, position: i64) -> Result<Vec<Line>, Failure> {
    let page = feed.after(position, PAGE).await?.data;
    let ids: Vec<String> = page.iter().filter_map(|entry| entry.message_id.clone()).collect();
    let known = messages.load_many(&ids).await?;
    let known: HashMap<_, _> = known
        .into_iter()
        .filter_map(|(id, loaded)| {
            let requested = loaded.aggregate.request()?;
            let recipient = requested.recipient.known().map(|address| address.masked());
            Some((id, (requested.template.clone(), recipient)))
        })
        .collect();
    let line = |entry: FeedEntry| {
        let of = entry.message_id.as_ref().and_then(|id| known.get(id)).cloned();
        let (template, recipient) = of.unzip();
        Line { entry, template, recipient: recipient.flatten() }
    };
    Ok(page.into_iter().map(line).collect())
}

fn write<'a>(lines: impl Iterator<Item = &'a Line>, as_json: bool) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        if as_json {
            serde_json::to_writer(&mut out, line)?;
            out.write_all(b"\n")?;
        } else {
            line.tell(&mut out)?;
        }
    }
    out.flush()
}

impl Arguments {
    fn asks_for(&self, line: &Line) -> bool {
        let of_template = || line.template.as_ref().is_some_and(|template| self.templates.contains(template));
        let means_one = || self.outcomes.iter().any(|outcome| line.means(outcome));
        (self.templates.is_empty() || of_template()) && (self.outcomes.is_empty() || means_one())
    }
}

impl Line {
    /// Whether it is the event by which a mail comes to this outcome.
    fn means(&self, outcome: &str) -> bool {
        match outcome {
            "queued" => self.entry.r#type == "message.requested",
            "sent" | "deferred" | "delivered" | "bounced" | "suppressed" | "rejected" | "canceled" => {
                self.entry.r#type.strip_prefix("message.") == Some(outcome)
            }
            _ => self.entry.kind == outcome,
        }
    }

    fn tell(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { entry, template, recipient } = self;
        let at = entry.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let (recipient, template) = (recipient.as_deref().unwrap_or("-"), template.as_deref().unwrap_or("-"));
        let text = entry.text.as_deref().unwrap_or(&entry.r#type);
        let why = entry.meta.get("category").and_then(|category| category.as_str());
        let why = why.map_or(String::new(), |why| format!(" ({why})"));
        let mail = entry.message_id.as_ref().map_or(String::new(), |id| format!("  {id}"));
        writeln!(
            out,
            "{at}  {:18} {:26} {:18} {}{why}{mail}",
            entry.kind,
            printable(recipient),
            printable(template),
            printable(text),
        )
    }
}
