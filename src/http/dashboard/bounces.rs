//! `/dashboard/bounces`: why deliveries fail, what is urgent first, with what was said and what to do about it.

use poem::{Request, Response};
use serde::Serialize;

use super::super::problem::Problem;
use super::desk::Desk;
use super::number::{Moment, Number, percent};
use super::overview::Time;
use super::words::{mailbox, named};
use crate::charts::{Drawing, Stack, Told, patterns, stacked};
use crate::domain::bounce::{BounceClass, Category};
use crate::queries::{BounceMetrics, BouncePoint, CategoryFailures, MessageFilter, Sample};

#[derive(Serialize)]
struct Page {
    failed: Number,
    categories: Vec<Group>,
    over_time: Option<OverTime>,
    /// There is no mail at all, in whatever range.
    is_empty: bool,
}

#[derive(Serialize)]
struct Group {
    id: &'static str,
    name: String,
    class: &'static str,
    is_critical: bool,
    meaning: &'static str,
    advice: &'static str,
    count: Number,
    permanent: Number,
    share: String,
    providers: Vec<Named>,
    samples: Vec<Said>,
}

#[derive(Serialize)]
struct Named {
    name: String,
    count: Number,
}

#[derive(Serialize)]
struct Said {
    text: String,
    count: Number,
    rule: String,
    last: Moment,
}

/// When they happened.
#[derive(Serialize)]
struct OverTime {
    patterns: Drawing,
    chart: Drawing,
    legend: [Legend; 4],
    /// The buckets in which anything failed, the newest first.
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Legend {
    name: &'static str,
    class: &'static str,
}

#[derive(Serialize)]
struct Point {
    text: String,
    categories: Vec<Named>,
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let metrics = desk.state().queries.bounces(&desk.cut.delivery()).await?;
    let newest = desk.state().queries.messages(&MessageFilter::default(), 1, None).await?;
    let failures = Failures { desk: &desk };
    let page = Page {
        failed: failures.number(metrics.failed, &[("flag", "failed")]),
        categories: metrics.categories.iter().map(|group| failures.group(group)).collect(),
        over_time: OverTime::of(&desk, &metrics),
        is_empty: metrics.failed == 0 && newest.data.is_empty(),
    };
    desk.render("bounces", page)
}

/// Failures of the range of the page, each number with the list of the messages that failed so.
struct Failures<'a> {
    desk: &'a Desk,
}

impl Failures<'_> {
    fn number(&self, value: i64, narrowed: &[(&str, &str)]) -> Number {
        Number::of(self.desk, &self.desk.cut, value, narrowed)
    }

    fn group(&self, group: &CategoryFailures) -> Group {
        let category = group.category.as_str();
        let of = |value, more: &[(&str, &str)]| {
            self.number(value, &[&[("failure_category", category)], more].concat())
        };
        Group {
            id: category,
            name: named(category),
            class: group.class.as_str(),
            is_critical: group.critical,
            meaning: group.meaning,
            advice: group.advice,
            count: of(group.count, &[]),
            permanent: of(group.permanent, &[("failure_permanent", "true")]),
            share: percent(group.share),
            providers: group
                .providers
                .iter()
                .map(|provider| Named {
                    name: mailbox(&provider.mailbox_provider).to_owned(),
                    count: of(provider.count, &[("mailbox_provider", &provider.mailbox_provider)]),
                })
                .collect(),
            samples: group.samples.iter().map(|sample| self.said(category, sample)).collect(),
        }
    }

    fn said(&self, category: &str, sample: &Sample) -> Said {
        let narrowed = [
            ("failure_category", category),
            ("failure_rule", &sample.rule),
            ("failure_text", &sample.normalized),
        ];
        Said {
            text: sample.normalized.clone(),
            count: self.number(sample.count, &narrowed),
            rule: sample.rule.clone(),
            last: Moment::of(sample.last_seen, self.desk.now),
        }
    }
}

/// The classes as they are stacked, the lowest first: name, colour.
const CLASSES: [(BounceClass, &str); 4] = [
    (BounceClass::Hard, "bounced"),
    (BounceClass::Block, "suppressed"),
    (BounceClass::Soft, "flight"),
    (BounceClass::Undetermined, "waiting"),
];

impl OverTime {
    /// None if nothing failed.
    fn of(desk: &Desk, metrics: &BounceMetrics) -> Option<Self> {
        let time = Time { cut: &desk.cut, interval: metrics.interval };
        let of_class = |point: &BouncePoint, class: BounceClass| -> i64 {
            let of_class = point
                .categories
                .iter()
                .filter(|(name, _)| Category::parse(name).is_some_and(|category| category.class() == class));
            of_class.map(|(_, count)| count).sum()
        };
        let series: Vec<_> = CLASSES
            .into_iter()
            .map(|(class, colour)| Stack {
                name: class.as_str(),
                class: colour,
                values: metrics.series.iter().map(|point| of_class(point, class)).collect(),
            })
            .collect();
        let bars: Vec<_> = metrics.series.iter().map(|point| time.label(point.at)).collect();
        let summary = series.iter().map(|one| format!("{} {}", one.values.iter().sum::<i64>(), one.name));
        let summary = format!("Failures by class: {}.", summary.collect::<Vec<_>>().join(", "));
        let told = Told { id: "failures", title: "Failures over time", summary: &summary };
        let points = metrics.series.iter().rev().filter(|point| !point.categories.is_empty()).map(|point| {
            let cut = desk.cut.bucket(point.at, time.length());
            let categories = point.categories.iter().map(|(category, count)| Named {
                name: named(category),
                count: Number::of(desk, &cut, *count, &[("failure_category", category)]),
            });
            Point { text: time.label(point.at), categories: categories.collect() }
        });
        (metrics.failed > 0).then(|| Self {
            patterns: patterns(&CLASSES.map(|(_, colour)| colour)),
            chart: stacked(told, &bars, &series, &time.marks(metrics.series.iter().map(|point| point.at))),
            legend: CLASSES.map(|(class, colour)| Legend { name: class.as_str(), class: colour }),
            points: points.collect(),
        })
    }
}
