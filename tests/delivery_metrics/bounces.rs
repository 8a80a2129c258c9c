//! Failures, grouped by why.

use backstamp::domain::bounce::Category;
use backstamp::domain::password_reset::PasswordResetEvent;
use backstamp::event_log::LogEvent;
use backstamp::queries::{BounceMetrics, DeliveryQuery, FailureFilter, Interval, MessageFilter};

use chrono::TimeDelta;

use crate::history::{Desk, History, at, cohort};

fn range(from: &str, to: &str) -> DeliveryQuery {
    cohort(from, to, Interval::Hour, None)
}

/// Two dead addresses in the same words, one listed sender, one full mailbox that was deferred before; each failed an
/// hour after it was asked for.
fn a_bad_morning() -> History {
    let mut history = History::default();
    for (number, hour, said) in [
        (1, 10, "550 5.1.1 <m1@gmail.com>: Recipient address rejected: User unknown"),
        (2, 10, "550 5.1.1 <m2@gmail.com>: Recipient address rejected: User unknown"),
        (3, 11, "554 5.7.1 Client host [192.0.2.3] blocked using zen.spamhaus.org"),
        (4, 11, "552 5.2.2 Mailbox full"),
    ] {
        let domain = if number == 3 { "yahoo.com" } else { "gmail.com" };
        let recipient = format!("m{number}@{domain}");
        let mail =
            history.mail(number).requested("password-reset", &recipient, &format!("{hour}:0{number}:00"));
        let mail = mail.sent(&format!("{hour}:0{number}:01"));
        let mail = if number == 4 { mail.deferred_with("11:30:00", "452 4.2.2 Mailbox full") } else { mail };
        mail.bounced_with(&format!("{}:0{number}:00", hour + 1), said);
    }
    history
}

async fn told(desk: &Desk, query: &DeliveryQuery) -> BounceMetrics {
    desk.queries.bounces(query).await.expect("an answer")
}

#[tokio::test]
async fn the_critical_ones_come_first_and_the_same_words_are_one_sample() {
    let desk = Desk::with(&a_bad_morning(), 3).await;

    let metrics = told(&desk, &range("10:00:00", "12:00:00")).await;

    let categories: Vec<_> = metrics.categories.iter().map(|c| (c.category, c.count, c.permanent)).collect();
    assert_eq!(
        categories,
        [(Category::Blocklisted, 1, 1), (Category::InvalidRecipient, 2, 2), (Category::MailboxFull, 1, 1)]
    );
    assert_eq!((metrics.failed, metrics.categories[1].share), (4, 0.5));
    let sample = &metrics.categories[1].samples[0];
    assert_eq!((sample.count, sample.last_seen), (2, at("11:02:00")));
    assert!(sample.normalized.contains("User unknown") && !sample.normalized.contains('@'));
    assert_eq!(metrics.categories[0].providers[0].mailbox_provider, "yahoo");
    assert!(metrics.categories[0].critical && !metrics.categories[0].advice.is_empty());
}

#[tokio::test]
async fn they_count_in_the_hour_in_which_the_message_was_asked_for() {
    let desk = Desk::with(&a_bad_morning(), 100).await;

    let metrics = told(&desk, &range("10:00:00", "12:00:00")).await;
    let of_the_first_hour = told(&desk, &range("10:00:00", "11:00:00")).await;
    let of_the_last = told(&desk, &range("12:00:00", "13:00:00")).await;

    let at = |point: usize, category| metrics.series[point].categories.get(category).copied();
    assert_eq!(metrics.series.len(), 2);
    assert_eq!((at(0, "invalid_recipient"), at(0, "mailbox_full")), (Some(2), None));
    assert_eq!((at(1, "invalid_recipient"), at(1, "mailbox_full")), (None, Some(1)));
    assert_eq!((of_the_first_hour.failed, of_the_first_hour.categories.len()), (2, 1));
    assert_eq!((of_the_last.failed, of_the_last.categories.len()), (0, 0));
}

