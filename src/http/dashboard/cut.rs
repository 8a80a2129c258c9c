//! Which part of all mail a page is about, as its address says it: a range of time, and filters by the names that
//! the API has for them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use url::form_urlencoded;

use super::super::fields;
use super::address;
use crate::queries::{DeliveryQuery, Dimension, Interval};

/// Ranges that end now: the word in the address, how it is shown, minutes.
pub const PRESETS: [(&str, &str, i64); 7] = [
    ("15m", "Last 15 minutes", 15),
    ("1h", "Last hour", 60),
    ("6h", "Last 6 hours", 360),
    ("24h", "Last 24 hours", 1_440),
    ("7d", "Last 7 days", 10_080),
    ("30d", "Last 30 days", 43_200),
    ("90d", "Last 90 days", 129_600),
];
const DEFAULT: &str = "24h";
/// How the ends of a range can be written.
const TIMES: &str = "write a day such as 2026-01-05, or an instant such as 2026-01-05T10:00 (UTC) or \
                     2026-01-05T10:00:00+01:00";
/// Days of a range at most: each is a point of the series.
const LONGEST: i64 = 2_900;

const FILTERS: [Dimension; 4] =
    [Dimension::Template, Dimension::Provider, Dimension::MailboxProvider, Dimension::RecipientDomain];

/// The names of the filters that every page has.
pub fn filters() -> impl Iterator<Item = &'static str> {
    FILTERS.into_iter().map(Dimension::as_str)
}

/// Whether a parameter is one of the filters.
pub fn is_filter(name: &str) -> bool {
    filters().any(|filter| filter == name)
}

/// A range and filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The word of a range that ends now; none if its ends were chosen.
    pub preset: Option<&'static str>,
    pub from: DateTime<Utc>,
    /// Not included.
    pub to: DateTime<Utc>,
    filters: BTreeMap<&'static str, String>,
    /// What of the address could not be understood, for a reader; the page shows something else instead.
    pub faults: Vec<String>,
}

impl Cut {
    /// What the address asks for: `range`, or `from` and `to`, which lists of messages call `after` and `before`.
    pub fn of(query: &[(String, String)], now: DateTime<Utc>) -> Self {
        let value = |name: &str| {
            let found = query.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
            found.filter(|value| !value.is_empty())
        };
        let mut cut = Self::preset(DEFAULT, now).unwrap_or_else(|| Self::over(now, now));
        let ends = (value("from").or(value("after")), value("to").or(value("before")));
        let asked = match (ends, value("range")) {
            ((None, None), None) => Ok(None),
            ((None, None), Some(word)) => {
                Self::preset(word, now).map(Some).ok_or_else(|| format!("There is no range called {word:?}."))
            }
            ((from, to), _) => Self::custom(from, to, now).map(Some),
        };
        match asked {
            Ok(Some(asked)) => cut = asked,
            Ok(None) => {}
            Err(fault) => cut.faults.push(format!("{fault} This shows the last 24 hours.")),
        }
        for dimension in FILTERS {
            let Some(wanted) = value(dimension.as_str()) else { continue };
            let understood = match (dimension, fields::word(wanted)) {
                (Dimension::MailboxProvider, Ok(wanted)) => {
                    address::mailbox_provider(&wanted).map(str::to_owned)
                }
                (_, Ok(wanted)) => Ok(wanted),
                (_, Err(fault)) => Err(format!("The filter {} {}.", dimension.as_str(), fault.1)),
            };
            match understood {
                Ok(wanted) => drop(cut.filters.insert(dimension.as_str(), wanted)),
                Err(fault) => cut.faults.push(fault),
            }
        }
        cut
    }

    fn over(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { preset: None, from, to, filters: BTreeMap::new(), faults: Vec::new() }
    }

    fn preset(word: &str, now: DateTime<Utc>) -> Option<Self> {
        let (word, _, minutes) = PRESETS.into_iter().find(|(known, ..)| *known == word)?;
        Some(Self { preset: Some(word), ..Self::over(now - TimeDelta::minutes(minutes), now) })
    }

