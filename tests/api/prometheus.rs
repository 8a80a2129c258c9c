//! What Prometheus reads from the running program: behind a key, or on a listener of its own.

use reqwest::Method;

use crate::support::{ADMIN_KEY, Answer, Api, Installation, eventually, free_port};

async fn scrape(api: &Api) -> Answer {
    let request = api.request(Method::GET, "/metrics").bearer_auth(ADMIN_KEY);
    Answer::of(request).await.expect("the server answers")
}

/// The value of the one sample whose line starts so, or whose labels contain all of these.
fn sample(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut samples = text.lines().filter(|line| {
        let (series, _) = line.rsplit_once(' ').unwrap_or_default();
        series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label))
    });
    let line = samples.next()?;
    assert_eq!(samples.next(), None, "{name} with {labels:?} is one series");
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn metrics_count_what_became_of_mails_and_need_a_key() {
    let installation = Installation::new().await;
    for address in ["ada@example.test", "bounce+mailbox_full@example.test"] {
        installation.account(address).await;
    }
    let program = installation.start().await;
    let api = &program.api;

    let stranger = api.get("/metrics").await;
    api.request_reset("ada@example.test").await;
    api.request_reset("bounce+mailbox_full@example.test").await;

    assert_eq!(stranger.problem(), (401, "unauthorized"));
    let text = eventually("both outcomes are counted", async || {
        let answer = scrape(api).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
        let labels = ["template=\"password-reset\"", "provider=\"sandbox\""];
        let count = |event: &str| {
            let event = format!("event=\"{event}\"");
            sample(&answer.text, "backstamp_message_events_total", &[&labels[..], &[event.as_str()]].concat())
        };
        (count("delivered") == Some(1.0) && count("bounced") == Some(1.0)).then_some(answer.text)
    })
    .await;
    let value = |name: &str, labels: &[&str]| sample(&text, name, labels);
    assert_eq!(value("backstamp_bounces_total", &["class=\"soft\"", "category=\"mailbox_full\""]), Some(1.0));
    assert_eq!(value("backstamp_time_to_delivered_seconds_count", &[]), Some(1.0));
    assert_eq!(value("backstamp_flow_events_total", &["password_reset", "\"requested\""]), Some(2.0));
    assert_eq!(value("backstamp_provider_requests_total", &["sandbox", "accepted"]), Some(2.0));
    assert!(value("backstamp_webhooks_received_total", &["mailgun", "stored"]) >= Some(2.0), "{text}");
    assert!(value("backstamp_last_webhook_timestamp_seconds", &[]) > Some(1.7e9), "{text}");
    assert_eq!(value("backstamp_projection_lag_events", &["\"timeline\""]).map(|lag| lag >= 0.0), Some(true));
    assert_eq!(value("backstamp_dead_letters", &["\"work\""]), Some(0.0));
    let asked = ["method=\"POST\"", "route=\"/v1/password-resets\"", "status=\"202\""];
    assert_eq!(value("http_server_request_duration_seconds_count", &asked), Some(2.0));
    assert!(text.ends_with("# EOF\n") && !text.contains("example.test"), "{text}");
}

#[tokio::test]
async fn a_listener_of_its_own_serves_the_metrics_and_nothing_else_without_a_key() {
    let mut installation = Installation::new().await;
    let port = free_port();
    installation.set("BACKSTAMP_METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    let _program = installation.start().await;
    let metrics = Api::new(format!("http://127.0.0.1:{port}"));

    let scraped = metrics.get("/metrics").await;
    let others = [metrics.status("/healthz").await, metrics.status("/v1/messages").await];

    assert_eq!(scraped.status, 200);
    assert!(scraped.text.contains("backstamp_build_info{version="), "{}", scraped.text);
    assert_eq!(others, [Some(404), Some(404)]);
}
