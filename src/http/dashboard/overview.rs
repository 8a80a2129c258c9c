//! `/dashboard`: is our mail arriving, and what is to be done where it is not.

mod emptiness;
mod engagement;
mod failures;
mod feed;
mod funnel;
mod health;
mod latency;
mod mailboxes;
mod outcomes;
mod tiles;
mod words;

use chrono::TimeDelta;
use poem::{Request, Response};
use serde::Serialize;

use super::super::problem::Problem;
use super::desk::Desk;
use super::number::{Number, span};
use crate::domain::delivery::{Level, Threshold};
use crate::queries::{DeliveryMetrics, DeliveryQuery, Dimension};

pub use outcomes::Time;

use self::emptiness::Emptiness;
use self::health::Silence;
use self::tiles::Periods;

#[derive(Serialize)]
struct Page {
    signs: Vec<health::Sign>,
    /// How many of them ask for somebody.
    alarms: usize,
    empty: Emptiness,
    tiles: Vec<tiles::Tile>,
    /// The oldest mail in flight is older than it should be.
    stuck: Option<Stuck>,
    outcomes: outcomes::Outcomes,
    funnel: funnel::Steps,
    speed: Option<latency::Speed>,
    mailboxes: Vec<mailboxes::Mailbox>,
    failures: failures::Failures,
    engagement: engagement::Engagement,
    feed: Vec<feed::Entry>,
}

/// Mails in flight of which one is too old.
#[derive(Serialize)]
struct Stuck {
    number: Number,
    oldest: String,
    /// The list of it alone, or of those that were asked for in the same second.
    oldest_at: String,
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let queries = &desk.state().queries;
    let query = desk.cut.delivery();
    let by_mailbox = DeliveryQuery { group_by: Some(Dimension::MailboxProvider), ..query.clone() };
    let metrics = queries.delivery(&by_mailbox).await?;
    let latency = queries.latency(&query).await?;
    let before = match desk.cut.before() {
        Some(before) => Some(queries.delivery(&before.delivery()).await?),
        None => None,
    };
    let funnel = queries.funnel(&query).await?;
    let bounces = queries.bounces(&query).await?;
    let standing = desk.state().scrape.standing().await.ok_or_else(Problem::unavailable)?;
    let silence = Silence::of(&desk, &standing).await?;
    let signs = health::signs(&desk, &standing, &silence).await?;
    let empty = Emptiness::of(&desk, metrics.totals.requested, &standing, &silence).await?;

    let periods = Periods { now: &metrics, latency: &latency, before: before.as_ref() };
    let page = Page {
        alarms: signs.iter().filter(|sign| matches!(sign.level, "warn" | "bad")).count(),
        signs,
        empty,
        tiles: tiles::all(&desk, &periods),
        stuck: Stuck::of(&desk, &metrics),
        outcomes: outcomes::Outcomes::of(&desk, &metrics),
        funnel: funnel::Steps::of(&desk, &funnel),
        speed: latency::Speed::of(&desk, &latency),
        mailboxes: mailboxes::worst_first(&desk, &metrics),
        failures: failures::Failures::of(&desk, &bounces),
        engagement: engagement::Engagement::of(&desk, &metrics),
        feed: feed::latest(&desk).await?,
    };
    desk.render("overview", page)
}

impl Stuck {
    fn of(desk: &Desk, metrics: &DeliveryMetrics) -> Option<Self> {
        let oldest = metrics.in_flight_oldest?;
        let count = metrics.totals.in_flight;
        let level = Threshold::IN_FLIGHT.level(oldest, count);
        let asked = metrics.as_of - TimeDelta::microseconds((oldest * 1e6) as i64);
        let first = desk.cut.bucket(desk.cut.from, asked + TimeDelta::seconds(1) - desk.cut.from);
        level.filter(|level| *level > Level::Good).map(|_| Self {
            oldest_at: Number::of(desk, &first, 1, &[("flag", "in_flight")]).href,
            number: Number::of(desk, &desk.cut, count, &[("flag", "in_flight")]),
            oldest: span(oldest.trunc()),
        })
    }
}