    fn custom(from: Option<&str>, to: Option<&str>, now: DateTime<Utc>) -> Result<Self, String> {
        let read = |text: Option<&str>, name: &str| match text {
            Some(text) => moment(text).map(Some).ok_or_else(|| format!("{name} is not a time: {TIMES}.")),
            None => Ok(None),
        };
        let to = read(to, "The end of the range (“to”)")?.unwrap_or(now);
        let from = read(from, "The start of the range (“from”)")?;
        let from = from.unwrap_or_else(|| to.checked_sub_signed(TimeDelta::days(1)).unwrap_or(to));
        if from >= to {
            return Err("The range ends before it begins.".to_owned());
        }
        if from < DateTime::UNIX_EPOCH || to - from > TimeDelta::days(LONGEST) {
            return Err(format!("A range has at most {LONGEST} days, and begins after 1970."));
        }
        Ok(Self::over(from, to))
    }

    /// How the range is called.
    pub fn label(&self) -> String {
        let preset = PRESETS.iter().find(|(word, ..)| Some(*word) == self.preset);
        preset.map_or_else(
            || format!("{} – {}", shown(self.from), shown(self.to)),
            |(_, label, _)| (*label).to_owned(),
        )
    }

    /// The same filters over the range of the same length just before.
    pub fn before(&self) -> Option<Self> {
        let from = self.from.checked_sub_signed(self.to - self.from)?;
        let before = Self { preset: None, from, to: self.from, ..self.clone() };
        (from >= DateTime::UNIX_EPOCH).then_some(before)
    }

    /// The value of a filter.
    pub fn filter(&self, dimension: Dimension) -> Option<&str> {
        self.filters.get(dimension.as_str()).map(String::as_str)
    }

    /// The same range without filters.
    pub fn unfiltered(&self) -> Self {
        Self { filters: BTreeMap::new(), ..self.clone() }
    }

    /// The same filters over a range of this length with this instant in its middle.
    pub fn around(&self, at: DateTime<Utc>, length: TimeDelta) -> Self {
        Self { preset: None, from: at - length / 2, to: at + length / 2, ..self.clone() }
    }

    /// Whether any filter narrows it.
    pub fn is_filtered(&self) -> bool {
        !self.filters.is_empty()
    }

    /// The question that queries take, with buckets of which a chart holds some dozens.
    pub fn delivery(&self) -> DeliveryQuery {
        let filter = |dimension| self.filter(dimension).map(str::to_owned);
        DeliveryQuery {
            interval: self.interval(),
            template: filter(Dimension::Template),
            provider: filter(Dimension::Provider),
            mailbox_provider: filter(Dimension::MailboxProvider),
            recipient_domain: filter(Dimension::RecipientDomain),
            ..DeliveryQuery::over(self.from, self.to)
        }
    }

    fn interval(&self) -> Interval {
        let up_to = [
            (TimeDelta::minutes(90), Interval::Minute),
            (TimeDelta::hours(12), Interval::QuarterHour),
            (TimeDelta::days(2), Interval::Hour),
            (TimeDelta::days(14), Interval::SixHours),
        ];
        let fitting = up_to.into_iter().find(|(longest, _)| self.to - self.from <= *longest);
        fitting.map_or(Interval::Day, |(_, interval)| interval)
    }

    /// What of it stands in an address, for links to other pages: a range that ends now stays one.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = match self.preset {
            Some(DEFAULT) => vec![],
            Some(word) => vec![("range", word.to_owned())],
            None => vec![("from", exact(self.from)), ("to", exact(self.to))],
        };
        pairs.extend(self.filters.iter().map(|(name, value)| (*name, value.clone())));
        pairs
    }

    /// The query of the list of exactly these messages, narrowed further by parameters of `GET /v1/messages`. One of
    /// the same name takes the place of a filter.
    pub fn messages(&self, narrowed: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("after", &exact(self.from)).append_pair("before", &exact(self.to));
        let replaced = |name: &str| narrowed.iter().any(|(other, _)| *other == name);
        query.extend_pairs(self.filters.iter().filter(|(name, _)| !replaced(name)));
        query.extend_pairs(narrowed).finish()
    }

    /// A part of the range: a bucket of a series that begins here.
    pub fn bucket(&self, start: DateTime<Utc>, length: TimeDelta) -> Self {
        let (from, to) = (self.from.max(start), self.to.min(start + length));
        Self { preset: None, from, to, ..self.clone() }
    }
}