#[tokio::test]
async fn minutes_from_messages_hours_and_days_from_rollups_say_the_same() {
    let desk = Desk::with(&a_bad_morning().doubled().shuffled(4), 3).await;
    let day = |interval, recipient_domain: Option<&str>| DeliveryQuery {
        from: at("00:00:00") - TimeDelta::minutes(90),
        to: at("00:00:00") + TimeDelta::hours(40),
        recipient_domain: recipient_domain.map(str::to_owned),
        ..cohort("00:00:00", "01:00:00", interval, None)
    };

    for domain in [None, Some("gmail.com")] {
        let minutes = told(&desk, &day(Interval::Minute, domain)).await;
        assert_eq!(minutes.failed, if domain.is_some() { 3 } else { 4 });
        for interval in [Interval::Hour, Interval::Day] {
            let metrics = told(&desk, &day(interval, domain)).await;
            assert_eq!((metrics.failed, &metrics.categories), (minutes.failed, &minutes.categories));
            let counted = |metrics: &BounceMetrics| -> i64 {
                metrics.series.iter().flat_map(|point| point.categories.values()).sum()
            };
            assert_eq!(counted(&metrics), counted(&minutes));
        }
    }
    // Cut within an hour, so that samples come from messages; and around it, from its sum.
    let cut = told(&desk, &range("10:01:00", "10:03:00")).await.categories;
    assert_eq!(cut, told(&desk, &range("10:00:00", "11:00:00")).await.categories);
}

#[tokio::test]
async fn every_number_is_the_length_of_a_list() {
    let desk = Desk::with(&a_bad_morning(), 7).await;
    let query = range("10:02:00", "12:00:00");
    let metrics = told(&desk, &query).await;
    let rows = async |failure: FailureFilter, mailbox_provider: Option<String>, flags: Vec<String>| {
        let (after, before) = (Some(query.from), Some(query.to));
        let filter =
            MessageFilter { failure, mailbox_provider, flags, after, before, ..MessageFilter::default() };
        let counted = desk.queries.count_messages(&filter).await.expect("a count");
        let page = desk.queries.messages(&filter, 100, None).await.expect("a page");
        assert_eq!(counted.rows, page.data.len() as i64);
        counted.rows
    };

    assert_eq!(rows(FailureFilter::default(), None, vec!["failed".into()]).await, metrics.failed);
    assert_eq!(metrics.failed, 3);
    for told in &metrics.categories {
        let of = FailureFilter { category: Some(told.category.as_str().into()), ..Default::default() };
        assert_eq!(rows(of.clone(), None, vec![]).await, told.count);
        let for_good = FailureFilter { permanent: Some(true), ..of.clone() };
        assert_eq!(rows(for_good, None, vec![]).await, told.permanent);
        for provider in &told.providers {
            let at = Some(provider.mailbox_provider.clone());
            assert_eq!(rows(of.clone(), at, vec![]).await, provider.count);
        }
        for sample in &told.samples {
            let said = FailureFilter {
                rule: Some(sample.rule.clone()),
                text: Some(sample.normalized.clone()),
                ..of.clone()
            };
            assert_eq!(rows(said, None, vec![]).await, sample.count);
        }
    }
    let for_now = FailureFilter { permanent: Some(false), ..Default::default() };
    assert_eq!(rows(for_now.clone(), None, vec![]).await, 1);
    let dead = Some("invalid_recipient".to_owned());
    assert_eq!(rows(FailureFilter { category: dead, ..for_now }, None, vec![]).await, 0);
    let unknown = FailureFilter { category: Some("1 OR 1=1".into()), ..Default::default() };
    let filter = MessageFilter { failure: unknown, ..MessageFilter::default() };
    assert!(desk.queries.count_messages(&filter).await.is_err());
}

#[tokio::test]
async fn a_mailbox_that_becomes_known_late_takes_what_was_said_along() {
    let mut history = History::default();
    for (number, said_at) in [(1, "10:20:00"), (2, "10:50:00")] {
        let mail = history.mail(number);
        let mail = mail.requested("password-reset", &format!("m{number}@example.test"), "10:00:00");
        mail.sent("10:00:01").deferred_with(said_at, "451 4.7.1 Greylisted, try again later");
    }
    let desk = Desk::with(&history, 2).await;
    let said = async |mailbox: &str| {
        let query = DeliveryQuery { mailbox_provider: Some(mailbox.into()), ..range("10:00:00", "11:00:00") };
        let metrics = told(&desk, &query).await;
        metrics.categories.first().map(|one| (one.samples[0].count, one.samples[0].last_seen))
    };
    assert_eq!(said("other").await, Some((2, at("10:50:00"))));

    let known = history.recorded().len();
    history.mail(2).delivered_at(at("11:30:00"), Some("aspmx.l.google.com"));
    desk.fold(&history.recorded()[known..], 1).await;

    assert_eq!(said("other").await, Some((1, at("10:20:00"))));
    assert_eq!(said("gmail").await, Some((1, at("10:50:00"))));
}

