//! Failures, grouped by why: categories with the most urgent first, what was said, and how they move over time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cohort::{Cohort, Said, Saying};
use super::delivery::{DeliveryQuery, Interval, bucket_starts};
use super::{Queries, QueryError};
use crate::domain::bounce::{BounceClass, Category};
use crate::domain::delivery::Failed;

/// Texts shown for each category, those of most messages.
const SAMPLES: usize = 5;

/// The answer. Every count is of messages; one that failed in two ways counts in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BounceMetrics {
    /// Always `cohort`: messages by the time of their request, failures as of `as_of`.
    pub basis: &'static str,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    pub interval: Interval,
    /// Messages with any failure.
    pub failed: i64,
    /// The critical ones first, then those of most messages.
    pub categories: Vec<CategoryFailures>,
    /// Every bucket of the range, also the empty ones.
    pub series: Vec<BouncePoint>,
}

/// The failures of one category.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CategoryFailures {
    pub category: Category,
    pub class: BounceClass,
    pub critical: bool,
    pub meaning: &'static str,
    pub advice: &'static str,
    pub count: i64,
    /// Of the messages with any failure.
    pub share: f64,
    /// Messages that failed for good.
    pub permanent: i64,
    /// Those of most messages first.
    pub providers: Vec<ProviderFailures>,
    pub samples: Vec<Sample>,
}

/// What of it happened at one mailbox provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderFailures {
    pub mailbox_provider: String,
    pub count: i64,
}

/// The same thing said about several messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// With everything masked that differs from mail to mail.
    pub normalized: String,
    pub count: i64,
    pub last_seen: DateTime<Utc>,
    /// The id of the rule that understood it.
    pub rule: String,
}

/// One bucket of the series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BouncePoint {
    /// The start of the bucket.
    pub at: DateTime<Utc>,
    /// Messages by category; what is absent is none.
    pub categories: BTreeMap<&'static str, i64>,
}

impl Queries {
    /// Counts the failures of a cohort; groups are not asked for.
    pub async fn bounces(&self, query: &DeliveryQuery) -> Result<BounceMetrics, QueryError> {
        let starts = bucket_starts(query.from, query.to, query.interval)?;
        let mut cohort = Cohort::new(&self.database, self.settings, query).await?;
        let as_of = self.clock.now();
        let breakdown = cohort.failures(query.interval.micros()).await?;
        let said = cohort.said(None).await?;

        let mut mailboxes = BTreeMap::<Category, BTreeMap<String, Failed>>::new();
        let mut buckets = BTreeMap::<i64, BTreeMap<&'static str, i64>>::new();
        for ((bucket, mailbox, category), failed) in breakdown.cells {
            // None for a category of newer code.
            let Some(category) = Category::parse(&category) else { continue };
            *buckets.entry(bucket).or_default().entry(category.as_str()).or_default() += failed.messages;
            let at_mailbox = mailboxes.entry(category).or_default().entry(mailbox).or_default();
            at_mailbox.messages += failed.messages;
            at_mailbox.permanent += failed.permanent;
        }
        let categories =
            mailboxes.into_iter().map(|(category, at)| CategoryFailures::of(category, at, breakdown.failed));
        Ok(BounceMetrics {
            basis: "cohort",
            from: query.from,
            to: query.to,
            as_of,
            interval: query.interval,
            failed: breakdown.failed,
            categories: ranked(categories.collect(), said),
            series: starts
                .into_iter()
                .filter_map(|start| {
                    let at = DateTime::from_timestamp_micros(start)?;
                    Some(BouncePoint { at, categories: buckets.remove(&start).unwrap_or_default() })
                })
                .collect(),
        })
    }
}

impl CategoryFailures {
    /// A message has one mailbox provider, so the sum over them counts each message once.
    fn of(category: Category, at: BTreeMap<String, Failed>, all_failed: i64) -> Self {
        let count: i64 = at.values().map(|failed| failed.messages).sum();
        let permanent = at.values().map(|failed| failed.permanent).sum();
        let provider = |(mailbox_provider, failed): (String, Failed)| ProviderFailures {
            mailbox_provider,
            count: failed.messages,
        };
        let mut providers: Vec<_> = at.into_iter().map(provider).collect();
        providers
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.mailbox_provider.cmp(&b.mailbox_provider)));
        Self {
            category,
            class: category.class(),
            critical: category.is_critical(),
            meaning: category.meaning(),
            advice: category.advice(),
            count,
            share: count as f64 / all_failed.max(1) as f64,
            permanent,
            providers,
            samples: Vec::new(),
        }
    }
}

/// The critical ones first, each with what was said most often.
fn ranked(mut categories: Vec<CategoryFailures>, said: BTreeMap<Saying, Said>) -> Vec<CategoryFailures> {
    let mut samples = BTreeMap::<String, Vec<Sample>>::new();
    for (saying, said) in said {
        samples.entry(saying.category).or_default().push(Sample {
            normalized: saying.normalized,
            count: said.messages,
            last_seen: DateTime::from_timestamp_micros(said.last_seen).unwrap_or_default(),
            rule: saying.rule,
        });
    }
    for failures in &mut categories {
        let mut said = samples.remove(failures.category.as_str()).unwrap_or_default();
        said.sort_by_key(|sample| (-sample.count, Reverse(sample.last_seen)));
        said.truncate(SAMPLES);
        failures.samples = said;
    }
    categories.sort_by_key(|failures| (!failures.critical, -failures.count, failures.category));
    categories
}
