//! Person or machine: who opened a mail or followed its link.
//!
//! What was seen is kept; the verdict is derived each time, because a `delivered` that arrives late can turn a
//! click into a machine's. A verdict never depends on the order in which anything arrived.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::one_time_link::VisitKind;
use super::provider_event::Client;

/// Microseconds since 1970, as the tables hold times.
pub type Micros = i64;

/// Microseconds: a click this close to the delivery, or to two other links, is no person's.
const TOO_SOON: u64 = 2_000_000;
/// Different links within that time that no person follows.
const TOO_MANY_LINKS: usize = 3;
/// Sightings that are kept of each kind and suspicion, the earliest first. Beyond it counts stand still: a
/// scanner must not grow a row without bound.
const KEPT: usize = 200;

/// Which rule found a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The provider names the machine.
    ProviderNamedBot,
    /// The provider's class of the client is `robot`.
    ProviderSaidRobot,
    /// The user agent is exactly `Mozilla/5.0`, as Apple's and other prefetchers send it.
    BareUserAgent,
    /// The user agent is a mailbox provider's image proxy.
    ImageProxy,
    /// The user agent calls itself a robot.
    DeclaredRobot,
    /// `HEAD`, or a prefetch header.
    Prefetch,
    /// A click within two seconds of the delivery.
    SoonAfterDelivery,
    /// Three different links within two seconds.
    ManyLinks,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The provider's pixel was fetched.
    Open,
    /// A link that the provider tracks was followed.
    Click,
    /// Our own link was fetched.
    Link,
    /// Our page behind the link was fetched.
    Page,
    /// A frontend asked about the link.
    Inspect,
}

/// One sighting, reduced to what verdicts and the recognition of duplicates need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// When.
    #[serde(rename = "a")]
    pub at: Micros,
    /// What.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// The rule that this sighting fires by itself.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    /// A digest of the link.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    link: Option<u32>,
    /// A digest of the evidence: the same sighting told twice is one.
    #[serde(rename = "e")]
    evidence: u32,
}

/// Everything seen of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sightings(BTreeSet<Sighting>);

/// Who read one message, as far as anyone can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Engagement {
    pub first_human_open_at: Option<Micros>,
    pub first_machine_open_at: Option<Micros>,
    pub first_human_click_at: Option<Micros>,
    pub first_machine_click_at: Option<Micros>,
    pub opens_human: i64,
    pub opens_machine: i64,
    pub clicks_human: i64,
    pub clicks_machine: i64,
}

impl Sighting {
    /// The provider saw its pixel fetched.
    pub fn open(at: Micros, client: &Client) -> Self {
        Self { at, kind: Kind::Open, rule: rule_of(client), link: None, evidence: evidence(client, None) }
    }

    /// The provider saw a link followed.
    pub fn click(at: Micros, client: &Client, link: Option<&str>) -> Self {
        let digest_of_link = link.map(|link| digest(&[link]));
        let evidence = evidence(client, link);
        Self { at, kind: Kind::Click, rule: rule_of(client), link: digest_of_link, evidence }
    }

    /// We saw our own link followed.
    pub fn visit(at: Micros, kind: VisitKind, user_agent: Option<&str>) -> Self {
        let (kind, prefetch) = match kind {
            VisitKind::Prefetch => (Kind::Link, Some(Rule::Prefetch)),
            VisitKind::Link => (Kind::Link, None),
            VisitKind::Page => (Kind::Page, None),
            VisitKind::Inspect => (Kind::Inspect, None),
        };
        let rule = prefetch.or_else(|| user_agent.and_then(rule_of_user_agent));
        let evidence = digest(&[user_agent.unwrap_or_default()]);
        // However it is fetched, it is one link.
        Self { at, kind, rule, link: Some(0), evidence }
    }
}

impl Sightings {
    /// Takes one in; one that is known already changes nothing.
    pub fn add(&mut self, sighting: Sighting) {
        let class = |other: &Sighting| (other.kind, other.rule.is_some());
        let this = class(&sighting);
        if !self.0.insert(sighting) {
            return;
        }
        let mut alike = self.0.iter().filter(|other| class(other) == this);
        if alike.by_ref().nth(KEPT).is_some()
            && let Some(latest) = self.0.iter().rfind(|other| class(other) == this).cloned()
        {
            self.0.remove(&latest);
        }
    }

    /// Whether the provider reported any.
    pub fn has_provider_event(&self) -> bool {
        self.0.iter().any(|sighting| matches!(sighting.kind, Kind::Open | Kind::Click))
    }

