//! The funnel of the worked day: what was lost at each step, and how long the steps took.

use backstamp::domain::one_time_link::DeclineReason;
use backstamp::domain::password_reset::PasswordResetEvent;
use backstamp::event_log::LogEvent;
use backstamp::queries::{DeliveryQuery, Funnel, Interval, Percentiles};

use crate::history::{DEAD, Desk, at, cohort, request_id};
use crate::worked_day::{RESET, VERIFY, the_day};

async fn funnel(desk: &Desk, template: Option<&str>) -> Funnel {
    let template = template.map(str::to_owned);
    let day = cohort("10:00:00", "11:00:00", Interval::Hour, None);
    desk.queries.funnel(&DeliveryQuery { template, ..day }).await.expect("an answer")
}

fn counts(funnel: &Funnel) -> Vec<i64> {
    funnel.steps.iter().map(|step| step.count).collect()
}

fn losses(funnel: &Funnel, step: usize) -> Vec<(&str, i64)> {
    funnel.steps[step].losses.iter().map(|lost| (lost.reason.as_str(), lost.count)).collect()
}

#[tokio::test]
async fn every_message_is_lost_at_one_step_for_one_reason() {
    for (told, history) in [("in order", the_day()), ("reversed and doubled", the_day().reversed().doubled())]
    {
        let desk = Desk::with(&history, 5).await;

        let all = funnel(&desk, None).await;

        assert_eq!(counts(&all), [12, 9, 6, 3, 3, 3], "{told}");
        assert_eq!(losses(&all, 0), [("", 0); 0], "{told}");
        assert_eq!(
            losses(&all, 1),
            [("rejected", 1), ("suppressed_by_provider", 1), ("suppressed_by_us", 1)],
            "{told}"
        );
        assert_eq!(losses(&all, 2), [(DEAD.as_str(), 2), ("deferred", 1)], "{told}");
        assert_eq!(losses(&all, 3), [("machine_only", 2), ("opens_not_tracked", 1)], "{told}");
        assert_eq!((losses(&all, 4), losses(&all, 5)), (vec![], vec![]), "{told}");
        assert_eq!(counts(&funnel(&desk, Some(RESET)).await), [7, 6, 5, 3, 3, 3], "{told}");
        assert_eq!(counts(&funnel(&desk, Some(VERIFY)).await), [5, 3, 1, 0, 0, 0], "{told}");
    }
}

#[tokio::test]
async fn requests_that_led_to_no_mail_stand_beside_the_funnel() {
    let mut history = the_day();
    for (number, reason) in [
        (21, DeclineReason::UnknownAddress),
        (22, DeclineReason::HourlyLimit),
        (23, DeclineReason::HourlyLimit),
    ] {
        let declined =
            PasswordResetEvent::Declined { request_id: request_id(number), reason, at: at("10:20:00") };
        history.tell(&format!("stream {number}"), "http", LogEvent::PasswordReset(declined));
    }
    let desk = Desk::with(&history, 100).await;

    let all = funnel(&desk, None).await;
    let verifications = funnel(&desk, Some(VERIFY)).await;

    let reasons: Vec<_> =
        all.declined.reasons.iter().map(|lost| (lost.reason.as_str(), lost.count)).collect();
    assert_eq!((all.declined.count, counts(&all)[0]), (3, 12));
    assert_eq!(reasons, [("hourly_limit", 2), ("unknown_address", 1)]);
    assert_eq!(verifications.declined.count, 0);
}

#[tokio::test]
async fn shares_are_of_all_and_of_the_step_before() {
    let desk = Desk::with(&the_day(), 100).await;

    let all = funnel(&desk, None).await;
    let none = funnel(&desk, Some("welcome")).await;

    assert_eq!((all.steps[2].of_requested, all.steps[2].of_previous), (Some(0.5), Some(6.0 / 9.0)));
    assert_eq!((all.steps[0].of_requested, all.low_volume), (Some(1.0), true));
    assert!(none.steps.iter().all(|step| step.of_requested.is_none() && step.of_previous.is_none()));
}

#[tokio::test]
async fn each_step_tells_how_long_it_took() {
    let desk = Desk::with(&the_day(), 100).await;

    let all = funnel(&desk, None).await;

    let span = |step: usize| {
        let Percentiles { count, p50, p99, .. } = all.steps[step].time_from_previous.clone().expect("a span");
        (count, p50, p99)
    };
    assert_eq!(all.steps[0].time_from_previous, None);
    assert_eq!(span(1), (10, Some(1.0), Some(1.0)));
    assert_eq!(span(2), (6, Some(5.0), Some(900.0)));
    // M01 opened after 117 s and M03 after 449; M10's delivery was not seen.
    assert_eq!(span(3), (2, Some(117.0), Some(449.0)));
    // M01 clicked after 30 s and M03 after 20; M10 was first seen when it clicked.
    assert_eq!(span(4), (3, Some(20.0), Some(30.0)));
    assert_eq!(span(5), (3, Some(40.0), Some(60.0)));
    assert_eq!((all.request_to_completed.p50, all.request_to_completed.p99), (Some(240.0), Some(540.0)));
}
