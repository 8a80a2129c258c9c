//! One day of twelve mails, worked out by hand: entered at the log, and told by webhooks, in any order and
//! number; the numbers of `GET /v1/metrics/delivery` are the same.

mod cohorts;
pub mod day;

use std::sync::Arc;
use std::time::Duration;

use backstamp::clock::{Clock, SystemClock};
use backstamp::database::Row;
use backstamp::domain::id::CommandId;
use backstamp::domain::keys::RootKeys;
use backstamp::domain::message::Message;
use backstamp::domain::message_engagement::MessageEngagement;
use backstamp::domain::password_reset::PasswordReset;
use backstamp::event_log::{EventLog, Keyring, Stream, Streams};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::day::{Mail, Told, the_day};
use crate::support::installation::SECRET_KEY;
use crate::support::webhook::Signature;
use crate::support::{Api, Installation, Program, perhaps, tables};

const DAY: &str = "/v1/metrics/delivery?from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z";

/// Puts into the log what no provider tells, or everything.
pub async fn enter(installation: &Installation, mails: &[Mail], is_told: fn(&Told) -> bool, times: usize) {
    let (database, clock) = (installation.scratch.database.clone(), Arc::new(SystemClock));
    let roots = RootKeys::new([SECRET_KEY]).expect("a root key");
    let keyring = Keyring::open(&database, &roots, clock.clone()).await.expect("the keys");
    let tasks = TaskTracker::new();
    let log = EventLog::start(database, keyring, clock, &tasks, CancellationToken::new());
    for mail in mails {
        let (mut messages, mut readings, mut resets) =
            (vec![mail.requested(log.keyring().index())], vec![], vec![]);
        for told in mail.story.iter().filter(|told| is_told(told)) {
            messages.extend(told.as_message_event());
            readings.extend(told.as_reading());
            resets.extend(mail.as_reset_event(told));
        }
        append::<Message>(&log, &mail.id().to_string(), messages, times).await;
        append::<MessageEngagement>(&log, &mail.id().to_string(), readings, times).await;
        append::<PasswordReset>(&log, &mail.stream(), resets, times).await;
    }
}

async fn append<A: Stream>(log: &EventLog, stream: &str, events: Vec<A::Event>, times: usize)
where
    A::Event: Clone,
{
    let streams = Streams::<A>::new(log.clone());
    for _ in 0..times {
        let mut loaded = streams.reload(stream).await.expect("the stream is read");
        loaded.new_data_key = Some(log.keyring().new_data_key(stream));
        let command_id = CommandId::from_uuid(SystemClock.uuid());
        streams.append(events.clone(), loaded, command_id, "test").await.expect("the events are appended");
    }
}

/// The program on an installation whose log knows the mails, and what was not told by the provider.
async fn waiting_for_webhooks() -> (Installation, Program) {
    let installation = Installation::new().await;
    enter(&installation, &the_day(), |told| told.as_webhook().is_none(), 1).await;
    let program = installation.start().await;
    (installation, program)
}

/// Every webhook of the day, in the order of its events.
fn webhooks() -> Vec<Value> {
    let mut events: Vec<Value> = the_day().iter().flat_map(Mail::webhooks).collect();
    events.sort_by(|a, b| a["timestamp"].as_f64().partial_cmp(&b["timestamp"].as_f64()).expect("times"));
    events
}