#[tokio::test]
async fn of_an_erased_person_numbers_stay_and_words_go() {
    let mut history = a_bad_morning();
    let desk = Desk::with(&history, 5).await;
    let query = range("10:00:00", "12:00:00");
    let before = told(&desk, &query).await;

    let known = history.recorded().len();
    for number in [2, 4] {
        let erased = PasswordResetEvent::Erased { at: at("14:00:00") };
        history.tell(&format!("key of m{number}@gmail.com"), "operator", LogEvent::PasswordReset(erased));
    }
    desk.fold(&history.recorded()[known..], 10).await;

    let after = told(&desk, &query).await;
    let counts = |metrics: &BounceMetrics| -> Vec<_> {
        metrics.categories.iter().map(|one| (one.category, one.count)).collect()
    };
    let samples = |metrics: &BounceMetrics| -> Vec<_> {
        metrics
            .categories
            .iter()
            .map(|one| one.samples.iter().map(|sample| sample.count).sum::<i64>())
            .collect()
    };
    assert_eq!(counts(&after), counts(&before));
    assert_eq!((samples(&before), samples(&after)), (vec![1, 2, 2], vec![1, 1, 0]));
    let dead = &after.categories[1].samples[0];
    assert_eq!(dead.last_seen, at("11:01:00"), "what is left was said of the other");
    let kept = desk.scratch.database.fetch_all("SELECT normalized FROM bounce_samples", &[]).await.unwrap();
    assert!(kept.iter().all(|row| !row.text("normalized").unwrap().contains("full")));
}

#[tokio::test]
async fn the_order_of_events_and_their_repetition_change_nothing() {
    let straight = Desk::with(&a_bad_morning(), 1_000).await;
    let query = range("10:00:00", "12:00:00");
    let expected = told(&straight, &query).await;

    for seed in [3, 9] {
        let desk = Desk::with(&a_bad_morning().doubled().shuffled(seed), 2).await;
        let metrics = told(&desk, &query).await;
        assert_eq!(
            (metrics.categories, metrics.series),
            (expected.categories.clone(), expected.series.clone())
        );
    }
}

#[tokio::test]
async fn whoever_asks_anew_after_being_erased_is_not_erased_with_it() {
    let mut history = History::default();
    let erased = PasswordResetEvent::Erased { at: at("11:00:00") };
    let fail = |history: &mut History, number, hour: &str| {
        let mail =
            history.mail(number).requested("password-reset", "ada@example.test", &format!("{hour}:00:00"));
        mail.deferred_with(&format!("{hour}:00:05"), "452 4.2.2 Mailbox full");
    };
    fail(&mut history, 1, "10");
    history.tell("key of ada@example.test", "operator", LogEvent::PasswordReset(erased));
    fail(&mut history, 2, "12");

    for batch in [1, 100] {
        let desk = Desk::with(&history, batch).await;
        let metrics = told(&desk, &range("10:00:00", "13:00:00")).await;
        let full = &metrics.categories[0];
        assert_eq!((full.count, full.samples[0].count, full.samples[0].last_seen), (2, 1, at("12:00:05")));
        let page = desk.queries.messages(&MessageFilter::default(), 10, None).await.expect("a page");
        let known: Vec<_> = page.data.iter().map(|message| message.recipient.is_some()).collect();
        assert_eq!(known, [true, false], "in batches of {batch}");
    }
}

#[tokio::test]
async fn filters_narrow_them() {
    let desk = Desk::with(&a_bad_morning(), 10).await;
    let query = DeliveryQuery { mailbox_provider: Some("yahoo".into()), ..range("10:00:00", "12:00:00") };

    let metrics = told(&desk, &query).await;

    assert_eq!((metrics.failed, metrics.categories.len()), (1, 1));
}
