//! Delivery in numbers, for operators: cohorts of messages by the time of their request. Reads only.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::param::Query;
use poem_openapi::{Enum, OpenApi};

use super::HttpState;
use super::answers::{Answer, found, words};
use super::auth::{Caller, SupportRead};
use super::docs::Tags;
use super::fields::Faults;
use super::problem::Problem;
use crate::queries::{DeliveryQuery, Dimension, Interval};

/// The length of a bucket of the series.
#[derive(Enum)]
#[oai(rename_all = "snake_case", rename = "Interval")]
enum IntervalName {
    Minute,
    Hour,
    Day,
}

/// What messages can be grouped by.
#[derive(Enum)]
#[oai(rename_all = "snake_case", rename = "Dimension")]
enum DimensionName {
    Template,
    MailboxProvider,
    RecipientDomain,
    Provider,
}

pub struct MetricsApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/metrics", tag = "Tags::Operators")]
impl MetricsApi {
    /// Delivery
    ///
    /// Totals, rates, spans, a series and groups of the messages requested in `[from, to)`; without bounds, of
    /// the last 24 hours. A rate without a denominator is null, with the reason beside it.
    #[oai(path = "/delivery", method = "get", operation_id = "get_delivery_metrics")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn delivery(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        from: Query<Option<DateTime<Utc>>>,
        to: Query<Option<DateTime<Utc>>>,
        interval: Query<Option<IntervalName>>,
        group_by: Query<Option<DimensionName>>,
        template: Query<Option<String>>,
        provider: Query<Option<String>>,
        mailbox_provider: Query<Option<String>>,
        recipient_domain: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let Self(state) = self;
        let mut faults = Faults::default();
        let [template, provider, mailbox_provider, recipient_domain] = words(
            &mut faults,
            [
                ("template", template.0),
                ("provider", provider.0),
                ("mailbox_provider", mailbox_provider.0),
                ("recipient_domain", recipient_domain.0),
            ],
        );
        faults.none()?;
        let to = to.0.unwrap_or_else(|| state.clock.now());
        let day_before = to.checked_sub_signed(TimeDelta::days(1)).unwrap_or(to);
        let query = DeliveryQuery {
            from: from.0.unwrap_or(day_before),
            to,
            interval: interval.0.map_or(Interval::Hour, Interval::from),
            group_by: group_by.0.map(Dimension::from),
            template,
            provider,
            mailbox_provider,
            recipient_domain,
        };
        found(state.queries.delivery(&query).await?)
    }
}

impl From<IntervalName> for Interval {
    fn from(name: IntervalName) -> Self {
        match name {
            IntervalName::Minute => Self::Minute,
            IntervalName::Hour => Self::Hour,
            IntervalName::Day => Self::Day,
        }
    }
}

impl From<DimensionName> for Dimension {
    fn from(name: DimensionName) -> Self {
        match name {
            DimensionName::Template => Self::Template,
            DimensionName::MailboxProvider => Self::MailboxProvider,
            DimensionName::RecipientDomain => Self::RecipientDomain,
            DimensionName::Provider => Self::Provider,
        }
    }
}
