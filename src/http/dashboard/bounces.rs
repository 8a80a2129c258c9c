//! `/dashboard/bounces`: why deliveries fail, what is urgent first, with what was said and what to do about it.

use chrono::SecondsFormat;
use poem::{Request, Response};
use serde::Serialize;

use super::super::problem::Problem;
use super::desk::Desk;
use super::number::{Moment, Number, grouped, percent};
use super::words::named;
use crate::queries::{BounceMetrics, CategoryFailures, Dimension, Sample};

#[derive(Serialize)]
struct Page {
    failed: Number,
    categories: Vec<Group>,
    points: Vec<Point>,
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

/// One bucket of time.
#[derive(Serialize)]
struct Point {
    at: String,
    text: String,
    categories: Vec<Named>,
}

/// The page.
pub async fn show(desk: Desk, _request: Request) -> Result<Response, Problem> {
    let metrics = desk.state().queries.bounces(&desk.cut.delivery()).await?;
    let failures = Failures { desk: &desk };
    let page = Page {
        failed: failures.number(metrics.failed, &[]),
        categories: metrics.categories.iter().map(|group| failures.group(group)).collect(),
        points: points(&failures, &metrics),
    };
    desk.render("bounces", page)
}

/// Numbers of failures, each with the list of the messages that failed so.
struct Failures<'a> {
    desk: &'a Desk,
}

impl Failures<'_> {
    fn number(&self, value: i64, narrowed: &[(&str, &str)]) -> Number {
        let cut = &self.desk.cut;
        self.between(value, cut.from, cut.to, narrowed)
    }

    fn between(
        &self,
        value: i64,
        from: chrono::DateTime<chrono::Utc>,
        to: chrono::DateTime<chrono::Utc>,
        narrowed: &[(&str, &str)],
    ) -> Number {
        let exact = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let (from, to) = (exact(from), exact(to));
        let mut pairs = vec![("failed_after", from.as_str()), ("failed_before", to.as_str())];
        let dimensions = [
            Dimension::Template,
            Dimension::Provider,
            Dimension::MailboxProvider,
            Dimension::RecipientDomain,
        ];
        for dimension in dimensions {
            let is_replaced = narrowed.iter().any(|(name, _)| *name == dimension.as_str());
            if let Some(value) = self.desk.cut.filter(dimension).filter(|_| !is_replaced) {
                pairs.push((dimension.as_str(), value));
            }
        }
        pairs.extend_from_slice(narrowed);
        Number { value, text: grouped(value), href: self.desk.link("messages", pairs) }
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
                    name: named(&provider.mailbox_provider),
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

/// The buckets in which anything failed, the newest first.
fn points(failures: &Failures<'_>, metrics: &BounceMetrics) -> Vec<Point> {
    let length = chrono::TimeDelta::microseconds(metrics.interval.micros());
    let cut = &failures.desk.cut;
    let points = metrics.series.iter().rev().filter(|point| !point.categories.is_empty()).map(|point| {
        let (from, to) = (point.at.max(cut.from), (point.at + length).min(cut.to));
        let categories = point.categories.iter().map(|(category, count)| Named {
            name: named(category),
            count: failures.between(*count, from, to, &[("failure_category", category)]),
        });
        Point {
            at: point.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            text: point.at.format("%-d %b %H:%M").to_string(),
            categories: categories.collect(),
        }
    });
    points.collect()
}