/// An instant that means the same whenever it is read again.
fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// RFC 3339, or what a browser's field for a local time gives, or a day, which is its start; UTC, unless it says
/// otherwise.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    let plain = || {
        let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"];
        let naive = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        naive.map(|naive| naive.and_utc())
    };
    let day = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|start| start.and_utc())
    };
    zoned.ok().or_else(plain).or_else(day)
}

fn shown(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cut(query: &str) -> Cut {
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Cut::of(&query, at("2026-01-06T12:00:00Z"))
    }

    #[test]
    fn without_a_word_it_is_the_last_day() {
        let cut = cut("");

        assert_eq!((cut.from, cut.to), (at("2026-01-05T12:00:00Z"), at("2026-01-06T12:00:00Z")));
        assert_eq!((cut.label().as_str(), cut.pairs()), ("Last 24 hours", vec![]));
    }

    #[test]
    fn a_chosen_range_is_read_as_the_api_writes_it_and_as_a_browsers_field_does() {
        let day = (at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z"));

        for query in [
            "from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z",
            "after=2026-01-05T01:00:00%2B01:00&before=2026-01-06T00:00:00.000Z",
            "from=2026-01-05T00:00&to=2026-01-06T00:00&range=7d",
            "to=2026-01-06T00:00",
            "from=2026-01-05&to=2026-01-06",
        ] {
            let cut = cut(query);
            assert_eq!((cut.from, cut.to, cut.preset), (day.0, day.1, None), "{query}");
            assert_eq!(cut.faults, Vec::<String>::new(), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_told_and_shows_the_last_day() {
        for query in ["range=1y", "from=yesterday", "from=2026-01-06&to=x", "from=1960-01-01T00:00"] {
            let cut = cut(query);
            assert_eq!((cut.preset, cut.faults.len()), (Some("24h"), 1), "{query}");
        }
        assert_eq!(cut("from=2026-01-06T00:00&to=2026-01-05T00:00").faults.len(), 1);
        assert_eq!(cut("template=%00").faults.len(), 1);
        assert!(
            cut("from=2026-01-05&to=x").faults[0]
                .starts_with("The end of the range (“to”) is not a time: write a day")
        );
        let mistyped = cut("mailbox_provider=gmial");
        assert_eq!(mistyped.filter(Dimension::MailboxProvider), None);
        assert!(mistyped.faults[0].contains("Did you mean “gmail”?"), "{:?}", mistyped.faults);
    }

    #[test]
    fn lists_of_messages_are_asked_for_by_exact_instants_and_every_filter() {
        let cut = cut("range=1h&template=password-reset&mailbox_provider=gmail");

        let list = cut.messages(&[("flag", "bounced"), ("mailbox_provider", "yahoo")]);

        assert_eq!(
            list,
            "after=2026-01-06T11%3A00%3A00Z&before=2026-01-06T12%3A00%3A00Z&template=password-reset\
             &flag=bounced&mailbox_provider=yahoo"
        );
        assert_eq!(
            cut.pairs(),
            [
                ("range", "1h".to_owned()),
                ("mailbox_provider", "gmail".to_owned()),
                ("template", "password-reset".to_owned()),
            ]
        );
    }

    #[test]
    fn the_period_before_is_as_long_and_ends_where_this_one_begins() {
        let before = cut("range=6h&template=x").before().unwrap();

        assert_eq!((before.from, before.to), (at("2026-01-06T00:00:00Z"), at("2026-01-06T06:00:00Z")));
        assert_eq!(before.filter(Dimension::Template), Some("x"));
        assert!(cut("from=1970-01-02T00:00&to=1970-01-09T00:00").before().is_none());
    }
}
