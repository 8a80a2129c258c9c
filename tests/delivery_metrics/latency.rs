//! How long deliveries took, over time; and when mails were handed over that nothing was heard of.

use backstamp::queries::{Interval, Latency, MessageFilter, QueryError};

use crate::history::{Desk, History, at, cohort, message_id};

/// Three deliveries of 2, 4 and 30 seconds, the last an hour later, and one mail without a word.
fn a_morning() -> History {
    let mut history = History::default();
    for (number, requested, sent, delivered) in [
        (1, "10:00:00", "10:00:01", "10:00:03"),
        (2, "10:20:00", "10:20:01", "10:20:05"),
        (3, "11:05:00", "11:05:01", "11:05:31"),
    ] {
        let mail =
            history.mail(number).requested("password-reset", &format!("m{number}@gmail.com"), requested);
        mail.sent(sent).delivered(delivered);
    }
    history.mail(4).requested("password-reset", "m4@yahoo.com", "11:10:00").sent("11:10:02");
    history
}

async fn measured(interval: Interval) -> Latency {
    let desk = Desk::with(&a_morning(), 100).await;
    desk.queries.latency(&cohort("09:30:00", "12:00:00", interval, None)).await.expect("an answer")
}

#[tokio::test]
async fn every_bucket_has_the_percentiles_of_its_own_messages() {
    for (interval, expected) in [
        (Interval::Hour, vec![("10:00:00", 2, 2.0, 4.0), ("11:00:00", 1, 30.0, 30.0)]),
        (
            Interval::QuarterHour,
            vec![("10:00:00", 1, 2.0, 2.0), ("10:15:00", 1, 4.0, 4.0), ("11:00:00", 1, 30.0, 30.0)],
        ),
        (Interval::SixHours, vec![("06:00:00", 3, 4.0, 30.0)]),
        (Interval::Day, vec![("00:00:00", 3, 4.0, 30.0)]),
    ] {
        let latency = measured(interval).await;

        let points = latency.series.iter().filter(|point| point.time_to_delivered.count > 0);
        let told: Vec<_> = points
            .map(|point| {
                let spans = &point.time_to_delivered;
                (point.at, spans.count, spans.p50.expect("measured"), spans.p95.expect("measured"))
            })
            .collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(time, n, p50, p95)| (at(time), n, p50, p95)).collect();
        assert_eq!(told, expected, "{interval:?}");
        assert_eq!(latency.time_to_delivered.count, 3);
        assert_eq!(latency.time_to_delivered.p95, Some(30.0));
    }
}

#[tokio::test]
async fn empty_buckets_are_there_and_say_nothing() {
    let latency = measured(Interval::QuarterHour).await;

    assert_eq!(latency.series.len(), 10);
    assert_eq!(
        (latency.series[0].time_to_delivered.count, latency.series[0].time_to_delivered.p50),
        (0, None)
    );
}

#[tokio::test]
async fn the_messages_that_were_measured_can_be_listed() {
    let desk = Desk::with(&a_morning(), 100).await;
    let list = async |span: &str| {
        let filter = MessageFilter { measured: Some(span.to_owned()), ..MessageFilter::default() };
        desk.queries.messages(&filter, 50, None).await
    };

    let ids: Vec<_> =
        list("time_to_delivered").await.expect("a page").data.into_iter().map(|m| m.id).collect();

    assert_eq!(ids, [3, 2, 1].map(|number| message_id(number).to_string()));
    assert!(matches!(list("time_to_nowhere").await, Err(QueryError::Unknown("measured"))));
}

#[tokio::test]
async fn a_mail_without_a_word_is_known_until_something_is_heard_after_it() {
    let desk = Desk::with(&a_morning(), 100).await;
    let queries = &desk.queries;

    assert_eq!(queries.last_sent().await.expect("an answer"), Some(at("11:10:02")));
    assert_eq!(queries.first_unreported(at("10:30:00")).await.expect("an answer"), Some(at("11:10:02")));
    assert_eq!(queries.first_unreported(at("11:10:02")).await.expect("an answer"), None);
}
