//! How long operators wait for an answer when there are many messages, and by which plan it is found: fills the
//! read model behind the log of mails and the metrics through its projection, then asks.
//!
//! `cargo bench --bench read_models` measures SQLite, or PostgreSQL when BACKSTAMP_TEST_DATABASE_URL names a server.
//! BENCH_MESSAGES (1,000,000) are requested over 90 days, to some thousand domains.

use std::sync::Arc;

use backstamp::clock::FixedClock;
use backstamp::database::Dialect;
use backstamp::database::scratch::Scratch;
use backstamp::domain::address::EmailAddress;
use backstamp::domain::id::{AccountId, CommandId, EventId, MessageId};
use backstamp::domain::mailbox_provider::MailboxProvider;
use backstamp::domain::message::{Cause, MessageEvent, Requested};
use backstamp::domain::provider_event::{Delivery, Diagnostic, DiagnosticText};
use backstamp::domain::sealed::Sealed;
use backstamp::event_log::{Consumer, LogEvent, Metadata, RecordedEvent};
use backstamp::projections::Deliveries;
use backstamp::queries::{DeliveryQuery, Dimension, Interval, MessageFilter, Queries, Settings};
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::DomainEvent;
use uuid::Uuid;

const DAYS: i64 = 90;
/// Events that a subscription folds at once.
const BATCH: usize = 1_000;

fn messages() -> u64 {
    std::env::var("BENCH_MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).expect("the first of January 2026")
}

/// Numbers that look random and are the same every time.
fn dice(number: u64, of: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) % of
}

/// A message and what became of it: of a hundred, 95 arrive, 2 bounce, 1 is lost.
fn story(number: u64, total: u64) -> Vec<(MessageId, MessageEvent)> {
    let step = TimeDelta::days(DAYS).num_microseconds().unwrap_or_default() / total.max(1).cast_signed();
    let at = start() + TimeDelta::microseconds(step * number.cast_signed());
    let domain = match number % 10 {
        0..5 => "gmail.com".to_owned(),
        5 => "outlook.com".to_owned(),
        6 => "yahoo.com".to_owned(),
        _ => format!("company{}.example", (number / 10) % 5_000),
    };
    let recipient = EmailAddress::parse(&format!("user{number}@{domain}")).expect("an address");
    let id = MessageId::from_uuid(Uuid::from_u128(u128::from(number) + 1));
    let requested = Requested {
        template: ["password-reset", "password-changed", "email-verification"][(number % 3) as usize].into(),
        recipient_key: format!("{:032x}", number / 4),
        mailbox_provider: MailboxProvider::of_domain(&domain).as_str().into(),
        recipient: recipient.into(),
        provider: "mailgun".into(),
        cause: Cause::AccountChanged { account_id: AccountId::from_uuid(Uuid::from_u128(1)) },
        locale: None,
        data: Sealed::Erased,
        opens_tracked: true,
        clicks_tracked: true,
        send_before: None,
        at,
    };
    let sent_at = at + TimeDelta::milliseconds(200 + dice(number, 2_000).cast_signed());
    let later = sent_at + TimeDelta::milliseconds(500 + dice(number + 7, 90_000).cast_signed());
    let sent = MessageEvent::Sent {
        attempt: 1,
        provider_message_id: format!("{number}@mail.test"),
        reply: None,
        at: sent_at,
    };
    let mut events = vec![MessageEvent::Requested(requested), sent];
    match number % 100 {
        0 => {}
        1..3 => events.push(MessageEvent::Bounced {
            diagnostic: diagnostic(),
            delayed: false,
            at_hand_over: None,
            at: later,
        }),
        outcome => {
            events.push(MessageEvent::Delivered { delivery: Delivery::default(), at: later });
            if outcome == 3 && number % 1_000 == 3 {
                events.push(MessageEvent::Complained { at: later });
            }
        }
    }
    events.into_iter().map(|event| (id, event)).collect()
}

fn diagnostic() -> Diagnostic {
    Diagnostic {
        code: Some(550),
        enhanced: Some("5.1.1".into()),
        reason: Some("bounce".into()),
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText { message: "no such user".into(), ..DiagnosticText::default() }.into(),
    }
}

fn recorded(position: i64, message: MessageId, event: MessageEvent) -> RecordedEvent {
    RecordedEvent {
        position,
        stream: message.to_string(),
        sequence: position,
        event_type: event.event_type(),
        event: LogEvent::Message(event),
        metadata: Metadata {
            event_id: EventId::from_uuid(Uuid::nil()),
            command_id: CommandId::from_uuid(Uuid::nil()),
            causation: "bench".into(),
            data_key: None,
            recorded_at: start(),
        },
    }
}

