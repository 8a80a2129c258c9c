//! Every number of an answer is the number of rows of a list: on random histories, with contradictions, told in
//! any order and more than once.

use backstamp::domain::delivery::{Counters, Durations, Step};
use backstamp::queries::{DeliveryQuery, Dimension, Interval, MessageFilter, MessageSummary};
use chrono::TimeDelta;
use futures_util::TryStreamExt;

use crate::history::{Desk, History, at};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Mails over two and a half days to which anything may happen at any time.
fn anything(seed: u64) -> History {
    let (mut history, mut dice) = (History::default(), Dice(seed));
    for number in 1..=120 {
        let requested = at("03:00:00") + TimeDelta::seconds(dice.roll(216_000) as i64);
        let domain = ["gmail.com", "example.test", "yahoo.com", "outlook.com"][dice.roll(4) as usize];
        let template = ["password-reset", "password-changed"][dice.roll(2) as usize];
        let (recipient, tracked) = (format!("m{number}@{domain}"), dice.roll(4) > 0);
        history.mail(number).requested_with(template, &recipient, requested, tracked);
        for _ in 0..dice.roll(9) {
            let later = requested + TimeDelta::milliseconds(dice.roll(90_000) as i64);
            let time = later.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            let mail = history.mail(number);
            match dice.roll(14) {
                0..4 => mail.sent_at(later),
                4..7 => mail.delivered_at(later, (dice.roll(3) == 0).then_some("mx.google.com")),
                7 => mail.deferred(&time),
                8 => mail.bounced(&time, "5.1.1 no such user"),
                9 => mail.suppressed_by_us(&time),
                10 => mail.opened_by_a_person(&time),
                11 => mail.opened_by_a_machine(&time),
                12 => mail.visited(&time),
                _ if dice.roll(2) == 0 => mail.completed(&time),
                _ => mail.complained(&time),
            };
        }
    }
    history.doubled().shuffled(seed)
}

async fn list(
    desk: &Desk,
    query: &DeliveryQuery,
    adjust: impl FnOnce(&mut MessageFilter),
) -> Vec<MessageSummary> {
    let mut filter = MessageFilter {
        after: Some(query.from),
        before: Some(query.to),
        template: query.template.clone(),
        mailbox_provider: query.mailbox_provider.clone(),
        recipient_domain: query.recipient_domain.clone(),
        ..MessageFilter::default()
    };
    adjust(&mut filter);
    let counted = desk.queries.count_messages(&filter).await.expect("a count");
    let rows =
        desk.queries.every_message(filter.clone()).expect("a filter").try_concat().await.expect("rows");
    assert_eq!((counted.rows, counted.is_all), (rows.len() as i64, true), "{filter:?}");
    rows
}

/// Counters by their names.
fn named(counters: &Counters) -> Vec<(&'static str, i64)> {
    Counters::FLAGS.iter().chain(Counters::COUNTS).copied().zip(counters.values()).collect()
}

async fn assert_counters(desk: &Desk, query: &DeliveryQuery, totals: &Counters) {
    for (name, number) in named(totals) {
        let rows = list(desk, query, |filter| filter.flags = vec![name.to_owned()]).await;
        let told = match name {
            "opens_human" => rows.iter().map(|row| row.opens_human).sum(),
            "opens_machine" => rows.iter().map(|row| row.opens_machine).sum(),
            "clicks_human" => rows.iter().map(|row| row.clicks_human).sum(),
            "clicks_machine" => rows.iter().map(|row| row.clicks_machine).sum(),
            _ => rows.len() as i64,
        };
        assert_eq!(told, number, "{name} of {query:?}");
        let by_outcome = list(desk, query, |filter| filter.outcome = Some(name.to_owned())).await;
        if !["deferred", "sent"].contains(&name) {
            assert_eq!(by_outcome.len(), rows.len(), "{name}");
        }
        let others = list(desk, query, |filter| filter.flags = vec![format!("-{name}")]).await;
        assert_eq!((others.len() + rows.len()) as i64, totals.requested, "not {name}");
    }
    for flags in [
        ["delivered", "-open_tracked_delivered"],
        ["-open_tracked_opened", "open_tracked_opened_raw"],
        ["opened", "sent"],
        ["sent", "completed"],
        ["clicked", "-delivered"],
        ["deferred", "complained"],
    ] {
        list(desk, query, |filter| filter.flags = flags.map(str::to_owned).to_vec()).await;
    }
    for step in Step::ALL {
        list(desk, query, |filter| filter.lost_at = Some(step.as_str().to_owned())).await;
    }
    for span in Durations::NAMES {
        list(desk, query, |filter| filter.measured = Some((*span).to_owned())).await;
    }
}

