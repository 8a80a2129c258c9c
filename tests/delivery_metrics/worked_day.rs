//! One day, worked out by hand: every number, in whatever order and however often its events arrive.

use backstamp::domain::delivery::Counters;
use backstamp::queries::{DeliveryMetrics, Dimension, Group, Interval};

use crate::history::{Desk, History, at, cohort};

pub const RESET: &str = "password-reset";
pub const VERIFY: &str = "email-verification";

pub fn the_day() -> History {
    let mut day = History::default();
    day.mail(1)
        .requested(RESET, "m01@gmail.com", "10:00:00")
        .sent("10:00:01")
        .delivered("10:00:03")
        .opened_by_a_person("10:02:00")
        .opened_by_a_person("10:02:10")
        .visited("10:02:30")
        .completed("10:03:00");
    day.mail(2)
        .requested(RESET, "m02@gmail.com", "10:01:00")
        .sent("10:01:01")
        .delivered("10:01:06")
        .opened_by_a_machine("10:01:10");
    day.mail(3)
        .requested(RESET, "m03@outlook.com", "10:02:00")
        .sent("10:02:01")
        .delivered("10:02:31")
        .visited("10:02:33")
        .opened_by_a_person("10:10:00")
        .visited("10:10:20")
        .completed("10:11:00");
    day.mail(4)
        .requested_with(VERIFY, "m04@yahoo.com", at("10:03:00"), false)
        .sent("10:03:01")
        .deferred("10:03:05")
        .deferred("10:08:00")
        .delivered("10:18:01");
    day.mail(5)
        .requested(VERIFY, "m05@gmail.com", "10:04:00")
        .sent("10:04:01")
        .bounced("10:04:03", "5.1.1 no such user");
    day.mail(6).requested(VERIFY, "m06@example.test", "10:05:00").suppressed_by_us("10:05:00");
    day.mail(7)
        .requested(RESET, "m07@example.test", "10:06:00")
        .sent("10:06:01")
        .suppressed_by_the_provider("10:06:02");
    day.mail(8)
        .requested(RESET, "m08@outlook.com", "10:07:00")
        .sent("10:07:01")
        .delivered("10:07:05")
        .bounced("10:30:00", "5.1.1 no such user");
    day.mail(9)
        .requested(RESET, "m09@icloud.com", "10:08:00")
        .sent("10:08:01")
        .delivered("10:08:09")
        .opened_by_a_machine("10:08:12")
        .complained("10:40:00");
    day.mail(10)
        .requested(RESET, "m10@gmail.com", "10:09:00")
        .sent("10:09:01")
        .visited("10:12:00")
        .completed("10:13:00");
    day.mail(11).requested(VERIFY, "m11@yahoo.com", "10:10:00").sent("10:10:01").deferred("10:10:05");
    day.mail(12).requested(VERIFY, "m12@example.test", "10:11:00").rejected("10:11:01");
    day
}

fn the_totals() -> Counters {
    Counters {
        requested: 12,
        suppressed: 2,
        rejected: 1,
        sent: 9,
        delivered: 6,
        delivered_inferred: 1,
        bounced: 2,
        bounced_hard: 2,
        bounced_async: 1,
        in_flight: 1,
        settled: 8,
        deferred: 2,
        complained: 1,
        opened: 3,
        opened_raw: 5,
        clicked: 3,
        completed: 3,
        unaccounted: 3,
        open_tracked_delivered: 5,
        open_tracked_opened: 3,
        open_tracked_opened_raw: 5,
        click_tracked_delivered: 5,
        click_tracked_opened: 3,
        click_tracked_clicked: 3,
        opens_human: 3,
        opens_machine: 2,
        clicks_human: 3,
        clicks_machine: 1,
        failed: 5,
        ..Counters::default()
    }
}

fn assert_the_day(metrics: &DeliveryMetrics, told: &str) {
    assert_eq!(metrics.totals, the_totals(), "{told}");

    let rates = &metrics.rates;
    for (rate, expected) in [
        (rates.delivered_rate, 0.75),
        (rates.bounce_rate, 0.25),
        (rates.hard_bounce_rate, 0.25),
        (rates.soft_bounce_rate, 0.0),
        (rates.suppression_rate, 2.0 / 12.0),
        (rates.rejection_rate, 1.0 / 12.0),
        (rates.deferral_rate, 2.0 / 9.0),
        (rates.complaint_rate, 1.0 / 6.0),
        (rates.open_rate, 0.6),
        (rates.open_rate_raw, 1.0),
        (rates.click_rate, 0.6),
        (rates.click_to_open_rate, 1.0),
        (rates.completion_rate, 0.25),
    ] {
        assert_eq!(rate, Some(expected), "{told}");
    }
    assert!(metrics.null_reasons.is_empty() && metrics.low_volume, "{told}");

    let spans = &metrics.time_to_delivered;
    assert_eq!((spans.count, spans.p50, spans.p75), (6, Some(5.0), Some(30.0)), "{told}");
    assert_eq!((spans.p90, spans.p95, spans.p99), (Some(900.0), Some(900.0), Some(900.0)), "{told}");
    assert_eq!(metrics.time_to_accept.p99, Some(1.0), "{told}");
    let completed = &metrics.request_to_completed;
    assert_eq!((completed.count, completed.p50, completed.p99), (3, Some(240.0), Some(540.0)), "{told}");
    // M11, sent at 10:10:01, as of noon.
    assert_eq!(metrics.in_flight_oldest, Some(6_599.0), "{told}");
}

