//! Why deliveries failed, the critical reasons first, with what to do about each.

use serde::Serialize;

use super::super::desk::Desk;
use super::super::number::{Moment, Number, percent};
use super::super::words::named;
use crate::charts::{Drawing, bar};
use crate::queries::{BounceMetrics, CategoryFailures};

/// Categories and samples that an overview shows; the page of bounces has all.
const CATEGORIES: usize = 5;
const SAMPLES: usize = 2;

/// The panel.
#[derive(Debug, Serialize)]
pub struct Failures {
    failed: Number,
    categories: Vec<Category>,
    /// How many more there are.
    more: usize,
    href: String,
}

#[derive(Debug, Serialize)]
struct Category {
    name: String,
    class: &'static str,
    is_critical: bool,
    meaning: &'static str,
    advice: &'static str,
    number: Number,
    for_good: Number,
    share: String,
    bar: Drawing,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
struct Sample {
    text: String,
    number: Number,
    last_seen: Moment,
}

impl Failures {
    /// Of these failures.
    pub fn of(desk: &Desk, bounces: &BounceMetrics) -> Self {
        Self {
            failed: Number::of(desk, &desk.cut, bounces.failed, &[("flag", "failed")]),
            categories: bounces
                .categories
                .iter()
                .take(CATEGORIES)
                .map(|one| Category::of(desk, one))
                .collect(),
            more: bounces.categories.len().saturating_sub(CATEGORIES),
            href: desk.link_here("bounces"),
        }
    }
}

impl Category {
    fn of(desk: &Desk, failures: &CategoryFailures) -> Self {
        let name = failures.category.as_str();
        let category = ("failure_category", name);
        let samples = failures.samples.iter().take(SAMPLES).map(|sample| {
            let told =
                [category, ("failure_rule", sample.rule.as_str()), ("failure_text", &sample.normalized)];
            Sample {
                text: sample.normalized.clone(),
                number: Number::of(desk, &desk.cut, sample.count, &told),
                last_seen: Moment::of(sample.last_seen, desk.now),
            }
        });
        Self {
            name: named(name),
            class: failures.class.as_str(),
            is_critical: failures.critical,
            meaning: failures.meaning,
            advice: failures.advice,
            number: Number::of(desk, &desk.cut, failures.count, &[category]),
            for_good: Number::of(
                desk,
                &desk.cut,
                failures.permanent,
                &[category, ("failure_permanent", "true")],
            ),
            share: percent(failures.share),
            bar: bar(failures.share, if failures.critical { "bad" } else { "bounced" }),
            samples: samples.collect(),
        }
    }
}