fn cohorts() -> Vec<DeliveryQuery> {
    let day = at("00:00:00");
    let over = |hours, minutes| {
        DeliveryQuery::over(day, day + TimeDelta::hours(hours) + TimeDelta::minutes(minutes))
    };
    vec![
        DeliveryQuery { interval: Interval::Day, ..over(72, 0) },
        DeliveryQuery { from: day + TimeDelta::minutes(245), ..over(30, 7) },
        DeliveryQuery { interval: Interval::Minute, mailbox_provider: Some("gmail".into()), ..over(40, 0) },
        DeliveryQuery { recipient_domain: Some("yahoo.com".into()), ..over(60, 1) },
        DeliveryQuery { template: Some("password-changed".into()), ..over(72, 0) },
    ]
}

#[tokio::test]
async fn every_counter_is_the_length_of_a_list() {
    for seed in 1..=3 {
        let desk = Desk::with(&anything(seed), 37).await;
        for query in cohorts() {
            let metrics = desk.queries.delivery(&query).await.expect("an answer");

            assert!(
                metrics.totals.requested > 5 && metrics.totals.bounced > 0,
                "{query:?} has something to count"
            );
            assert_counters(&desk, &query, &metrics.totals).await;
            let mut sum = Counters::default();
            metrics.series.iter().for_each(|point| sum.add(&point.totals, 1));
            assert_eq!(sum, metrics.totals);
        }
    }
}

#[tokio::test]
async fn every_number_of_a_group_is_the_length_of_a_list() {
    let desk = Desk::with(&anything(4), 50).await;
    for dimension in [Dimension::Template, Dimension::MailboxProvider, Dimension::RecipientDomain] {
        let whole = DeliveryQuery { group_by: Some(dimension), ..cohorts().swap_remove(0) };
        let metrics = desk.queries.delivery(&whole).await.expect("an answer");

        assert!(metrics.groups.len() > 1);
        for group in metrics.groups {
            let key = Some(group.key);
            let mut query = whole.clone();
            match dimension {
                Dimension::Template => query.template = key,
                Dimension::MailboxProvider => query.mailbox_provider = key,
                _ => query.recipient_domain = key,
            }
            assert_counters(&desk, &query, &group.totals).await;
        }
    }
}

#[tokio::test]
async fn every_number_of_the_funnel_is_the_length_of_a_list() {
    for seed in 5..=7 {
        let desk = Desk::with(&anything(seed), 11).await;
        for query in cohorts() {
            let funnel = desk.queries.funnel(&query).await.expect("an answer");

            let mut before = None;
            for step in &funnel.steps {
                let reached =
                    list(&desk, &query, |filter| filter.flags = vec![step.name.as_str().into()]).await;
                assert_eq!(step.count, reached.len() as i64, "{:?}", step.name);
                for lost in &step.losses {
                    let rows = list(&desk, &query, |filter| {
                        filter.lost_at = Some(step.name.as_str().into());
                        filter.loss = Some(lost.reason.clone());
                    });
                    assert_eq!(lost.count, rows.await.len() as i64, "{:?} {}", step.name, lost.reason);
                }
                let lost: i64 = step.losses.iter().map(|lost| lost.count).sum();
                assert_eq!(lost, before.unwrap_or(step.count) - step.count, "{:?}", step.name);
                before = Some(step.count);
            }
            let metrics = desk.queries.delivery(&query).await.expect("an answer");
            assert_eq!(funnel.steps[1].time_from_previous.as_ref(), Some(&metrics.time_to_accept));
            assert_eq!(funnel.request_to_completed, metrics.request_to_completed);
        }
    }
}

#[tokio::test]
async fn the_numbers_are_the_same_however_the_history_is_told() {
    let once = Desk::with(&anything(8), 1_000).await;
    let again = Desk::with(&anything(8).reversed().doubled(), 3).await;
    for query in cohorts() {
        let [one, other] = [&once, &again].map(|desk| desk.queries.delivery(&query));

        assert_eq!(one.await.expect("an answer"), other.await.expect("an answer"));
        let [one, other] = [&once, &again].map(|desk| desk.queries.funnel(&query));
        assert_eq!(one.await.expect("an answer"), other.await.expect("an answer"));
    }
}