async fn post(api: &Api, events: &[Value]) {
    for event in events {
        let answer = api.post("/webhooks/mailgun", &Signature::fresh().over(event)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

async fn understood(installation: &Installation) {
    let database = &installation.scratch.database;
    let sql = "SELECT outcome, reason FROM webhooks WHERE outcome <> 'processed'";
    let mut left = Vec::new();
    let done = perhaps(Duration::from_secs(30), async || {
        let rows = database.fetch_all(sql, &[]).await.expect("rows");
        let tell = |row: &Row| (row.text("outcome").ok(), row.optional_text("reason").ok().flatten());
        left = rows.iter().map(tell).collect();
        left.is_empty().then_some(())
    });
    assert!(done.await.is_some(), "without effect: {left:?}");
    tables::folded(database).await;
}

fn assert_numbers(answer: &Value, expected: &Value, told: &str) {
    for (name, number) in expected.as_object().expect("an object") {
        assert_eq!(answer[name].as_f64(), number.as_f64(), "{told}: {name} in {answer}");
    }
}

fn group<'a>(metrics: &'a Value, key: &str) -> &'a Value {
    let groups = metrics["groups"].as_array().expect("groups");
    groups.iter().find(|group| group["key"] == key).expect("the group is there")
}

async fn assert_the_day(installation: &Installation, api: &Api) {
    cohorts::assert_they_agree(&installation.scratch.database, api).await;
    let metrics = api.ask(&format!("{DAY}&interval=hour&group_by=template")).await;

    assert_eq!(metrics["basis"], "cohort");
    let totals = json!({
        "requested": 12, "suppressed": 2, "rejected": 1, "sent": 9, "not_handed_over": 0, "canceled": 0,
        "delivered": 6, "delivered_inferred": 1, "bounced": 2, "bounced_hard": 2, "bounced_soft": 0,
        "bounced_block": 0, "bounced_async": 1, "in_flight": 1, "settled": 8, "deferred": 2, "complained": 1,
        "opened": 3, "opened_raw": 5, "clicked": 3, "completed": 3, "unaccounted": 3,
        "opens_human": 3, "opens_machine": 2, "clicks_human": 3, "clicks_machine": 1,
    });
    assert_numbers(&metrics["totals"], &totals, "totals");
    let rates = json!({
        "delivered_rate": 0.75, "bounce_rate": 0.25, "hard_bounce_rate": 0.25, "soft_bounce_rate": 0,
        "block_bounce_rate": 0, "suppression_rate": 2.0 / 12.0, "rejection_rate": 1.0 / 12.0,
        "deferral_rate": 2.0 / 9.0, "complaint_rate": 1.0 / 6.0, "open_rate": 0.6, "open_rate_raw": 1,
        "click_rate": 0.6, "click_to_open_rate": 1, "completion_rate": 0.25,
    });
    assert_numbers(&metrics["rates"], &rates, "rates");
    assert_eq!((&metrics["null_reasons"], &metrics["low_volume"]), (&json!({}), &json!(true)));
    let spans = json!({ "count": 6, "p50": 5, "p75": 30, "p90": 900, "p95": 900, "p99": 900 });
    assert_numbers(&metrics["time_to_delivered"], &spans, "time to delivered");
    // M07 was accepted too, before the provider found it on its list.
    assert_numbers(&metrics["time_to_accept"], &json!({ "count": 10, "p50": 1, "p99": 1 }), "time to accept");
    let spans = json!({ "count": 3, "p50": 240, "p75": 540, "p99": 540 });
    assert_numbers(&metrics["request_to_completed"], &spans, "request to completed");

    let funnel = |key| {
        let totals = &group(&metrics, key)["totals"];
        ["requested", "sent", "delivered", "opened", "clicked", "completed"].map(|name| totals[name].as_i64())
    };
    assert_eq!(funnel("password-reset"), [7, 6, 5, 3, 3, 3].map(Some));
    assert_eq!(funnel("email-verification"), [5, 3, 1, 0, 0, 0].map(Some));
    let series = metrics["series"].as_array().expect("a series");
    let requested: Vec<_> = series.iter().map(|point| point["requested"].as_i64()).collect();
    let expected: Vec<_> = (0..24).map(|hour| Some(if hour == 10 { 12 } else { 0 })).collect();
    assert_eq!(requested, expected);

    let metrics = api.ask(&format!("{DAY}&interval=day&group_by=mailbox_provider")).await;
    for (mailbox, delivered, settled) in
        [("gmail", 3, 4), ("microsoft", 1, 2), ("yahoo", 1, 1), ("apple", 1, 1), ("other", 0, 0)]
    {
        let group = group(&metrics, mailbox);
        let rate = (settled > 0).then(|| f64::from(delivered) / f64::from(settled));
        assert_eq!(group["totals"]["delivered"], delivered, "{mailbox}");
        assert_eq!(group["totals"]["settled"], settled, "{mailbox}");
        assert_eq!(group["rates"]["delivered_rate"].as_f64(), rate, "{mailbox}");
    }
    assert_eq!(group(&metrics, "other")["null_reasons"]["delivered_rate"], "no_settled_mail");
}

#[tokio::test]
async fn the_day_comes_out_of_the_log_once_and_told_twice() {
    for times in [1, 2] {
        let installation = Installation::new().await;
        enter(&installation, &the_day(), |_| true, times).await;
        let program = installation.start().await;

        tables::folded(&installation.scratch.database).await;

        assert_the_day(&installation, &program.api).await;
    }
}

#[tokio::test]
async fn the_day_comes_out_of_webhooks() {
    let (installation, program) = waiting_for_webhooks().await;

    post(&program.api, &webhooks()).await;
    understood(&installation).await;

    assert_the_day(&installation, &program.api).await;
}

#[tokio::test]
async fn the_day_comes_out_of_webhooks_that_come_twice_under_fresh_signatures() {
    let (installation, program) = waiting_for_webhooks().await;
    let twice: Vec<_> = webhooks().into_iter().flat_map(|event| [event.clone(), event]).collect();

    post(&program.api, &twice).await;
    post(&program.api, &twice).await;
    understood(&installation).await;

    assert_the_day(&installation, &program.api).await;
}

#[tokio::test]
async fn the_day_comes_out_of_webhooks_in_reverse() {
    let (installation, program) = waiting_for_webhooks().await;
    let reversed: Vec<_> = webhooks().into_iter().rev().collect();

    post(&program.api, &reversed).await;
    understood(&installation).await;

    assert_the_day(&installation, &program.api).await;
}

#[tokio::test]
async fn the_day_comes_out_of_webhooks_during_a_rebuild() {
    let (installation, program) = waiting_for_webhooks().await;
    let webhooks = webhooks();
    let (before, meanwhile) = webhooks.split_at(webhooks.len() / 3);

    post(&program.api, before).await;
    let rebuilding = async {
        for _ in 0..3 {
            installation.succeed(&["rebuild"], "").await;
        }
    };
    tokio::join!(post(&program.api, meanwhile), rebuilding);
    understood(&installation).await;

    assert_the_day(&installation, &program.api).await;
}
