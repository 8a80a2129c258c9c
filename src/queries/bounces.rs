//! Failures, grouped by why: categories with the most urgent first, what was said, and how they move over time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::delivery::{DeliveryQuery, Interval, bucket_starts};
use super::{Queries, QueryError};
use crate::database::{Row, Value};
use crate::domain::bounce::{BounceClass, Category};

/// Texts shown for each category, those of most messages.
const SAMPLES: i64 = 5;

/// The answer. Every count is of messages; one that failed in two ways counts in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BounceMetrics {
    /// Always `failure`: by the time at which it failed, unlike delivery metrics.
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
    /// Counts the failures of a range, which is of the time of the failure here; groups are not asked for.
    pub async fn bounces(&self, query: &DeliveryQuery) -> Result<BounceMetrics, QueryError> {
        let (condition, values) = self.failures(query)?;
        let starts = bucket_starts(query.from, query.to, query.interval)?;
        let of = format!(
            "FROM bounce_failures f JOIN delivery_facts d ON d.message_id = f.message_id WHERE {condition}"
        );

        let mut snapshot = self.database.snapshot().await?;
        let sql = format!("SELECT COUNT(DISTINCT f.message_id) AS messages {of}");
        let failed = snapshot.fetch_one(&sql, &values).await?.int("messages")?;
        let mut categories = BTreeMap::new();
        let sql = format!(
            "SELECT f.category, d.mailbox_provider, COUNT(DISTINCT f.message_id) AS messages, \
             COUNT(DISTINCT CASE WHEN f.permanent = 1 THEN f.message_id END) AS permanent \
             {of} GROUP BY f.category, d.mailbox_provider"
        );
        for row in snapshot.fetch_all(&sql, &values).await? {
            let Some(category) = category(&row)? else { continue };
            let failures = categories.entry(category).or_insert_with(|| CategoryFailures::none(category));
            failures.add(row.text("mailbox_provider")?, row.int("messages")?, row.int("permanent")?);
        }
        let sql = format!(
            "SELECT category, rule, normalized, messages, last_seen FROM \
             (SELECT s.*, ROW_NUMBER() OVER (PARTITION BY category ORDER BY messages DESC, last_seen DESC) AS place \
              FROM (SELECT f.category, f.rule, f.normalized, COUNT(DISTINCT f.message_id) AS messages, \
                    MAX(f.at) AS last_seen {of} AND f.normalized IS NOT NULL \
                    GROUP BY f.category, f.rule, f.normalized) s) t \
             WHERE place <= {SAMPLES} ORDER BY messages DESC, last_seen DESC"
        );
        for row in snapshot.fetch_all(&sql, &values).await? {
            if let Some(failures) = category(&row)?.and_then(|category| categories.get_mut(&category)) {
                failures.samples.push(sample(&row)?);
            }
        }
        let mut buckets = BTreeMap::<i64, BTreeMap<&'static str, i64>>::new();
        let length = query.interval.micros();
        let sql = format!(
            "SELECT (f.at / {length}) * {length} AS bucket, f.category, COUNT(DISTINCT f.message_id) AS messages \
             {of} GROUP BY (f.at / {length}) * {length}, f.category"
        );
        for row in snapshot.fetch_all(&sql, &values).await? {
            let Some(category) = category(&row)? else { continue };
            buckets.entry(row.int("bucket")?).or_default().insert(category.as_str(), row.int("messages")?);
        }

        Ok(BounceMetrics {
            basis: "failure",
            from: query.from,
            to: query.to,
            as_of: self.clock.now(),
            interval: query.interval,
            failed,
            categories: ranked(categories, failed),
            series: starts
                .into_iter()
                .filter_map(|start| {
                    let at = DateTime::from_timestamp_micros(start)?;
                    Some(BouncePoint { at, categories: buckets.remove(&start).unwrap_or_default() })
                })
                .collect(),
        })
    }

    fn failures(&self, query: &DeliveryQuery) -> Result<(String, Vec<Value>), QueryError> {
        let (from, to) = (query.from.timestamp_micros(), query.to.timestamp_micros());
        if from >= to || from < 0 {
            return Err(QueryError::EmptyRange);
        }
        let mut sql = "f.at >= $1 AND f.at < $2".to_owned();
        let mut values: Vec<Value> = vec![from.into(), to.into()];
        for (column, wanted) in [
            ("template", &query.template),
            ("provider", &query.provider),
            ("mailbox_provider", &query.mailbox_provider),
            ("recipient_domain", &query.recipient_domain),
        ] {
            if let Some(wanted) = wanted {
                values.push(wanted.as_str().into());
                sql.push_str(&format!(" AND d.{column} = ${}", values.len()));
            }
        }
        if self.settings.leaves_out_sandbox(query.provider.as_deref()) {
            sql.push_str(" AND d.provider <> 'sandbox'");
        }
        Ok((sql, values))
    }
}

impl CategoryFailures {
    fn none(category: Category) -> Self {
        Self {
            category,
            class: category.class(),
            critical: category.is_critical(),
            meaning: category.meaning(),
            advice: category.advice(),
            count: 0,
            share: 0.0,
            permanent: 0,
            providers: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// A message has one mailbox provider, so the sum over them counts each message once.
    fn add(&mut self, mailbox_provider: String, count: i64, permanent: i64) {
        self.count += count;
        self.permanent += permanent;
        self.providers.push(ProviderFailures { mailbox_provider, count });
    }
}

/// None for a category of newer code.
fn category(row: &Row) -> Result<Option<Category>, QueryError> {
    Ok(Category::parse(&row.text("category")?))
}

fn sample(row: &Row) -> Result<Sample, QueryError> {
    Ok(Sample {
        normalized: row.text("normalized")?,
        count: row.int("messages")?,
        last_seen: DateTime::from_timestamp_micros(row.int("last_seen")?).unwrap_or_default(),
        rule: row.text("rule")?,
    })
}

fn ranked(categories: BTreeMap<Category, CategoryFailures>, failed: i64) -> Vec<CategoryFailures> {
    let mut categories: Vec<_> = categories.into_values().collect();
    for failures in &mut categories {
        failures.share = failures.count as f64 / failed.max(1) as f64;
        failures
            .providers
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.mailbox_provider.cmp(&b.mailbox_provider)));
    }
    categories.sort_by_key(|failures| (!failures.critical, -failures.count, failures.category));
    categories
}
