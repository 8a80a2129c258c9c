//! Rollups and single messages count the same, wherever a range is cut.

use backstamp::domain::delivery::Histograms;
use backstamp::queries::{DeliveryQuery, Dimension, Interval, QueryError};
use chrono::TimeDelta;

use crate::history::{Desk, History, at, cohort};

/// Some hundred mails over five hours, each with a different fate.
fn a_busy_morning() -> History {
    let mut history = History::default();
    for number in 1..=240_u32 {
        let requested = at("06:10:00") + TimeDelta::seconds(i64::from(number) * 77);
        let domain = ["gmail.com", "example.test", "yahoo.com"][(number % 3) as usize];
        let template = if number % 4 == 0 { "email-verification" } else { "password-reset" };
        let recipient = format!("m{number}@{domain}");
        let mail = history.mail(number.into());
        let mail = mail.requested_with(template, &recipient, requested, number % 5 != 0);
        if number % 7 == 0 {
            continue;
        }
        let sent = requested + TimeDelta::milliseconds(i64::from(number) * 13);
        let mail = mail.sent_at(sent);
        if number % 6 != 0 {
            let host = (number % 8 == 0).then_some("mx-1.pphosted.com");
            mail.delivered_at(sent + TimeDelta::milliseconds(i64::from(number) * 331), host);
        }
    }
    history
}

#[tokio::test]
async fn hours_from_rollups_agree_with_minutes_from_messages() {
    let desk = Desk::with(&a_busy_morning().shuffled(9), 1_000).await;
    for (from, to) in [
        ("06:00:00", "12:00:00"),
        ("06:30:00", "09:30:00"),
        ("07:00:00", "08:00:00"),
        ("07:00:01", "07:59:59"),
        ("07:59:00", "09:01:00"),
    ] {
        let by_hours = cohort(from, to, Interval::Hour, Some(Dimension::RecipientDomain));
        let by_minutes = cohort(from, to, Interval::Minute, None);

        let hours = desk.queries.delivery(&by_hours).await.expect("an answer");
        let minutes = desk.queries.delivery(&by_minutes).await.expect("an answer");

        assert!(hours.totals.requested > 30, "{from} to {to} is not empty");
        assert_eq!(hours.totals, minutes.totals, "{from} to {to}");
        assert_eq!(hours.time_to_delivered, minutes.time_to_delivered, "{from} to {to}");
        let of_groups: i64 = hours.groups.iter().map(|group| group.totals.requested).sum();
        assert_eq!(of_groups, hours.totals.requested, "{from} to {to}");
    }
}

#[tokio::test]
async fn rollups_of_every_grain_are_the_sum_of_the_messages_and_nothing_else() {
    let desk = Desk::with(&a_busy_morning().doubled().shuffled(3), 11).await;
    let database = &desk.scratch.database;
    let sum = async |sql: &str| database.fetch_one(sql, &[]).await.unwrap().int("n").unwrap();
    let single = sum("SELECT COUNT(time_to_delivered) AS n FROM delivery_facts").await;

    for grain in ["hour", "day", "domain_hour", "domain_day"] {
        let sql = "SELECT requested, spans FROM delivery_rollups WHERE grain = $1";
        let (mut requested, mut spans) = (0, Histograms::default());
        for row in database.fetch_all(sql, &[grain.into()]).await.unwrap() {
            requested += row.int("requested").unwrap();
            spans.add(&Histograms::decode(&row.bytes("spans").unwrap()).unwrap());
        }

        assert_eq!((requested, spans.of("time_to_delivered").count()), (240, single), "{grain}");
    }
    assert_eq!(sum("SELECT COUNT(*) AS n FROM delivery_rollups WHERE sent < 0").await, 0);
}

#[tokio::test]
async fn whole_days_agree_with_their_hours_and_their_minutes() {
    let desk = Desk::with(&a_busy_morning().shuffled(5), 50).await;
    let day = |interval, domain: Option<&str>| DeliveryQuery {
        from: at("00:00:00") - TimeDelta::minutes(90),
        to: at("00:00:00") + TimeDelta::hours(40),
        recipient_domain: domain.map(str::to_owned),
        ..cohort("00:00:00", "01:00:00", interval, Some(Dimension::MailboxProvider))
    };

    for domain in [None, Some("yahoo.com")] {
        let days = desk.queries.delivery(&day(Interval::Day, domain)).await.expect("an answer");
        let hours = desk.queries.delivery(&day(Interval::Hour, domain)).await.expect("an answer");
        let minutes = desk.queries.delivery(&day(Interval::Minute, domain)).await.expect("an answer");

        assert_eq!(days.totals.requested, if domain.is_some() { 80 } else { 240 });
        assert_eq!((days.totals, &days.groups), (hours.totals, &hours.groups));
        assert_eq!((days.totals, &days.groups), (minutes.totals, &minutes.groups));
        assert_eq!(days.time_to_delivered, minutes.time_to_delivered);
        assert_eq!((days.series.len(), hours.series.len()), (3, 42));
    }
}

#[tokio::test]
async fn a_mailbox_that_becomes_known_late_moves_the_whole_message() {
    let mut history = History::default();
    history.mail(1).requested("password-reset", "a@example.test", "10:00:00").sent("10:00:01");
    let desk = Desk::with(&history, 1).await;
    let query = cohort("10:00:00", "11:00:00", Interval::Hour, Some(Dimension::MailboxProvider));
    let keys = async || {
        let metrics = desk.queries.delivery(&query).await.expect("an answer");
        metrics.groups.into_iter().map(|group| (group.key, group.totals.requested)).collect::<Vec<_>>()
    };

    let before = keys().await;
    history.mail(1).delivered_at(at("10:00:09"), Some("aspmx.l.google.com"));
    desk.fold(&history.recorded()[2..], 1).await;

    assert_eq!(before, [("other".to_owned(), 1)]);
    assert_eq!(keys().await, [("gmail".to_owned(), 1)]);
}

#[tokio::test]
async fn a_series_nobody_could_look_at_is_refused() {
    let desk = Desk::new().await;
    let mut query = cohort("00:00:00", "10:00:00", Interval::Minute, None);
    query.to = query.from + TimeDelta::days(3);
    let backwards = cohort("10:00:00", "09:00:00", Interval::Minute, None);

    let long = desk.queries.delivery(&query).await;
    let backwards = desk.queries.delivery(&backwards).await;

    assert!(matches!(long, Err(QueryError::TooManyPoints { .. })));
    assert!(matches!(backwards, Err(QueryError::EmptyRange)));
}