    /// Each sighting with the rule that makes it a machine's; without one it is a person's.
    pub fn verdicts(&self, delivered_at: Option<Micros>) -> impl Iterator<Item = (&Sighting, Option<Rule>)> {
        let bursts = self.bursts();
        self.0.iter().map(move |sighting| {
            let is_click = sighting.kind != Kind::Open;
            let soon = || delivered_at.is_some_and(|delivered| sighting.at.abs_diff(delivered) <= TOO_SOON);
            let burst = || {
                bursts.iter().any(|start| sighting.at >= *start && sighting.at.abs_diff(*start) <= TOO_SOON)
            };
            let derived = || match () {
                () if !is_click => None,
                () if soon() => Some(Rule::SoonAfterDelivery),
                () if burst() => Some(Rule::ManyLinks),
                () => None,
            };
            (sighting, sighting.rule.or_else(derived))
        })
    }

    /// The verdicts, summed up. A visit of our page shows as several fetches (the link, the page behind it),
    /// so of these the most frequent kind counts.
    pub fn judge(&self, delivered_at: Option<Micros>) -> Engagement {
        let mut engagement = Engagement::default();
        let mut visits = [[0_i64; 3]; 2];
        for (sighting, rule) in self.verdicts(delivered_at) {
            let first = match (sighting.kind, rule) {
                (Kind::Open, None) => &mut engagement.first_human_open_at,
                (Kind::Open, Some(_)) => &mut engagement.first_machine_open_at,
                (_, None) => &mut engagement.first_human_click_at,
                (_, Some(_)) => &mut engagement.first_machine_click_at,
            };
            first.get_or_insert(sighting.at);
            let count = match (sighting.kind, rule) {
                (Kind::Open, None) => &mut engagement.opens_human,
                (Kind::Open, Some(_)) => &mut engagement.opens_machine,
                (Kind::Click, None) => &mut engagement.clicks_human,
                (Kind::Click, Some(_)) => &mut engagement.clicks_machine,
                (Kind::Link, rule) => &mut visits[usize::from(rule.is_some())][0],
                (Kind::Page, rule) => &mut visits[usize::from(rule.is_some())][1],
                (Kind::Inspect, rule) => &mut visits[usize::from(rule.is_some())][2],
            };
            *count += 1;
        }
        engagement.clicks_human += visits[0].into_iter().max().unwrap_or_default();
        engagement.clicks_machine += visits[1].into_iter().max().unwrap_or_default();
        engagement
    }

    /// Where two seconds begin in which too many different links were followed.
    fn bursts(&self) -> Vec<Micros> {
        let clicks: Vec<&Sighting> = self.0.iter().filter(|sighting| sighting.kind != Kind::Open).collect();
        let starts = clicks.iter().enumerate().filter(|(start, first)| {
            let within = clicks[*start..].iter().take_while(|click| click.at.abs_diff(first.at) <= TOO_SOON);
            within.filter_map(|click| click.link).collect::<BTreeSet<_>>().len() >= TOO_MANY_LINKS
        });
        starts.map(|(_, first)| first.at).collect()
    }
}

/// The rule that a provider's evidence fires by itself.
fn rule_of(client: &Client) -> Option<Rule> {
    if client.bot.as_deref().is_some_and(|bot| !bot.trim().is_empty()) {
        return Some(Rule::ProviderNamedBot);
    }
    if client.client_type.as_deref().is_some_and(|class| class.eq_ignore_ascii_case("robot")) {
        return Some(Rule::ProviderSaidRobot);
    }
    client.user_agent.as_deref().and_then(rule_of_user_agent)
}

fn rule_of_user_agent(user_agent: &str) -> Option<Rule> {
    const PROXIES: [&str; 4] = ["googleimageproxy", "yahoomailproxy", "ggpht.com", "mailruimageproxy"];
    // Whole names: a telephone maker's name ends in "bot" too.
    const ROBOTS: [&str; 12] = [
        "googlebot",
        "bingbot",
        "applebot",
        "yandexbot",
        "slackbot",
        "twitterbot",
        "linkedinbot",
        "discordbot",
        "telegrambot",
        "facebookexternalhit",
        "skypeuripreview",
        "bingpreview",
    ];
    if user_agent.trim() == "Mozilla/5.0" {
        return Some(Rule::BareUserAgent);
    }
    let lower = user_agent.to_ascii_lowercase();
    let names = |list: &[&str]| list.iter().any(|name| lower.contains(name));
    if names(&PROXIES) {
        return Some(Rule::ImageProxy);
    }
    names(&ROBOTS).then_some(Rule::DeclaredRobot)
}

/// A digest of everything that tells one sighting from another at the same instant, but for the network
/// address: it can be erased, and the digest must come out the same after that.
fn evidence(client: &Client, link: Option<&str>) -> u32 {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    digest(&[
        &text(&client.user_agent),
        &text(&client.client_type),
        &text(&client.bot),
        &text(&client.country),
        link.unwrap_or_default(),
    ])
}

fn digest(parts: &[&str]) -> u32 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    let bytes = hash.finalize();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
