//! Failures, grouped by why.

use backstamp::domain::bounce::Category;
use backstamp::queries::{BounceMetrics, DeliveryQuery, FailureFilter, Interval, MessageFilter};

use crate::history::{Desk, History, at, cohort};

fn range(from: &str, to: &str) -> DeliveryQuery {
    cohort(from, to, Interval::Hour, None)
}

/// Two dead addresses in the same words, one listed sender, one full mailbox that was deferred before.
fn a_bad_morning() -> History {
    let mut history = History::default();
    for (number, said) in [
        (1, "550 5.1.1 <m1@gmail.com>: Recipient address rejected: User unknown"),
        (2, "550 5.1.1 <m2@gmail.com>: Recipient address rejected: User unknown"),
        (3, "554 5.7.1 Client host [192.0.2.3] blocked using zen.spamhaus.org"),
        (4, "552 5.2.2 Mailbox full"),
    ] {
        let domain = if number == 3 { "yahoo.com" } else { "gmail.com" };
        let mail = history.mail(number);
        let mail =
            mail.requested("password-reset", &format!("m{number}@{domain}"), "10:00:00").sent("10:00:01");
        let mail = if number == 4 { mail.deferred_with("10:30:00", "452 4.2.2 Mailbox full") } else { mail };
        mail.bounced_with(&format!("11:0{number}:00"), said);
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
async fn they_count_in_the_hour_in_which_they_happened() {
    let desk = Desk::with(&a_bad_morning(), 100).await;

    let metrics = told(&desk, &range("10:00:00", "12:00:00")).await;
    let of_the_first_hour = told(&desk, &range("10:00:00", "11:00:00")).await;

    let full = |point: usize| metrics.series[point].categories.get("mailbox_full").copied();
    assert_eq!((metrics.series.len(), full(0), full(1)), (2, Some(1), Some(1)));
    assert_eq!((of_the_first_hour.failed, of_the_first_hour.categories[0].permanent), (1, 0));
}

#[tokio::test]
async fn every_number_is_the_length_of_a_list() {
    let desk = Desk::with(&a_bad_morning(), 7).await;
    let query = range("10:15:00", "12:00:00");
    let metrics = told(&desk, &query).await;
    let rows = async |failure: FailureFilter, mailbox_provider: Option<String>| {
        let failure = FailureFilter { after: Some(query.from), before: Some(query.to), ..failure };
        let filter = MessageFilter { failure, mailbox_provider, ..MessageFilter::default() };
        let counted = desk.queries.count_messages(&filter).await.expect("a count");
        let page = desk.queries.messages(&filter, 100, None).await.expect("a page");
        assert_eq!(counted, page.data.len() as i64);
        counted
    };

    assert_eq!(rows(FailureFilter::default(), None).await, metrics.failed);
    for told in &metrics.categories {
        let of = FailureFilter { category: Some(told.category.as_str().into()), ..Default::default() };
        assert_eq!(rows(of.clone(), None).await, told.count);
        assert_eq!(rows(FailureFilter { permanent: Some(true), ..of.clone() }, None).await, told.permanent);
        for provider in &told.providers {
            assert_eq!(rows(of.clone(), Some(provider.mailbox_provider.clone())).await, provider.count);
        }
        for sample in &told.samples {
            let said = FailureFilter {
                rule: Some(sample.rule.clone()),
                text: Some(sample.normalized.clone()),
                ..of.clone()
            };
            assert_eq!(rows(said, None).await, sample.count);
        }
    }
    let unknown = FailureFilter { category: Some("1 OR 1=1".into()), ..Default::default() };
    let filter = MessageFilter { failure: unknown, ..MessageFilter::default() };
    assert!(desk.queries.count_messages(&filter).await.is_err());
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
async fn filters_narrow_them() {
    let desk = Desk::with(&a_bad_morning(), 10).await;
    let query = DeliveryQuery { mailbox_provider: Some("yahoo".into()), ..range("10:00:00", "12:00:00") };

    let metrics = told(&desk, &query).await;

    assert_eq!((metrics.failed, metrics.categories.len()), (1, 1));
}
