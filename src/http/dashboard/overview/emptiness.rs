//! Where there is nothing to show: why, and what to do about it.

use chrono::TimeDelta;
use serde::Serialize;

use super::super::super::problem::Problem;
use super::super::desk::Desk;
use super::super::number::Moment;
use super::health::Silence;
use crate::queries::MessageFilter;
use crate::telemetry::Standing;

/// What is to be told instead of, or above, the numbers.
#[derive(Debug, Default, Serialize)]
pub struct Emptiness {
    /// The way to the first mail; there as long as a step of it is left.
    steps: Option<Vec<Step>>,
    /// Mails go out and nothing comes back.
    silent: Option<Moment>,
    /// Mails there are, but none in this range.
    out_of_range: Option<OutOfRange>,
    /// There are some in this range, but none that the filters let through.
    no_match: Option<NoMatch>,
    /// Whether numbers make sense at all.
    pub has_numbers: bool,
}

/// A step of the way to the first mail. Ticks itself.
#[derive(Debug, Serialize)]
struct Step {
    title: &'static str,
    hint: &'static str,
    command: Option<&'static str>,
    href: Option<String>,
    link: &'static str,
    is_done: bool,
}

#[derive(Debug, Serialize)]
struct OutOfRange {
    newest: Moment,
    href: String,
}

#[derive(Debug, Serialize)]
struct NoMatch {
    href: String,
}

impl Emptiness {
    /// Of a page whose numbers are about so many mails.
    pub async fn of(
        desk: &Desk,
        requested: i64,
        standing: &Standing,
        silence: &Silence,
    ) -> Result<Self, Problem> {
        let queries = &desk.state().queries;
        let newest = queries.messages(&MessageFilter::default(), 1, None).await?.data.into_iter().next();
        let heard = standing.last_webhook > 0.0;
        let steps = steps(desk, newest.is_some(), silence.since.is_some() || heard, heard).await?;
        let mut emptiness = Self {
            silent: silence.since.filter(|_| silence.is_long(desk.now)).map(|at| Moment::of(at, desk.now)),
            has_numbers: requested > 0,
            steps: steps.iter().skip(1).any(|step| !step.is_done).then_some(steps),
            ..Self::default()
        };
        let Some(newest) = newest.and_then(|message| message.requested_at).filter(|_| requested == 0) else {
            return Ok(emptiness);
        };
        let without = desk.cut.unfiltered();
        let others = match desk.cut.is_filtered() {
            true => queries.delivery(&without.delivery()).await?.totals.requested,
            false => 0,
        };
        if others > 0 {
            let pairs = without.pairs();
            let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
            emptiness.no_match = Some(NoMatch { href: desk.link("", pairs) });
        } else {
            let around = without.around(newest, TimeDelta::days(1)).pairs();
            let pairs = around.iter().map(|(name, value)| (*name, value.as_str()));
            emptiness.out_of_range =
                Some(OutOfRange { newest: Moment::of(newest, desk.now), href: desk.link("", pairs) });
        }
        Ok(emptiness)
    }
}

async fn steps(desk: &Desk, has_mail: bool, was_sent: bool, heard: bool) -> Result<Vec<Step>, Problem> {
    let settings = &desk.state().settings;
    let is_sandbox = settings.mail_provider == "sandbox";
    let root = desk.visit.root();
    let step = |title, hint, is_done| Step { title, hint, command: None, href: None, link: "", is_done };
    let provider = if is_sandbox {
        "The sandbox takes every mail and keeps it on this machine. Set BACKSTAMP_MAIL_PROVIDER when you are ready."
    } else {
        "BACKSTAMP_MAIL_PROVIDER names who carries your mail."
    };
    let mut steps = vec![
        Step {
            command: (!desk.operator.is_signed_in())
                .then_some("backstamp accounts add you@example.com --role operator"),
            ..step(
                "An operator can sign in",
                "Keys are for programs: make an account for every person who looks in here.",
                desk.operator.is_signed_in(),
            )
        },
        step("A mail provider is set", provider, true),
    ];
    if settings.mail_provider != "smtp" {
        steps.push(step(
            "Webhooks can be verified",
            "Mailgun signs what it posts: BACKSTAMP_MAILGUN_SIGNING_KEY is what its signatures are checked with.",
            desk.state().inbox.has_keys(),
        ));
    }
    steps.push(Step {
        href: Some(format!("{root}forgot-password")),
        link: "Ask for a reset",
        ..step(
            "The first mail was asked for",
            "Register an account and confirm its address, or ask for a reset of its password.",
            has_mail,
        )
    });
    let sent = desk.state().queries.last_sent().await?.is_some();
    steps.push(Step {
        href: is_sandbox.then(|| format!("{root}sandbox")),
        link: "The sandbox's mailbox",
        ..step("It was handed over", "That takes a moment.", sent || was_sent)
    });
    if settings.mail_provider != "smtp" {
        steps.push(Step {
            command: (!is_sandbox).then_some("backstamp webhooks register"),
            href: Some(desk.link("webhooks", [])),
            link: "The inbox",
            ..step("The first webhook came", "From then on it is known what becomes of each mail.", heard)
        });
    }
    Ok(steps)
}
