//! Delivery in numbers, for operators: cohorts of messages by the time of their request. Reads only.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use poem_openapi::param::Query;
use poem_openapi::{Enum, OpenApi};
use serde_json::{Value, json};

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
    QuarterHour,
    Hour,
    SixHours,
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
        let words = [template.0, provider.0, mailbox_provider.0, recipient_domain.0];
        let cohort = DeliveryQuery {
            interval: interval.0.map_or(Interval::Hour, Interval::from),
            group_by: group_by.0.map(Dimension::from),
            ..self.cohort(from.0, to.0, words)?
        };
        found(self.0.queries.delivery(&cohort).await?)
    }

    /// How long deliveries took
    ///
    /// From the hand-over to the first delivered event: percentiles in seconds of the messages requested in
    /// `[from, to)`, in all and over time; without bounds, of the last 24 hours.
    #[oai(path = "/latency", method = "get", operation_id = "get_latency")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn latency(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        from: Query<Option<DateTime<Utc>>>,
        to: Query<Option<DateTime<Utc>>>,
        interval: Query<Option<IntervalName>>,
        template: Query<Option<String>>,
        provider: Query<Option<String>>,
        mailbox_provider: Query<Option<String>>,
        recipient_domain: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let words = [template.0, provider.0, mailbox_provider.0, recipient_domain.0];
        let query = DeliveryQuery {
            interval: interval.0.map_or(Interval::Hour, Interval::from),
            ..self.cohort(from.0, to.0, words)?
        };
        found(self.0.queries.latency(&query).await?)
    }

    /// Bounces
    ///
    /// Why deliveries failed of messages requested in `[from, to)`, for good or for now; without bounds, in the last 24
    /// hours. Critical categories first, each with what was said (masked), and what to do about it.
    #[oai(path = "/bounces", method = "get", operation_id = "get_bounce_metrics")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn bounces(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        from: Query<Option<DateTime<Utc>>>,
        to: Query<Option<DateTime<Utc>>>,
        interval: Query<Option<IntervalName>>,
        template: Query<Option<String>>,
        provider: Query<Option<String>>,
        mailbox_provider: Query<Option<String>>,
        recipient_domain: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let words = [template.0, provider.0, mailbox_provider.0, recipient_domain.0];
        let query = DeliveryQuery {
            interval: interval.0.map_or(Interval::Hour, Interval::from),
            ..self.cohort(from.0, to.0, words)?
        };
        found(self.0.queries.bounces(&query).await?)
    }

    /// The funnel
    ///
    /// Of the messages requested in `[from, to)`, how many reached each step from `requested` to `completed`, how
    /// long it took, and why the others did not. `messages` leads to the messages behind a number.
    #[oai(path = "/funnel", method = "get", operation_id = "get_funnel")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn funnel(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        from: Query<Option<DateTime<Utc>>>,
        to: Query<Option<DateTime<Utc>>>,
        template: Query<Option<String>>,
        provider: Query<Option<String>>,
        mailbox_provider: Query<Option<String>>,
        recipient_domain: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let words = [template.0, provider.0, mailbox_provider.0, recipient_domain.0];
        let cohort = self.cohort(from.0, to.0, words)?;
        let funnel = self.0.queries.funnel(&cohort).await?;
        let mut answer = json!(funnel);
        for (step, told) in funnel.steps.iter().zip(members(&mut answer["steps"])) {
            told["messages"] = messages(&cohort, &[("flag", step.name.as_str())]).into();
            for (lost, told) in step.losses.iter().zip(members(&mut told["losses"])) {
                let filters = [("lost_at", step.name.as_str()), ("loss", lost.reason.as_str())];
                told["messages"] = messages(&cohort, &filters).into();
            }
        }
        found(answer)
    }
}

impl MetricsApi {
    /// The cohort that is asked for; without bounds the last 24 hours.
    fn cohort(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        [template, provider, mailbox_provider, recipient_domain]: [Option<String>; 4],
    ) -> Result<DeliveryQuery, Problem> {
        let mut faults = Faults::default();
        let [template, provider, mailbox_provider, recipient_domain] = words(
            &mut faults,
            [
                ("template", template),
                ("provider", provider),
                ("mailbox_provider", mailbox_provider),
                ("recipient_domain", recipient_domain),
            ],
        );
        faults.none()?;
        let to = to.unwrap_or_else(|| self.0.clock.now());
        let day_before = to.checked_sub_signed(TimeDelta::days(1)).unwrap_or(to);
        Ok(DeliveryQuery {
            template,
            provider,
            mailbox_provider,
            recipient_domain,
            ..DeliveryQuery::over(from.unwrap_or(day_before), to)
        })
    }
}

/// Where messages are listed.
const LIST: &str = "/v1/messages?";

fn members(array: &mut Value) -> impl Iterator<Item = &mut Value> {
    array.as_array_mut().into_iter().flatten()
}

/// The list whose rows are the messages of a cohort for which these filters hold.
fn messages(cohort: &DeliveryQuery, filters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::for_suffix(LIST.to_owned(), LIST.len());
    for (name, at) in [("after", cohort.from), ("before", cohort.to)] {
        query.append_pair(name, &at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    for (name, value) in [
        ("template", &cohort.template),
        ("provider", &cohort.provider),
        ("mailbox_provider", &cohort.mailbox_provider),
        ("recipient_domain", &cohort.recipient_domain),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.extend_pairs(filters).finish()
}

impl From<IntervalName> for Interval {
    fn from(name: IntervalName) -> Self {
        match name {
            IntervalName::Minute => Self::Minute,
            IntervalName::QuarterHour => Self::QuarterHour,
            IntervalName::Hour => Self::Hour,
            IntervalName::SixHours => Self::SixHours,
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
