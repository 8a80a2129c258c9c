//! Whether everything between us and the mailbox works: five signs, each with its cause and what to do next. All are
//! read from the database, so they hold for every process on it; only refused signatures are this process's own.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::desk::Desk;
use super::super::number::{Moment, grouped, span};
use super::super::words::named;
use crate::telemetry::Standing;

/// Handed over this long ago and nothing heard: webhooks are expected within seconds.
const SILENCE: TimeDelta = TimeDelta::minutes(10);
/// How far back mails are looked at that nothing was heard of.
const LOOK_BACK: TimeDelta = TimeDelta::days(1);
/// Seconds that a mail may wait to be handed over.
const WAIT: f64 = 300.0;
/// Events that read models may be behind before it shows, and before they are of no use.
const BEHIND: i64 = 1_000;
const FAR_BEHIND: i64 = 10_000;

/// One sign.
#[derive(Debug, Clone, Serialize)]
pub struct Sign {
    name: &'static str,
    /// `good`, `warn`, `bad`, or `quiet` where there is nothing to tell.
    pub level: &'static str,
    /// The state in a word or two.
    word: String,
    /// What is seen, in a sentence.
    seen: String,
    /// What probably causes it, and what to do; none where nothing is to be done.
    cause: Option<&'static str>,
    action: Option<&'static str>,
    /// What can be run on the server.
    command: Option<&'static str>,
    href: Option<String>,
    link: &'static str,
}

/// Since when a mail that was handed over has been without any word from the provider.
pub struct Silence {
    /// When the first mail was handed over after which nothing was heard.
    pub since: Option<DateTime<Utc>>,
}

impl Silence {
    /// As of now.
    pub async fn of(desk: &Desk, standing: &Standing) -> Result<Self, Problem> {
        let heard = DateTime::from_timestamp_micros((standing.last_webhook * 1e6) as i64).unwrap_or_default();
        let since = heard.max(desk.now - LOOK_BACK);
        Ok(Self { since: desk.state().queries.first_unreported(since).await? })
    }

    /// Whether that is too long.
    pub fn is_long(&self, now: DateTime<Utc>) -> bool {
        self.since.is_some_and(|since| now - since > SILENCE)
    }
}

/// All signs, in the order of a mail's way.
pub async fn signs(desk: &Desk, standing: &Standing, silence: &Silence) -> Result<Vec<Sign>, Problem> {
    let last_sent = desk.state().queries.last_sent().await?;
    let refusal = desk.state().inbox.last_refusal();
    let signs = vec![
        provider(desk, standing, last_sent),
        webhooks(desk, standing, silence),
        signatures(desk, standing, refusal),
        outbox(desk, standing),
        projections(desk, standing),
    ];
    Ok(signs)
}

fn provider(desk: &Desk, standing: &Standing, last_sent: Option<DateTime<Utc>>) -> Sign {
    let failing = standing.outbox_failing;
    let waiting = desk.link("messages", [("outcome", "queued")]);
    match last_sent {
        _ if failing > 0 => Sign {
            level: if standing.outbox_oldest_pending_age > WAIT { "bad" } else { "warn" },
            word: "calls fail".to_owned(),
            seen: match &standing.outbox_last_error {
                Some(error) => format!("{} could not be handed over: {error}", mails(failing)),
                None => format!("{} could not be handed over.", mails(failing)),
            },
            cause: Some("The provider is away, refuses the key or the domain, or asks for a pause."),
            action: Some("They are tried again by themselves. If it lasts, look at key, region and domain."),
            command: Some("backstamp doctor"),
            href: Some(waiting),
            link: "Mails that wait",
            ..Sign::quiet("Provider API")
        },
        Some(at) => Sign {
            level: "good",
            word: "working".to_owned(),
            seen: format!("It took the last mail {}.", Moment::of(at, desk.now).ago),
            href: Some(desk.link("messages", [("flag", "sent")])),
            link: "Mails that it took",
            ..Sign::quiet("Provider API")
        },
        None => Sign { seen: "No mail was handed over yet.".to_owned(), ..Sign::quiet("Provider API") },
    }
}

fn webhooks(desk: &Desk, standing: &Standing, silence: &Silence) -> Sign {
    let sign = Sign { href: Some(desk.link("webhooks", [])), link: "The inbox", ..Sign::quiet("Webhooks") };
    if desk.state().settings.mail_provider == "smtp" {
        let seen = "A mail server answers at once and tells nothing later.".to_owned();
        return Sign { word: "none by SMTP".to_owned(), seen, href: None, ..sign };
    }
    let heard = (standing.last_webhook > 0.0)
        .then(|| DateTime::from_timestamp_micros((standing.last_webhook * 1e6) as i64))
        .flatten()
        .map(|at| Moment::of(at, desk.now).ago);
    let last =
        heard.as_ref().map_or_else(|| "None ever came.".to_owned(), |ago| format!("The last came {ago}."));
    match silence.since.filter(|_| silence.is_long(desk.now)) {
        Some(since) => Sign {
            level: "bad",
            word: heard.unwrap_or_else(|| "none ever".to_owned()),
            seen: format!(
                "A mail was handed over {}, and nothing was heard since. {last}",
                Moment::of(since, desk.now).ago
            ),
            cause: Some(
                "Most likely the provider does not know our address, or cannot reach it from outside; or every \
                 post is refused for its signature.",
            ),
            action: Some("Register the address with the provider, and see that it can be reached."),
            command: Some("backstamp webhooks register"),
            ..sign
        },
        None => match heard {
            Some(ago) => Sign { level: "good", seen: last, word: ago, ..sign },
            None => Sign { seen: last, ..sign },
        },
    }
}

