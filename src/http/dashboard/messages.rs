//! `/dashboard/messages`: the log of mails, searched in words. Its length is the number that led to it.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Request, Response};
use serde::Serialize;

use super::super::export;
use super::super::problem::Problem;
use super::address;
use super::desk::Desk;
use super::listing::{ROWS, Turn};
use super::number::{Moment, counted, grouped};
use super::words::{State, mailbox, named};
use crate::domain::id::{MessageId, RequestId, VerificationId, WebhookId};
use crate::queries::{MessageFilter, MessageSummary, Misunderstood, Page as Found, Search, Term};

/// Ranges that are offered, by what they add to a search.
const RANGES: [(&str, &str); 4] =
    [("Any time", ""), ("Last hour", "1h"), ("Last 24 hours", "24h"), ("Last 7 days", "7d")];

#[derive(Serialize)]
struct Page {
    typed: String,
    terms: Vec<Shown>,
    not_understood: Vec<NotUnderstood>,
    /// What is left when that is left out.
    rest: Option<Shown>,
    ranges: Vec<Range>,
    count: i64,
    count_text: String,
    rows: Vec<Row>,
    turn: Turn,
    csv: String,
    ndjson: String,
    /// Which templates there are, where nothing was found by one that there is not.
    templates: Option<String>,
    /// There is no mail at all, whatever is searched for.
    is_empty: bool,
}

/// A term, and the search without it; or a whole search.
#[derive(Serialize)]
struct Shown {
    text: String,
    href: String,
}

#[derive(Serialize)]
struct NotUnderstood {
    part: String,
    help: String,
}

#[derive(Serialize)]
struct Range {
    label: &'static str,
    href: String,
    is_current: bool,
}

#[derive(Serialize)]
struct Row {
    href: String,
    recipient: String,
    state: State,
    /// Why it failed, or how far it led.
    detail: Option<String>,
    template: String,
    mailbox: String,
    requested: Option<Moment>,
}

/// What is searched for.
struct Asked {
    typed: String,
    search: Search,
    faults: Vec<Misunderstood>,
}

impl Asked {
    /// What was typed, and what a link had brought along by the names of the API or of the frame.
    fn of(desk: &Desk) -> Self {
        let typed = desk.visit.parameter("q").unwrap_or_default().trim().to_owned();
        let (mut search, mut faults) = Search::parse(&typed);
        let pairs = desk.visit.query().iter().map(|(name, value)| (parameter(name), value.as_str()));
        let (linked, more) = Search::of_parameters(pairs);
        let typed = if linked == Search::default() { typed } else { format!("{typed} {}", linked.text()) };
        search.fill(linked);
        faults.extend(more);
        let typed = if faults.is_empty() { search.text() } else { typed.trim().to_owned() };
        Self { typed, search, faults }
    }

    fn filter(&self, desk: &Desk) -> MessageFilter {
        self.search.filter(desk.state().commands.index_key(), desk.now)
    }
}

/// The frame speaks of ranges, lists of what came after and before.
fn parameter(name: &str) -> &str {
    match name {
        "from" | "range" => "after",
        "to" => "before",
        other => other,
    }
}

/// The page.
pub async fn show(mut desk: Desk, _request: Request) -> Result<Response, Problem> {
    if let Some(page) = desk.visit.parameter("q").and_then(page_of) {
        return Ok(desk.visit.redirect(&desk.link(&page, [])));
    }
    // Range and filters are part of the search here, and what is wrong with them is told there.
    desk.cut.faults = address::faults(desk.page(), desk.visit.query());
    let asked = Asked::of(&desk);
    let link = |search: &Search| match search.text() {
        all if all.is_empty() => desk.link("messages", []),
        text => desk.link("messages", [("q", text.as_str())]),
    };
    let export = |format: &str| desk.link(&format!("messages/export.{format}"), [("q", &*asked.typed)]);
    let mut page = Page {
        terms: asked.search.terms().iter().map(|term| removable(&asked.search, term, link)).collect(),
        not_understood: asked
            .faults
            .iter()
            .map(|fault| NotUnderstood { part: fault.part.clone(), help: fault.help.clone() })
            .collect(),
        rest: None,
        ranges: ranges(&asked.search, link),
        count: 0,
        count_text: grouped(0),
        rows: vec![],
        turn: Turn::default(),
        csv: export("csv"),
        ndjson: export("ndjson"),
        templates: None,
        is_empty: false,
        typed: asked.typed.clone(),
    };
    if !asked.faults.is_empty() {
        let text = asked.search.text();
        page.rest = (!text.is_empty()).then(|| Shown { text, href: link(&asked.search) });
        return desk.render_as(StatusCode::UNPROCESSABLE_ENTITY, "messages", page);
    }
    let filter = asked.filter(&desk);
    let queries = &desk.state().queries;
    let count = queries.count_messages(&filter).await?;
    let found = match (count.rows, desk.visit.parameter("cursor")) {
        // What sums know to be nowhere is not looked for among all mails.
        (0, None) => Found { data: vec![], next_cursor: None, previous_cursor: None },
        (_, cursor) => queries.messages(&filter, ROWS, cursor).await?,
    };
    (page.count, page.count_text) = (count.rows, counted(count));
    page.turn = Turn::of(&found, |cursor| {
        let pairs = [("q", asked.typed.as_str()), ("cursor", cursor)];
        desk.link("messages", pairs.into_iter().filter(|(_, value)| !value.is_empty()))
    });
    page.rows = found.data.iter().map(|message| row(&desk, message, &asked)).collect();
    page.templates = unknown_template(&desk, &asked.search).filter(|_| page.count == 0);
    page.is_empty =
        page.count == 0 && queries.messages(&MessageFilter::default(), 1, None).await?.data.is_empty();
    desk.render("messages", page)
}

