//! What stands around every page of the dashboard: where it runs, what it is about, and the ways to the others.

use chrono::SecondsFormat;
use serde::Serialize;

use super::cut::{PRESETS, is_filter};
use super::desk::Desk;
use super::words::mailbox;
use crate::queries::Dimension;

/// The pages, in the order of the navigation: the path below `/dashboard`, and what each is called.
const PAGES: [(&str, &str); 5] = [
    ("", "Overview"),
    ("messages", "Messages"),
    ("bounces", "Bounces"),
    ("webhooks", "Webhooks"),
    ("suppressions", "Suppressions"),
];
/// What tells a range or a page of a list from another, and means nothing on another cut. Nor do the cut's own filters.
const NOT_KEPT: [&str; 6] = ["range", "from", "to", "after", "before", "cursor"];

/// The page of the navigation that one belongs to; the overview, if to none.
pub fn section(page: &str) -> &'static str {
    let first = page.split('/').next().unwrap_or_default();
    PAGES.iter().find(|(known, _)| *known == first).map_or("", |(known, _)| known)
}

/// The frame of a page.
#[derive(Debug, Serialize)]
pub struct Frame {
    environment: Environment,
    nav: Vec<Choice>,
    /// The menu of ranges and its label.
    range: String,
    ranges: Vec<Choice>,
    /// What the fields for a range of one's own hold.
    from: String,
    to: String,
    /// The menu of templates and its label.
    template: String,
    templates: Vec<Choice>,
    /// Filters that hold here beside the template, each with the way to be rid of it.
    filters: Vec<Filter>,
    /// What forms of the frame take along.
    kept: Vec<(String, String)>,
    /// Where forms of the frame go.
    here: String,
    search_at: String,
    search: String,
    can_sign_out: bool,
    /// What of the address could not be understood.
    faults: Vec<String>,
    /// When the numbers were looked up.
    as_of: String,
    as_of_text: String,
}

#[derive(Debug, Serialize)]
struct Environment {
    name: &'static str,
    /// What follows from it for mail.
    meaning: &'static str,
    is_sandbox: bool,
}

#[derive(Debug, Serialize)]
struct Choice {
    label: String,
    href: String,
    is_current: bool,
}

#[derive(Debug, Serialize)]
struct Filter {
    name: String,
    value: String,
    without: String,
}

impl Frame {
    /// Around the page that is asked for here.
    pub fn of(desk: &Desk) -> Self {
        let cut = &desk.cut;
        let here = desk.page().trim_matches('/').to_owned();
        // One mail, one webhook: another range of them is the list of them.
        let list = here.split('/').next().unwrap_or_default().to_owned();
        let kept: Vec<(String, String)> = desk
            .visit
            .query()
            .iter()
            .filter(|(name, _)| !NOT_KEPT.contains(&name.as_str()) && !is_filter(name) && here == list)
            .cloned()
            .collect();
        let at = |pairs: Vec<(&str, &str)>| {
            let kept = kept.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            desk.link(&list, pairs.into_iter().chain(kept))
        };
        let own = cut.pairs();
        let but = |names: &[&str]| -> Vec<(&str, &str)> {
            let pairs = own.iter().filter(|(name, _)| !names.contains(name));
            pairs.map(|(name, value)| (*name, value.as_str())).collect()
        };
        let ranges = PRESETS.iter().map(|(word, label, _)| Choice {
            label: (*label).to_owned(),
            href: at([but(&["range", "from", "to"]), vec![("range", word)]].concat()),
            is_current: cut.preset == Some(*word),
        });
        let chosen = cut.filter(Dimension::Template);
        let mut templates = vec![Choice {
            label: "All templates".to_owned(),
            href: at(but(&["template"])),
            is_current: chosen.is_none(),
        }];
        templates.extend(desk.state().renderer.mail_names().map(|name| Choice {
            href: at([but(&["template"]), vec![("template", name.as_str())]].concat()),
            is_current: chosen == Some(name.as_str()),
            label: name,
        }));
        let others = [
            (Dimension::Provider, "Provider"),
            (Dimension::MailboxProvider, "Mailbox provider"),
            (Dimension::RecipientDomain, "Recipient domain"),
        ];
        let filters = others.into_iter().filter_map(|(dimension, name)| {
            let value = cut.filter(dimension)?;
            let value = if dimension == Dimension::MailboxProvider { mailbox(value) } else { value };
            Some(Filter {
                name: name.to_owned(),
                value: value.to_owned(),
                without: at(but(&[dimension.as_str()])),
            })
        });
        let in_form = but(&["range", "from", "to"]).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        Self {
            environment: Environment::of(desk.state().settings.mail_provider),
            nav: PAGES
                .iter()
                .map(|(page, label)| Choice {
                    label: (*label).to_owned(),
                    href: desk.link_here(page),
                    is_current: *page == list,
                })
                .collect(),
            range: cut.label(),
            ranges: ranges.collect(),
            from: field(cut.from),
            to: field(cut.to),
            template: chosen.unwrap_or("All templates").to_owned(),
            templates,
            filters: filters.collect(),
            kept: in_form.chain(kept.iter().cloned()).collect(),
            here: desk.link(&list, []),
            search_at: desk.link("messages", []),
            search: desk.visit.parameter("q").unwrap_or_default().to_owned(),
            can_sign_out: desk.operator.is_signed_in(),
            faults: cut.faults.clone(),
            as_of: desk.now.to_rfc3339_opts(SecondsFormat::Secs, true),
            as_of_text: desk.now.format("%H:%M:%S UTC").to_string(),
        }
    }
}

impl Environment {
    fn of(mail_provider: &str) -> Self {
        match mail_provider {
            "sandbox" => Self { name: "Sandbox", meaning: "no mail leaves this machine", is_sandbox: true },
            "smtp" => Self { name: "SMTP", meaning: "real mail, by a mail server", is_sandbox: false },
            _ => Self { name: "Mailgun", meaning: "real mail, through Mailgun", is_sandbox: false },
        }
    }
}

/// What a field for a local time takes; the dashboard's time is UTC.
fn field(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M").to_string()
}