fn signatures(desk: &Desk, standing: &Standing, refusal: Option<(DateTime<Utc>, &'static str)>) -> Sign {
    let sign = Sign { link: "Posts under known signatures", ..Sign::quiet("Signatures") };
    let contested = desk.link("webhooks", [("outcome", "contested")]);
    if desk.state().settings.mail_provider == "smtp" {
        return Sign { word: "none by SMTP".to_owned(), seen: "Nothing is posted to us.".to_owned(), ..sign };
    }
    if !desk.state().inbox.has_keys() {
        return Sign {
            level: "bad",
            word: "no key".to_owned(),
            seen: "Without a signing key every webhook is put off with 503.".to_owned(),
            cause: Some("BACKSTAMP_MAILGUN_SIGNING_KEY is not set."),
            action: Some(
                "Take the HTTP webhook signing key from Mailgun's control panel, set it, start anew.",
            ),
            ..sign
        };
    }
    match refusal {
        Some((at, reason)) if desk.now - at < LOOK_BACK => Sign {
            // Posts that came through since show that the key is right: somebody else knocked.
            level: if standing.last_webhook < at.timestamp() as f64 { "bad" } else { "warn" },
            word: "refused".to_owned(),
            seen: format!("A post was refused {}: {}.", Moment::of(at, desk.now).ago, named(reason)),
            cause: Some(
                "The signing key is another than the provider's, a clock is wrong, or somebody else posts.",
            ),
            action: Some("Compare the signing key with the provider's, and the clock with the time."),
            command: Some("backstamp doctor"),
            href: Some(contested),
            ..sign
        },
        _ => Sign {
            level: if standing.last_webhook > 0.0 { "good" } else { "quiet" },
            word: if standing.last_webhook > 0.0 { "all good" } else { "none yet" }.to_owned(),
            seen: "No post was refused within a day, as far as this process knows.".to_owned(),
            href: Some(contested),
            ..sign
        },
    }
}

fn outbox(desk: &Desk, standing: &Standing) -> Sign {
    let sign = Sign {
        href: Some(desk.link("messages", [("outcome", "queued")])),
        link: "Mails that wait",
        ..Sign::quiet("Outbox")
    };
    let parked =
        standing.dead_letters.iter().find(|(kind, _)| *kind == "work").map_or(0, |(_, count)| *count);
    let waits = match standing.outbox_pending {
        0 => "Nothing waits.".to_owned(),
        count => {
            let age = span(standing.outbox_oldest_pending_age.trunc());
            format!(
                "{} to be handed over, the oldest for {age}.",
                if count == 1 { "1 mail waits".to_owned() } else { format!("{} mails wait", grouped(count)) }
            )
        }
    };
    match () {
        () if standing.outbox_oldest_pending_age > WAIT => Sign {
            level: "bad",
            word: format!("{} waiting", grouped(standing.outbox_pending)),
            seen: waits,
            cause: Some("The provider does not take them, or no process works on them."),
            action: Some("Look at the provider's sign, and whether a server with workers runs."),
            command: Some("backstamp doctor"),
            ..sign
        },
        () if parked > 0 => Sign {
            level: "warn",
            word: format!("{} put aside", grouped(parked)),
            seen: format!(
                "{} of work failed for good and wait for somebody to look. {waits}",
                grouped(parked)
            ),
            cause: Some("What failed, and why, stands in the list of what was put aside."),
            action: Some("Mend the cause, then have it tried again there."),
            href: Some(desk.link("webhooks/dead-letters", [])),
            link: "What was put aside",
            ..sign
        },
        () => Sign {
            level: "good",
            word: match standing.outbox_pending {
                0 => "empty".to_owned(),
                count => format!("{} waiting", grouped(count)),
            },
            seen: waits,
            ..sign
        },
    }
}

fn projections(desk: &Desk, standing: &Standing) -> Sign {
    let sign = Sign::quiet("Read models");
    let (name, lag) = standing.lag.iter().copied().max_by_key(|(_, lag)| *lag).unwrap_or(("", 0));
    let parked =
        standing.dead_letters.iter().find(|(kind, _)| *kind == "event").map_or(0, |(_, count)| *count);
    match () {
        () if lag > BEHIND => Sign {
            level: if lag > FAR_BEHIND { "bad" } else { "warn" },
            word: format!("{} behind", grouped(lag)),
            seen: format!("{name} is {} events behind: numbers here are not current.", grouped(lag)),
            cause: Some("A burst of events, a slow disk, or a server without workers."),
            action: Some("It catches up by itself. If it grows, look at the log of the server."),
            command: Some("backstamp doctor"),
            ..sign
        },
        () if parked > 0 => Sign {
            level: "warn",
            word: format!("{} put aside", grouped(parked)),
            seen: format!("{} could not be read by a read model and were put aside.", events(parked)),
            cause: Some("What failed, and why, stands in the list of what was put aside."),
            action: Some("After an update have them tried again there."),
            href: Some(desk.link("webhooks/dead-letters", [])),
            link: "What was put aside",
            ..sign
        },
        () => Sign {
            level: "good",
            word: "current".to_owned(),
            seen: match lag {
                0 => "Every event is in the numbers.".to_owned(),
                lag => format!("{} on the way into the numbers.", events(lag)),
            },
            ..sign
        },
    }
}

impl Sign {
    fn quiet(name: &'static str) -> Self {
        Self {
            name,
            level: "quiet",
            word: "nothing yet".to_owned(),
            seen: String::new(),
            cause: None,
            action: None,
            command: None,
            href: None,
            link: "",
        }
    }
}

fn mails(count: i64) -> String {
    if count == 1 { "1 mail".to_owned() } else { format!("{} mails", grouped(count)) }
}

fn events(count: i64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{} events", grouped(count)) }
}
