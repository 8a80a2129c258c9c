//! What Prometheus reads: counters of what happened here, gauges of how things stand.
//!
//! Counters are this process's and count by the time at which an event was read from the log; cohorts, which
//! count by the time of the request, are the queries' business. Every label has a closed set of values: names
//! from code, templates that exist, route patterns. Must never carry an address, an id or a text from outside.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The media type of [`Metrics::encode`] (OpenMetrics 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Stands for a value that is not in the closed set of its label.
const OTHER: &str = "other";
/// Seconds: a request is answered in milliseconds, and given up after 30 seconds.
const ANSWER_BUCKETS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Seconds: the thresholds of the product (60 and 300) are among them.
const DELIVERY_BUCKETS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MessageLabels {
    event: String,
    template: String,
    provider: String,
    mailbox_provider: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BounceLabels {
    class: &'static str,
    category: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EngagementLabels {
    kind: &'static str,
    actor: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FlowLabels {
    flow: String,
    event: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProviderLabels {
    provider: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProjectionLabels {
    projection: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
    status: u16,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Every metric of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    templates: BTreeSet<String>,
    message_events: Family<MessageLabels, Counter>,
    bounces: Family<BounceLabels, Counter>,
    engagement: Family<EngagementLabels, Counter>,
    flow_events: Family<FlowLabels, Counter>,
    time_to_delivered: Histogram,
    webhooks: Family<ProviderLabels, Counter>,
    webhooks_refused: Family<ReasonLabels, Counter>,
    last_webhook: Seconds,
    provider_requests: Family<ProviderLabels, Counter>,
    outbox_age: Seconds,
    outbox_pending: Gauge,
    inbox_pending: Gauge,
    projection_lag: Family<ProjectionLabels, Gauge>,
    dead_letters: Family<KindLabels, Gauge>,
    answers: Family<RouteLabels, Histogram, fn() -> Histogram>,
    connections_refused: Counter,
}

/// How things stand at the moment of a scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Seconds since the oldest mail that waits was asked for; 0 if none waits.
    pub outbox_oldest_pending_age: f64,
    /// Mails that wait to be handed over.
    pub outbox_pending: i64,
    /// Those of them that were tried and not taken, and what was said of one; no metrics, but for people.
    pub outbox_failing: i64,
    pub outbox_last_error: Option<String>,
    /// Stored webhooks that wait to be understood.
    pub inbox_pending: i64,
    /// When the last webhook was stored, in seconds since 1970; 0 if there never was one.
    pub last_webhook: f64,
    /// Events that each follower of the log is behind.
    pub lag: Vec<(&'static str, i64)>,
    /// What was put aside for an operator, by kind.
    pub dead_letters: Vec<(&'static str, i64)>,
}

impl Metrics {
    /// Everything at zero. `templates` are the names that the label of that name may have.
    pub fn new(templates: impl IntoIterator<Item = String>) -> Self {
        let mut inner = Inner {
            registry: Registry::default(),
            templates: templates.into_iter().collect(),
            message_events: Family::default(),
            bounces: Family::default(),
            engagement: Family::default(),
            flow_events: Family::default(),
            time_to_delivered: Histogram::new(DELIVERY_BUCKETS),
            webhooks: Family::default(),
            webhooks_refused: Family::default(),
            last_webhook: Seconds::default(),
            provider_requests: Family::default(),
            outbox_age: Seconds::default(),
            outbox_pending: Gauge::default(),
            inbox_pending: Gauge::default(),
            projection_lag: Family::default(),
            dead_letters: Family::default(),
            answers: Family::new_with_constructor(|| Histogram::new(ANSWER_BUCKETS)),
            connections_refused: Counter::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    /// An event of a mail, by its name in the log.
    pub fn message_event(&self, event: &str, template: &str, provider: &str, mailbox_provider: &str) {
        let labels = MessageLabels {
            event: event.to_owned(),
            template: self.template(template),
            provider: provider.to_owned(),
            mailbox_provider: mailbox_provider.to_owned(),
        };
        self.0.message_events.get_or_create(&labels).inc();
    }

    /// A permanent failure, or a temporary one that was classified.
    pub fn bounce(&self, class: &'static str, category: &'static str) {
        self.0.bounces.get_or_create(&BounceLabels { class, category }).inc();
    }

    /// An open or a click, by a person or by a machine.
    pub fn engagement(&self, kind: &'static str, actor: &'static str) {
        self.0.engagement.get_or_create(&EngagementLabels { kind, actor }).inc();
    }

    /// An event of another aggregate, by its names in the log.
    pub fn flow_event(&self, flow: &str, event: &str) {
        let labels = FlowLabels { flow: flow.to_owned(), event: event.to_owned() };
        self.0.flow_events.get_or_create(&labels).inc();
    }

    /// From the hand-over to the first delivered event, in seconds.
    pub fn time_to_delivered(&self, seconds: f64) {
        self.0.time_to_delivered.observe(seconds.max(0.0));
    }

    /// A post to the inbox.
    pub fn webhook(&self, provider: &'static str, outcome: &'static str) {
        self.0.webhooks.get_or_create(&ProviderLabels { provider, outcome }).inc();
    }

    /// A post to the inbox that was refused for good.
    pub fn webhook_refused(&self, reason: &'static str) {
        self.0.webhooks_refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// A call to the mail provider.
    pub fn provider_request(&self, provider: &'static str, outcome: &'static str) {
        self.0.provider_requests.get_or_create(&ProviderLabels { provider, outcome }).inc();
    }

    /// An answered request. `route` is the pattern, never the path.
    pub fn answered(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or(OTHER);
        let labels = RouteLabels { method, route: route.to_owned(), status };
        self.0.answers.get_or_create(&labels).observe(seconds);
    }

    /// A connection of a network that held its share of them.
    pub fn connection_refused(&self) {
        self.0.connections_refused.inc();
    }

    /// Sets the gauges.
    pub fn observe(&self, standing: &Standing) {
        let inner = &self.0;
        inner.outbox_age.set(standing.outbox_oldest_pending_age);
        inner.outbox_pending.set(standing.outbox_pending);
        inner.inbox_pending.set(standing.inbox_pending);
        inner.last_webhook.set(standing.last_webhook);
        for (projection, lag) in &standing.lag {
            inner.projection_lag.get_or_create(&ProjectionLabels { projection }).set(*lag);
        }
        for (kind, count) in &standing.dead_letters {
            inner.dead_letters.get_or_create(&KindLabels { kind }).set(*count);
        }
    }

    /// All of it, in the text format of OpenMetrics.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("a string takes any text");
        text
    }

    fn template(&self, name: &str) -> String {
        if self.0.templates.contains(name) { name.to_owned() } else { OTHER.to_owned() }
    }
}

impl Inner {
    /// The names are an interface: panels, rules and `docs/metrics-reference.md` use them.
    fn register(&mut self) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let registry = &mut self.registry;
        registry.register("backstamp_build", "The running version", build);
        registry.register(
            "backstamp_message_events",
            "Events of mails, as they were read from the log",
            self.message_events.clone(),
        );
        registry.register("backstamp_bounces", "Failures by class and category", self.bounces.clone());
        registry.register(
            "backstamp_engagement",
            "Opens and clicks by who made them, each judged by its own evidence",
            self.engagement.clone(),
        );
        registry.register(
            "backstamp_flow_events",
            "Steps of resets, verifications and suppressions",
            self.flow_events.clone(),
        );
        registry.register_with_unit(
            "backstamp_time_to_delivered",
            "From the hand-over to the first delivered event",
            Unit::Seconds,
            self.time_to_delivered.clone(),
        );
        registry.register(
            "backstamp_webhooks_received",
            "Posts of providers by what they came to",
            self.webhooks.clone(),
        );
        registry.register(
            "backstamp_webhooks_refused",
            "Posts that were refused for good, by reason",
            self.webhooks_refused.clone(),
        );
        registry.register(
            "backstamp_last_webhook_timestamp_seconds",
            "When the last webhook was stored, since 1970; 0 if never",
            self.last_webhook.clone(),
        );
        registry.register(
            "backstamp_provider_requests",
            "Calls to the mail provider by their outcome",
            self.provider_requests.clone(),
        );
        registry.register(
            "backstamp_outbox_oldest_pending_age_seconds",
            "How long the oldest waiting mail has waited; 0 if none waits",
            self.outbox_age.clone(),
        );
        registry.register("backstamp_outbox_pending", "Mails that wait", self.outbox_pending.clone());
        registry.register(
            "backstamp_inbox_pending",
            "Stored webhooks that wait to be understood",
            self.inbox_pending.clone(),
        );
        registry.register(
            "backstamp_projection_lag_events",
            "Events that a follower of the log is behind",
            self.projection_lag.clone(),
        );
        registry.register(
            "backstamp_dead_letters",
            "What was put aside for an operator",
            self.dead_letters.clone(),
        );
        registry.register_with_unit(
            "http_server_request_duration",
            "Answers by route pattern and status",
            Unit::Seconds,
            self.answers.clone(),
        );
        registry.register(
            "backstamp_connections_refused",
            "Connections that were closed at once because their network held its share",
            self.connections_refused.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    /// The names of all families, each of which must have a sample to be told.
    fn names() -> BTreeSet<String> {
        let metrics = Metrics::new(["password-reset".to_owned()]);
        metrics.message_event("sent", "password-reset", "mailgun", "gmail");
        metrics.bounce("hard", "invalid_recipient");
        metrics.engagement("open", "human");
        metrics.flow_event("password_reset", "requested");
        metrics.time_to_delivered(1.0);
        metrics.webhook("mailgun", "stored");
        metrics.webhook_refused("signature");
        metrics.provider_request("mailgun", "accepted");
        metrics.answered("GET", "/healthz", 200, 0.001);
        metrics.connection_refused();
        let lag = vec![("deliveries", 0)];
        metrics.observe(&Standing { lag, dead_letters: vec![("work", 0)], ..Standing::default() });
        let text = metrics.encode();
        let sample = Regex::new(r"(?m)^([a-z_]+)(?:\{| )").unwrap();
        let samples = sample.captures_iter(&text).map(|found| found[1].to_owned());
        samples
            .map(|name| ["_bucket", "_sum", "_count"].iter().fold(name, |name, part| name.replace(part, "")))
            .collect()
    }

    fn read(path: &str) -> String {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    #[test]
    fn the_reference_tells_every_metric_and_no_other() {
        let row = Regex::new(r"(?m)^\| `([a-z_]+)` \|").unwrap();
        let reference = read("docs/metrics-reference.md");

        let told: BTreeSet<_> = row.captures_iter(&reference).map(|found| found[1].to_owned()).collect();

        assert_eq!(told, names());
    }

    #[test]
    fn every_metric_in_a_panel_or_a_rule_exists() {
        let name = Regex::new(r"\b(?:backstamp|http_server)_[a-z_]+[a-z]").unwrap();
        let names = names();
        for path in [
            "dashboards/grafana/delivery.json",
            "dashboards/grafana/pipeline.json",
            "dashboards/prometheus/rules.yml",
            "dashboards/prometheus/rules.test.yml",
        ] {
            let text = read(path);
            let used: BTreeSet<_> = name.find_iter(&text).map(|found| found.as_str()).collect();

            assert!(!used.is_empty(), "{path} uses none");
            for name in used {
                let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
                assert!(names.contains(family.unwrap_or(name)), "{path}: {name}");
            }
        }
    }

    #[test]
    fn every_alert_has_a_runbook_and_a_test() {
        let alert = Regex::new(r"alert: (\w+)").unwrap();
        let (rules, runbooks) = (read("dashboards/prometheus/rules.yml"), read("docs/operations.md"));
        let tests = read("dashboards/prometheus/rules.test.yml");
        let runbook = Regex::new(r"runbook: docs/operations.md#(\w+)").unwrap();

        let alerts: Vec<_> = alert.captures_iter(&rules).map(|found| found[1].to_owned()).collect();

        assert!(alerts.len() > 10, "{alerts:?}");
        for alert in alerts {
            assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} has no test");
        }
        let headings: BTreeSet<_> =
            runbooks.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_lowercase).collect();
        for found in runbook.captures_iter(&rules) {
            assert!(headings.contains(&found[1]), "{} has no runbook", &found[1]);
        }
    }

    #[test]
    fn a_template_that_does_not_exist_counts_under_other() {
        let metrics = Metrics::new(["password-reset".to_owned()]);

        metrics.message_event("sent", "password-reset", "mailgun", "gmail");
        metrics.message_event("sent", "x\"} 1\nforged", "mailgun", "gmail");

        let text = metrics.encode();
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("backstamp_message_events_total")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines.iter().any(|line| line.contains("template=\"other\"")), "{text}");
        assert!(!text.contains("forged"), "{text}");
    }

    #[test]
    fn a_method_that_nobody_knows_counts_under_other() {
        let metrics = Metrics::new([]);

        metrics.answered("BREW", "-", 405, 0.001);

        assert!(metrics.encode().contains("method=\"other\",route=\"-\",status=\"405\""));
    }

    #[test]
    fn gauges_say_what_was_observed_last() {
        let metrics = Metrics::new([]);
        metrics.observe(&Standing { outbox_pending: 3, lag: vec![("deliveries", 7)], ..Standing::default() });

        metrics.observe(&Standing { outbox_pending: 1, lag: vec![("deliveries", 0)], ..Standing::default() });

        let text = metrics.encode();
        assert!(text.contains("backstamp_outbox_pending 1"), "{text}");
        assert!(text.contains("backstamp_projection_lag_events{projection=\"deliveries\"} 0"), "{text}");
    }
}