/// All that match, as a table for spreadsheets.
pub async fn csv(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let parts = desk.state().queries.every_message(exported(&desk)?)?;
    Ok(file("text/csv; charset=utf-8", "messages.csv", export::csv(parts)))
}

/// All that match, one JSON object to a line.
pub async fn ndjson(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let parts = desk.state().queries.every_message(exported(&desk)?)?;
    Ok(file("application/x-ndjson", "messages.ndjson", export::ndjson(parts)))
}

fn exported(desk: &Desk) -> Result<MessageFilter, Problem> {
    let asked = Asked::of(desk);
    // Half of what was asked for must not be taken for all of it.
    if asked.faults.is_empty() { Ok(asked.filter(desk)) } else { Err(Problem::unknown_word("q")) }
}

fn file(media_type: &str, name: &str, body: Body) -> Response {
    let answer = Response::builder().content_type(media_type);
    let mut answer = answer.body(body);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    answer
}

/// The page of something that was typed by its id.
fn page_of(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if let Ok(id) = typed.parse::<MessageId>() {
        return Some(format!("messages/{id}"));
    }
    if let Ok(id) = typed.parse::<WebhookId>() {
        return Some(format!("webhooks/{id}"));
    }
    let is_request = typed.parse::<RequestId>().is_ok() || typed.parse::<VerificationId>().is_ok();
    is_request.then(|| format!("messages/requests/{typed}"))
}

fn removable(search: &Search, term: &Term, link: impl Fn(&Search) -> String) -> Shown {
    Shown { text: term.text(), href: link(&search.without(term)) }
}

/// The same search over other times.
fn ranges(search: &Search, link: impl Fn(&Search) -> String) -> Vec<Range> {
    use crate::queries::Word::{After, Before};

    let times: Vec<&Term> =
        search.terms().iter().filter(|term| matches!(term.word, After | Before)).collect();
    let timeless = times.iter().fold(search.clone(), |search, term| search.without(term));
    let offered = RANGES.iter().map(|(label, ago)| {
        let mut other = timeless.clone();
        if !ago.is_empty() {
            let _ = other.add(Term { word: After, value: (*ago).to_owned() });
        }
        let is_current = match times.as_slice() {
            [] => ago.is_empty(),
            [one] => one.word == After && one.value == *ago,
            _ => false,
        };
        Range { label, href: link(&other), is_current }
    });
    offered.collect()
}

/// What was searched for and the range go along, so that there is a way back; not an address, which the page of a mail
/// must not show.
fn row(desk: &Desk, message: &MessageSummary, asked: &Asked) -> Row {
    let is_of_one = asked.search.terms().iter().any(|term| term.word == crate::queries::Word::To);
    let typed = if is_of_one { "" } else { asked.typed.as_str() };
    let pairs = desk.cut.pairs();
    let place = [("q", typed), ("cursor", desk.visit.parameter("cursor").unwrap_or_default())];
    let place = place.into_iter().filter(|(_, value)| !value.is_empty());
    let pairs = place.chain(pairs.iter().map(|(name, value)| (*name, value.as_str())));
    Row {
        href: desk.link(&format!("messages/{}", message.id), pairs),
        recipient: message.recipient.clone().unwrap_or_else(|| "erased".to_owned()),
        state: State::of(message.outcome),
        detail: detail(message),
        template: message.template.clone(),
        mailbox: mailbox(&message.mailbox_provider).to_owned(),
        requested: message.requested_at.map(|at| Moment::of(at, desk.now)),
    }
}

fn unknown_template(desk: &Desk, search: &Search) -> Option<String> {
    let wanted = search.terms().iter().find(|term| term.word == crate::queries::Word::Template)?;
    let known: Vec<String> = desk.state().renderer.mail_names().collect();
    (!known.contains(&wanted.value)).then(|| known.join(", "))
}

fn detail(message: &MessageSummary) -> Option<String> {
    let is = |flag: &str| message.flags.contains(&flag);
    match () {
        () if is("bounced") => message.bounce.as_ref().map(|bounce| named(bounce.category.as_str())),
        () if is("suppressed") => message.suppression.as_ref().map(|held| named(&held.reason)),
        () if is("complained") => Some("called spam".to_owned()),
        () if is("completed") => Some("completed".to_owned()),
        () if is("clicked") => Some("link followed".to_owned()),
        () if is("opened") => Some("opened".to_owned()),
        () => None,
    }
}