fn funnel(group: &Group) -> [i64; 6] {
    let c = &group.totals;
    [c.requested, c.sent, c.delivered, c.opened, c.clicked, c.completed]
}

fn group<'a>(metrics: &'a DeliveryMetrics, key: &str) -> &'a Group {
    metrics.groups.iter().find(|group| group.key == key).expect("the group is there")
}

async fn assert_every_view(desk: &Desk, told: &str) {
    let by_hours = cohort("10:00:00", "11:00:00", Interval::Hour, Some(Dimension::Template));
    let by_minutes = cohort("09:59:00", "10:12:00", Interval::Minute, Some(Dimension::MailboxProvider));

    let hours = desk.queries.delivery(&by_hours).await.expect("an answer");
    let minutes = desk.queries.delivery(&by_minutes).await.expect("an answer");

    assert_the_day(&hours, told);
    assert_the_day(&minutes, told);
    assert_eq!(funnel(group(&hours, RESET)), [7, 6, 5, 3, 3, 3], "{told}");
    assert_eq!(funnel(group(&hours, VERIFY)), [5, 3, 1, 0, 0, 0], "{told}");
    for (mailbox, delivered, settled) in
        [("gmail", 3, 4), ("microsoft", 1, 2), ("yahoo", 1, 1), ("apple", 1, 1), ("other", 0, 0)]
    {
        let group = group(&minutes, mailbox);
        assert_eq!((group.totals.delivered, group.totals.settled), (delivered, settled), "{told}: {mailbox}");
        assert_eq!(group.rates.delivered_rate.is_none(), settled == 0, "{told}: {mailbox}");
    }
    assert_eq!(group(&minutes, "other").null_reasons["delivered_rate"], "no_settled_mail", "{told}");
    assert_eq!(group(&minutes, "yahoo").null_reasons["open_rate"], "tracking_off", "{told}");
    assert_eq!((minutes.series.len(), minutes.series[0].totals), (13, Counters::default()), "{told}");
}

#[tokio::test]
async fn the_numbers_come_out_in_whatever_order_and_however_often_events_arrive() {
    let day = the_day();
    for (told, history, batch) in [
        ("forwards", day.clone(), 1_000),
        ("one by one", day.clone(), 1),
        ("doubled", day.doubled(), 7),
        ("reversed", day.reversed(), 1),
        ("reversed and doubled", day.reversed().doubled(), 10),
        ("shuffled", day.shuffled(1), 3),
        ("shuffled and doubled", day.doubled().shuffled(2), 5),
    ] {
        let desk = Desk::with(&history, batch).await;

        assert_every_view(&desk, told).await;
    }
}

#[tokio::test]
async fn a_rebuild_gives_the_same_numbers() {
    let desk = Desk::with(&the_day(), 9).await;

    desk.empty().await;
    desk.fold(&the_day().recorded(), 1_000).await;

    assert_every_view(&desk, "rebuilt").await;
}

#[tokio::test]
async fn an_empty_range_has_reasons_instead_of_rates() {
    let desk = Desk::with(&the_day(), 1_000).await;
    let night = cohort("00:00:00", "03:00:00", Interval::Hour, Some(Dimension::Template));

    let metrics = desk.queries.delivery(&night).await.expect("an answer");

    assert_eq!(metrics.totals, Counters::default());
    assert_eq!(metrics.rates.delivered_rate, None);
    assert_eq!(metrics.null_reasons["delivered_rate"], "no_settled_mail");
    assert_eq!(metrics.null_reasons["completion_rate"], "no_requests");
    assert_eq!((metrics.series.len(), metrics.groups.len()), (3, 0));
    assert_eq!((metrics.time_to_delivered.count, metrics.time_to_delivered.p50), (0, None));
}

#[tokio::test]
async fn a_sandboxs_messages_count_only_where_all_is_a_sandbox() {
    let mut day = the_day().recorded();
    for event in &mut day {
        if let backstamp::event_log::LogEvent::Message(backstamp::domain::message::MessageEvent::Requested(
            requested,
        )) = &mut event.event
        {
            requested.provider = "sandbox".into();
        }
    }
    let desk = Desk::new().await;
    desk.fold(&day, 1_000).await;
    let clock = std::sync::Arc::new(backstamp::clock::FixedClock::at(at("12:00:00")));
    let settings = backstamp::queries::Settings { is_sandbox: true };
    let sandbox = backstamp::queries::Queries::new(desk.scratch.database.clone(), clock, settings);
    let query = cohort("10:00:00", "11:00:00", Interval::Hour, None);

    let outside = desk.queries.delivery(&query).await.expect("an answer");
    let inside = sandbox.delivery(&query).await.expect("an answer");

    assert_eq!((outside.totals.requested, inside.totals), (0, the_totals()));
}
