use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;

use super::*;

const OURS: &str = "msg_0199a3c04b5e7d21a6f2c3d4e5f60718";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mailgun")
}

fn fixture(name: &str) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What became of it in one line: kind, then whatever of the event decides.
fn told(event: &ProviderEvent) -> String {
    let details = match &event.kind {
        ProviderEventKind::Delivered(d) => {
            format!("mx={:?} tls={:?} attempt={:?}", d.mx_host, d.tls, d.attempt)
        }
        ProviderEventKind::Deferred(d) => refusal(d),
        ProviderEventKind::Bounced { diagnostic, delayed } => {
            format!("delayed={delayed} {}", refusal(diagnostic))
        }
        ProviderEventKind::Suppressed { reason, diagnostic } => format!("{reason:?} {}", refusal(diagnostic)),
        ProviderEventKind::Rejected { reason } => reason.clone(),
        ProviderEventKind::Opened(client) => reader(client),
        ProviderEventKind::Clicked { client, link } => {
            format!("{} link={}", reader(client), link.as_deref().unwrap_or("-"))
        }
        _ => String::new(),
    };
    // `Some("x")` reads as `"x"`.
    let details =
        regex::Regex::new(r#"Some\(("[^"]*"|\w+)\)"#).unwrap().replace_all(&details, "$1").into_owned();
    format!("{} {details}", event.kind.name()).trim_end().to_owned()
}

fn refusal(d: &Diagnostic) -> String {
    let text = d.text.known().unwrap();
    let words = text.message.len() + text.description.len() + text.last_message.len();
    format!(
        "code={:?} enhanced={:?} reason={:?} type={:?} last={:?} attempt={:?} retry={:?} mx={:?} words={words}",
        d.code, d.enhanced, d.reason, d.bounce_type, d.last_code, d.attempt, d.retry_seconds, text.mx_host
    )
}

fn reader(c: &Client) -> String {
    let agent = c.user_agent.as_deref().map_or(0, str::len);
    format!("agent={agent} type={:?} bot={:?} from={:?} ip={:?}", c.client_type, c.bot, c.country, c.ip)
}

#[test]
fn every_capture_reads_as_what_it_says() {
    let expected = std::fs::read_to_string(folder().join("expected.txt")).unwrap();
    let captures = std::fs::read_dir(folder()).unwrap().count() - 1;

    for line in expected.lines() {
        let (name, expected) = line.split_once(": ").unwrap();
        assert_eq!(told(&translate(&fixture(name)).unwrap()), expected, "{name}");
    }

    assert_eq!(expected.lines().count(), captures, "every capture is listed");
}

#[test]
fn an_event_names_its_message_its_recipient_and_its_instant() {
    let event = translate(&fixture("message_id_in_brackets")).unwrap();
    let logged = translate(&fixture("logs_item")).unwrap();
    let delayed = translate(&fixture("delayed_bounce")).unwrap();
    let odd = translate(&fixture("everything_of_another_type")).unwrap();

    assert_eq!(event.event_id, "bR9XcE2pS1y3gJ5tB0aVuQ");
    assert_eq!(event.at.timestamp_micros(), 1_771_061_411_500_000);
    assert_eq!(event.delivery_id.unwrap().to_string(), OURS);
    assert_eq!(
        event.provider_message_id.as_deref(),
        Some("0199a3c04b5e7d21a6f2c3d4e5f60718@mg.example.test")
    );
    assert_eq!(event.recipient.as_deref(), Some("ada@example.test"));

    assert_eq!(logged.at.to_rfc3339(), "2026-02-14T09:30:12.903+00:00");
    assert_eq!(logged.delivery_id.unwrap().to_string(), OURS);
    assert_eq!((delayed.delivery_id, delayed.provider_message_id), (None, None));
    assert_eq!((odd.event_id.as_str(), odd.recipient, odd.delivery_id), ("17", Some(String::new()), None));
}

#[test]
fn microseconds_and_the_test_mode_survive() {
    let delivered = translate(&fixture("delivered")).unwrap();
    let tested = translate(&fixture("delivered_in_test_mode_without_status")).unwrap();

    assert_eq!(delivered.at.timestamp_micros(), 1_771_061_412_903_311);
    assert!(!delivered.is_test_mode);
    assert!(tested.is_test_mode);
}

#[test]
fn only_a_missing_name_or_instant_makes_it_untranslatable() {
    let translated = |event: Value| translate(event.as_object().unwrap()).map_err(|error| error.reason);

    assert_eq!(translated(json!({ "timestamp": 1 })).unwrap_err(), "no event name");
    assert_eq!(translated(json!({ "event": " ", "timestamp": 1 })).unwrap_err(), "no event name");
    for timestamp in [json!(null), json!("soon"), json!("NaN"), json!(0), json!(-5), json!(1e300), json!([1])]
    {
        let event = json!({ "event": "delivered", "timestamp": timestamp });
        assert_eq!(translated(event).unwrap_err(), "no usable timestamp", "{timestamp}");
    }
    let unheard_of = translated(json!({ "event": "Teleported", "timestamp": 1.5 })).unwrap();
    assert_eq!(unheard_of.kind, ProviderEventKind::Unknown("teleported".into()));
}

#[test]
fn long_texts_are_cut() {
    let long = "é".repeat(10_000);
    let bounce = json!({ "event": "failed", "severity": "permanent", "timestamp": 1,
        "delivery-status": { "message": long, "mx-host": long } });
    let click = json!({ "event": "clicked", "timestamp": 1, "client-info": { "user-agent": long },
        "url": format!("https://a.test/{}", "x".repeat(10_000)) });

    let ProviderEventKind::Bounced { diagnostic, .. } = translate(bounce.as_object().unwrap()).unwrap().kind
    else {
        panic!("not a bounce");
    };
    let ProviderEventKind::Clicked { client, link } = translate(click.as_object().unwrap()).unwrap().kind
    else {
        panic!("not a click");
    };

    assert_eq!(diagnostic.text.known().unwrap().message.chars().count(), MAX_TEXT);
    assert_eq!(client.user_agent.unwrap().chars().count(), 500);
    assert_eq!(link.unwrap().len(), "https://a.test".len() + MAX_PATH);
}

/// Any JSON, leaning towards the members that are read.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!("https://a.test/%\u{e9}?q#f")),
        Just(json!("{\"delivery_id\":1}")),
        Just(json!("permanent")),
    ];
    let key = prop_oneof![
        Just("delivery-status".to_owned()),
        Just("user-variables".to_owned()),
        Just("message".to_owned()),
        Just("headers".to_owned()),
        Just("message-id".to_owned()),
        Just("code".to_owned()),
        Just("enhanced-code".to_owned()),
        Just("severity".to_owned()),
        Just("url".to_owned()),
        Just("client-info".to_owned()),
        "[a-z~/-]{0,8}",
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_event_makes_it_panic(members in prop::collection::hash_map("[a-z@-]{0,8}", any_json(), 0..6), inner in any_json(),
        name in prop_oneof![Just("failed"), Just("clicked"), Just("delivered"), Just("rejected"), Just("x")], at in any_json()) {
        let mut event: Map<String, Value> = members.into_iter().collect();
        if let Value::Object(inner) = inner { event.extend(inner); }
        event.insert("event".into(), name.into());
        let _ = translate(&event);
        event.insert("timestamp".into(), at);
        let _ = translate(&event);
        event.insert("timestamp".into(), json!(1_771_061_412));
        prop_assert!(translate(&event).is_ok());
    }
}