async fn fill(scratch: &Scratch, total: u64) -> f64 {
    let since = tokio::time::Instant::now();
    let (mut batch, mut position) = (Vec::with_capacity(BATCH + 4), 0);
    for number in 0..total {
        for (message, event) in story(number, total) {
            position += 1;
            batch.push(recorded(position, message, event));
        }
        if batch.len() >= BATCH || number + 1 == total {
            let mut transaction = scratch.database.begin().await.expect("a transaction");
            Deliveries.handle(&batch, &mut transaction).await.expect("the batch is folded");
            transaction.commit().await.expect("the batch is committed");
            batch.clear();
        }
    }
    if scratch.database.dialect() == Dialect::Postgres {
        scratch.database.execute("ANALYZE", &[]).await.expect("statistics are made");
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of events fit a double")]
    let events = position as f64;
    events / since.elapsed().as_secs_f64()
}

async fn plan(scratch: &Scratch, sql: &str) {
    let explain = scratch.database.dialect().pick("EXPLAIN ", "EXPLAIN QUERY PLAN ");
    let column = scratch.database.dialect().pick("QUERY PLAN", "detail");
    let rows = scratch.database.fetch_all(&format!("{explain}{sql}"), &[]).await.expect("a plan");
    rows.iter().for_each(|row| println!("      {}", row.text(column).unwrap_or_default()));
}

/// The median of five.
async fn time<F: Future<Output = usize>>(what: &str, ask: impl Fn() -> F) {
    let (mut times, mut rows) = (Vec::new(), 0);
    for _ in 0..5 {
        let since = tokio::time::Instant::now();
        rows = ask().await;
        times.push(since.elapsed());
    }
    times.sort();
    println!("  {what:<58} {:>9.1} ms, {rows} rows or buckets", times[2].as_secs_f64() * 1e3);
}

async fn measure(name: &str, scratch: &Scratch, total: u64) {
    let rate = fill(scratch, total).await;
    println!("{name}: {total} messages, folded at {rate:.0} events a second");
    let end = start() + TimeDelta::days(DAYS);
    let queries = Queries::new(scratch.database.clone(), Arc::new(FixedClock::at(end)), Settings::default());
    let over = |days: i64| DeliveryQuery::over(end - TimeDelta::days(days) - TimeDelta::minutes(7), end);
    let by = |days, interval, group_by| DeliveryQuery { interval, group_by, ..over(days) };
    for (what, query) in [
        ("delivery, 1 day by hours", by(1, Interval::Hour, None)),
        ("delivery, 1 day by minutes", by(1, Interval::Minute, None)),
        ("delivery, 90 days by days", by(DAYS, Interval::Day, None)),
        ("delivery, 90 days by hours", by(DAYS, Interval::Hour, None)),
        ("delivery, 90 days, by mailbox provider", by(DAYS, Interval::Day, Some(Dimension::MailboxProvider))),
        ("delivery, 7 days, by recipient domain", by(7, Interval::Day, Some(Dimension::RecipientDomain))),
        ("delivery, 90 days, by recipient domain", by(DAYS, Interval::Day, Some(Dimension::RecipientDomain))),
    ] {
        time(what, || async { queries.delivery(&query).await.expect("an answer").series.len() }).await;
    }
    time("funnel, 90 days", || async { queries.funnel(&over(DAYS)).await.expect("an answer").steps.len() })
        .await;
    let flags = |flag: &str| MessageFilter { flags: vec![flag.into()], ..MessageFilter::default() };
    for (what, filter) in [
        ("messages, newest 50", MessageFilter::default()),
        ("messages, flag=complained", flags("complained")),
        ("messages, flag=in_flight", flags("in_flight")),
        ("messages, flag=unaccounted", flags("unaccounted")),
        (
            "messages of one recipient",
            MessageFilter { recipient_key: Some(format!("{:032x}", 77)), ..MessageFilter::default() },
        ),
        (
            "messages, one domain, bounced",
            MessageFilter { recipient_domain: Some("company1.example".into()), ..flags("bounced") },
        ),
        (
            "messages, loss=invalid_recipient",
            MessageFilter { loss: Some("invalid_recipient".into()), ..MessageFilter::default() },
        ),
    ] {
        time(what, || async { queries.messages(&filter, 50, None).await.expect("a page").data.len() }).await;
    }
    let range = "requested_at >= 0 AND requested_at < 9223372036854775807";
    let newest = "ORDER BY requested_at DESC, message_id DESC LIMIT 51";
    for (what, sql) in [
        ("sums by day", "SELECT start, SUM(requested) FROM delivery_rollups WHERE start >= 1770000000000000 AND start < 1780000000000000 AND grain = 'day' GROUP BY start".to_owned()),
        ("newest messages", format!("SELECT message_id FROM delivery_facts WHERE {range} {newest}")),
        ("complained", format!("SELECT message_id FROM delivery_facts WHERE {range} AND (flags >> 19) & 1 = 1 {newest}")),
        ("one recipient", format!("SELECT message_id FROM delivery_facts WHERE {range} AND recipient_key = 'x' {newest}")),
    ] {
        println!("  plan of {what}:");
        plan(scratch, &sql).await;
    }
}

#[tokio::main]
async fn main() {
    let server = std::env::var(backstamp::database::scratch::VARIABLE).ok();
    let name = if server.is_some() { "PostgreSQL" } else { "SQLite" };
    let scratch = Scratch::new().await;
    measure(name, &scratch, messages()).await;
}
