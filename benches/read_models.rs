//! How long operators wait for an answer when there are many messages, and by which plan it is found: fills the
//! read models through their projections, as a rebuild does, then asks. The log itself stays empty.
//!
//! `cargo bench --bench read_models` measures SQLite, or PostgreSQL when BACKSTAMP_TEST_DATABASE_URL names a server.
//! BENCH_MESSAGES (1,000,000) are requested over 90 days, to some thousand domains. It takes minutes and some
//! gigabytes; a database made on PostgreSQL stays, named `backstamp_test_…`.

use std::sync::Arc;

use backstamp::clock::FixedClock;
use backstamp::database::scratch::Scratch;
use backstamp::domain::address::EmailAddress;
use backstamp::domain::bounce::Category;
use backstamp::domain::delivery::Failures;
use backstamp::domain::id::{AccountId, CommandId, EventId, MessageId};
use backstamp::domain::mailbox_provider::MailboxProvider;
use backstamp::domain::message::{Cause, MessageEvent, Requested};
use backstamp::domain::provider_event::{Delivery, Diagnostic, DiagnosticText};
use backstamp::domain::sealed::Sealed;
use backstamp::domain::suppression::{Added, Blocks, Reason, SuppressionEvent};
use backstamp::event_log::{Consumer, LogEvent, Metadata, RecordedEvent};
use backstamp::projections::{Deliveries, Suppressions, Timeline};
use backstamp::queries::{
    DeliveryQuery, Dimension, FailureFilter, Interval, MessageFilter, Queries, Settings, SuppressionFilter,
};
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

/// A message and what became of it: of a hundred, 95 arrive, 3 fail for good, for reasons of all kinds, 1 is
/// delayed first, 1 is lost.
fn story(number: u64, total: u64) -> Vec<(String, LogEvent)> {
    let step = TimeDelta::days(DAYS).num_microseconds().unwrap_or_default() / total.max(1).cast_signed();
    let at = start() + TimeDelta::microseconds(step * number.cast_signed());
    let domain = match number % 10 {
        0..5 => "gmail.com".to_owned(),
        5 => "outlook.com".to_owned(),
        6 => "yahoo.com".to_owned(),
        _ => format!("company{}.example", (number / 10) % 5_000),
    };
    let recipient = EmailAddress::parse(&format!("user{number}@{domain}")).expect("an address");
    let recipient_key = format!("{:032x}", number / 4);
    let requested = Requested {
        template: ["password-reset", "password-changed", "email-verification"][(number % 3) as usize].into(),
        recipient_key: recipient_key.clone(),
        mailbox_provider: MailboxProvider::of_domain(&domain).as_str().into(),
        recipient: recipient.clone().into(),
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
    let delivered = MessageEvent::Delivered { delivery: Delivery::default(), at: later };
    match dice(number + 3, 100) {
        0 => {}
        1..4 => events.push(MessageEvent::Bounced {
            diagnostic: diagnostic(number),
            delayed: false,
            at_hand_over: None,
            at: later,
        }),
        4 => {
            let diagnostic = Diagnostic { code: Some(451), ..diagnostic(number) };
            events.push(MessageEvent::Deferred { diagnostic, at_hand_over: None, at: sent_at });
            events.push(delivered);
        }
        outcome => {
            events.push(delivered);
            if outcome == 5 && number % 10 == 3 {
                events.push(MessageEvent::Complained { at: later });
            }
        }
    }
    let message = message_id(number).to_string();
    let mut story: Vec<_> =
        events.into_iter().map(|event| (message.clone(), LogEvent::Message(event))).collect();
    if number % 50 == 1 {
        story.push((recipient_key, LogEvent::Suppression(SuppressionEvent::Added(added(recipient, later)))));
    }
    story
}

fn message_id(number: u64) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(u128::from(number) + 1))
}

fn added(address: EmailAddress, at: DateTime<Utc>) -> Added {
    Added {
        reason: Reason::HardBounce,
        blocks: Blocks::Everything,
        address: address.into(),
        category: Some(Category::InvalidRecipient),
        message_id: None,
        by: "provider".to_owned(),
        at,
    }
}

/// Of as many servers as this, each says everything in its own words.
const SPEAKERS: [&str; 24] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
];
/// A rule, and words that it understands.
const FULL: (&str, &str) = ("mailbox_full.full", "mailbox full, says alpha");

fn diagnostic(number: u64) -> Diagnostic {
    let speaker = SPEAKERS[dice(number + 5, 24) as usize];
    let (code, enhanced, message) = [
        (550, "5.1.1", "no such user"),
        (552, "5.2.2", "mailbox full"),
        (554, "5.7.1", "Client host [192.0.2.7] blocked using bl.lists.example"),
        (550, "5.7.26", "unauthenticated mail is not accepted due to the domain's DMARC policy"),
        (451, "4.3.0", "temporary server error, please try again later"),
    ][(number % 5) as usize];
    Diagnostic {
        code: Some(code),
        enhanced: Some(enhanced.into()),
        reason: Some("bounce".into()),
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText { message: format!("{message}, says {speaker}"), ..DiagnosticText::default() }
            .into(),
    }
}

fn recorded(position: i64, stream: String, event: LogEvent) -> RecordedEvent {
    let event_type = match &event {
        LogEvent::Message(event) => event.event_type(),
        LogEvent::Suppression(event) => event.event_type(),
        _ => unreachable!("no story has others"),
    };
    RecordedEvent {
        position,
        stream,
        sequence: position,
        event_type,
        event,
        metadata: Metadata {
            event_id: EventId::from_uuid(Uuid::nil()),
            command_id: CommandId::from_uuid(Uuid::nil()),
            causation: "bench".into(),
            data_key: None,
            recorded_at: start(),
        },
    }
}

/// Folds every story; answers the number of events and the seconds of each projection.
async fn fill(scratch: &Scratch, total: u64) -> (i64, Vec<(&'static str, f64)>) {
    let projections: [&dyn Consumer; 3] = [&Deliveries, &Timeline, &Suppressions];
    let mut seconds: Vec<_> = projections.iter().map(|projection| (projection.name(), 0.0)).collect();
    let (mut batch, mut position) = (Vec::with_capacity(BATCH + 8), 0);
    for number in 0..total {
        for (stream, event) in story(number, total) {
            position += 1;
            batch.push(recorded(position, stream, event));
        }
        if batch.len() >= BATCH || number + 1 == total {
            for (projection, (_, spent)) in projections.iter().zip(&mut seconds) {
                let since = tokio::time::Instant::now();
                let mut transaction = scratch.database.begin().await.expect("a transaction");
                projection.handle(&batch, &mut transaction).await.expect("the batch is folded");
                transaction.commit().await.expect("the batch is committed");
                *spent += since.elapsed().as_secs_f64();
            }
            batch.clear();
        }
    }
    scratch.database.execute("ANALYZE", &[]).await.expect("statistics are made");
    (position, seconds)
}

async fn size(scratch: &Scratch) -> i64 {
    let sql = scratch.database.dialect().pick(
        "SELECT pg_database_size(current_database()) AS bytes",
        "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
    );
    scratch.database.fetch_one(sql, &[]).await.expect("a size").int("bytes").expect("a number")
}

async fn plan(scratch: &Scratch, what: &str, sql: &str) {
    println!("  plan of {what}:");
    let explain = scratch.database.dialect().pick("EXPLAIN (ANALYZE, COSTS OFF) ", "EXPLAIN QUERY PLAN ");
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
    let (events, seconds) = fill(scratch, total).await;
    println!("{name}: {total} messages, {events} events, {} MB", size(scratch).await / 1_000_000);
    for (projection, seconds) in seconds {
        println!("  {projection:<58} {:>9.0} events a second", events as f64 / seconds);
    }
    let end = start() + TimeDelta::days(DAYS);
    let queries = Queries::new(scratch.database.clone(), Arc::new(FixedClock::at(end)), Settings::default());
    metrics(&queries, end).await;
    lists(&queries, end, total).await;
    plans(scratch, total).await;
}

async fn metrics(queries: &Queries, end: DateTime<Utc>) {
    let over = |days: i64| DeliveryQuery::over(end - TimeDelta::days(days) - TimeDelta::minutes(7), end);
    let by = |days, interval, group_by| DeliveryQuery { interval, group_by, ..over(days) };
    let of_one = DeliveryQuery { template: Some("password-reset".into()), ..by(30, Interval::Hour, None) };
    let at_one = DeliveryQuery {
        recipient_domain: Some("company1.example".into()),
        ..by(30, Interval::Day, Some(Dimension::Template))
    };
    for (what, query) in [
        ("delivery, 1 day by hours", by(1, Interval::Hour, None)),
        ("delivery, 1 day by hours, by template", by(1, Interval::Hour, Some(Dimension::Template))),
        ("delivery, 1 day by minutes", by(1, Interval::Minute, None)),
        ("delivery, 30 days by hours", by(30, Interval::Hour, None)),
        (
            "delivery, 30 days by hours, by mailbox provider",
            by(30, Interval::Hour, Some(Dimension::MailboxProvider)),
        ),
        ("delivery, 30 days by hours, one template", of_one),
        ("delivery, 30 days, one domain, by template", at_one),
        ("delivery, 90 days by days", by(DAYS, Interval::Day, None)),
        ("delivery, 90 days by hours", by(DAYS, Interval::Hour, None)),
        ("delivery, 90 days, by mailbox provider", by(DAYS, Interval::Day, Some(Dimension::MailboxProvider))),
        ("delivery, 7 days, by recipient domain", by(7, Interval::Day, Some(Dimension::RecipientDomain))),
        ("delivery, 90 days, by recipient domain", by(DAYS, Interval::Day, Some(Dimension::RecipientDomain))),
    ] {
        time(what, || async { queries.delivery(&query).await.expect("an answer").series.len() }).await;
    }
    for (what, days) in [("funnel, 1 day", 1), ("funnel, 30 days", 30), ("funnel, 90 days", DAYS)] {
        let query = over(days);
        time(what, || async { queries.funnel(&query).await.expect("an answer").steps.len() }).await;
    }
    for (what, days) in [("bounces, 1 day", 1), ("bounces, 30 days", 30), ("bounces, 90 days", DAYS)] {
        let query = by(days, Interval::Day, None);
        time(what, || async { queries.bounces(&query).await.expect("an answer").categories.len() }).await;
    }
}

async fn lists(queries: &Queries, end: DateTime<Utc>, total: u64) {
    let any = MessageFilter::default;
    let flags = |flag: &str| MessageFilter { flags: vec![flag.into()], ..any() };
    let of_template = || MessageFilter { template: Some("password-reset".into()), ..any() };
    let month = || MessageFilter {
        after: Some(end - TimeDelta::days(40)),
        before: Some(end - TimeDelta::days(10)),
        ..any()
    };
    let nobody = MessageFilter { recipient_key: Some("f".repeat(32)), ..any() };
    for (what, filter) in [
        ("messages, newest 50", any()),
        ("messages, 30 days in the middle", month()),
        ("messages, outcome=bounced", MessageFilter { outcome: Some("bounced".into()), ..any() }),
        ("messages, outcome=complained", MessageFilter { outcome: Some("complained".into()), ..any() }),
        ("messages, flag=in_flight", flags("in_flight")),
        ("messages, flag=unaccounted", flags("unaccounted")),
        ("messages, one template", of_template()),
        (
            "messages, one template, bounced",
            MessageFilter { outcome: Some("bounced".into()), ..of_template() },
        ),
        (
            "messages, one template and mailbox provider, bounced",
            MessageFilter {
                outcome: Some("bounced".into()),
                mailbox_provider: Some("yahoo".into()),
                ..of_template()
            },
        ),
        (
            "messages, one template, a mailbox provider without any",
            MessageFilter { mailbox_provider: Some("proton".into()), ..of_template() },
        ),
        ("messages of one recipient", MessageFilter { recipient_key: Some(format!("{:032x}", 77)), ..any() }),
        ("messages of nobody", nobody),
        (
            "messages, one domain, bounced",
            MessageFilter { recipient_domain: Some("company1.example".into()), ..flags("bounced") },
        ),
        (
            "messages, bounce category blocklisted",
            MessageFilter { bounce_category: Some("blocklisted".into()), ..any() },
        ),
        ("messages, flag=failed", flags("failed")),
        (
            "messages, failure_category=mailbox_full",
            MessageFilter {
                failure: FailureFilter { category: Some("mailbox_full".into()), ..FailureFilter::default() },
                ..any()
            },
        ),
        (
            "messages, failure_text",
            MessageFilter {
                failure: FailureFilter {
                    category: Some("mailbox_full".into()),
                    rule: Some(FULL.0.into()),
                    text: Some(FULL.1.into()),
                    ..FailureFilter::default()
                },
                ..any()
            },
        ),
        (
            "messages, opened by machines only",
            MessageFilter {
                flags: vec!["open_tracked_opened_raw".into(), "-open_tracked_opened".into()],
                ..any()
            },
        ),
        ("messages, measured", MessageFilter { measured: Some("time_to_delivered".into()), ..any() }),
        (
            "messages, two flags that no sum tells of",
            MessageFilter { flags: vec!["settled".into(), "-opened".into()], ..of_template() },
        ),
        (
            "messages, loss=invalid_recipient",
            MessageFilter { loss: Some("invalid_recipient".into()), ..any() },
        ),
    ] {
        time(what, || async { queries.messages(&filter, 50, None).await.expect("a page").data.len() }).await;
        time("    counted", || async {
            queries.count_messages(&filter).await.expect("a count").rows as usize
        })
        .await;
    }
    let deep = deep_cursor(queries, total).await;
    time("messages, 50 after half of all", || async {
        queries.messages(&any(), 50, Some(&deep)).await.expect("a page").data.len()
    })
    .await;
    let id = message_id(total / 2);
    time("one message", || async { usize::from(queries.message(id).await.expect("an answer").is_some()) })
        .await;
    time("its timeline", || async { queries.message_timeline(id).await.expect("an answer").len() }).await;
    let holding = SuppressionFilter::default();
    let of_one = SuppressionFilter { recipient_key: Some(format!("{:032x}", 51 / 4)), ..holding.clone() };
    for (what, filter) in [("suppressions, newest 50", &holding), ("suppressions of one address", &of_one)] {
        time(what, || async { queries.suppressions(filter, 50, None).await.expect("a page").data.len() })
            .await;
    }
}

/// The cursor of a page that begins in the middle of the log.
async fn deep_cursor(queries: &Queries, total: u64) -> String {
    let middle = queries.message(message_id(total / 2)).await.expect("an answer").expect("it is there");
    let before = middle.requested_at.map(|at| at + TimeDelta::microseconds(1));
    let filter = MessageFilter { before, ..MessageFilter::default() };
    queries.messages(&filter, 1, None).await.expect("a page").next_cursor.expect("there are more")
}

/// The statements of the queries, with values in the place of parameters.
async fn plans(scratch: &Scratch, total: u64) {
    let range = "requested_at >= 0 AND requested_at < 9223372036854775807 AND provider <> 'sandbox'";
    let newest = "ORDER BY requested_at DESC, message_id DESC LIMIT 51";
    let list = |condition: &str| {
        format!("SELECT message_id, facts FROM delivery_facts WHERE {range} {condition} {newest}")
    };
    let middle = message_id(total / 2);
    let day = (start() + TimeDelta::days(DAYS - 1)).timestamp_micros();
    let month = (start() + TimeDelta::days(DAYS - 30)).timestamp_micros();
    for (what, sql) in [
        ("newest messages", list("")),
        ("a template", list("AND template = 'password-reset'")),
        ("a template, bounced", list("AND status = 'bounced' AND template = 'password-reset'")),
        ("complained", list("AND (flags >> 19) & 1 = 1")),
        ("one recipient", list("AND recipient_key = '0000000000000000000000000000004d'")),
        ("one message", format!("SELECT facts FROM delivery_facts WHERE message_id = '{middle}'")),
        ("its timeline", format!("SELECT t.text FROM timeline t WHERE t.message_id = '{middle}' ORDER BY t.at, t.position LIMIT 1000")),
        ("sums by hour, 30 days", format!("SELECT start, SUM(requested) FROM delivery_rollups WHERE start >= {month} AND start < 9223372036854775807 AND provider <> 'sandbox' AND grain = 'hour' GROUP BY start")),
        ("sums by domain, 30 days", format!("SELECT recipient_domain, SUM(requested) FROM delivery_rollups WHERE start >= {month} AND start < 9223372036854775807 AND provider <> 'sandbox' AND grain = 'domain_day' GROUP BY recipient_domain")),
        ("failures by day, 30 days", format!("SELECT start, mailbox_provider, failures, failed FROM delivery_rollups WHERE start >= {month} AND start < 9223372036854775807 AND provider <> 'sandbox' AND grain = 'day' AND failed > 0")),
        ("what was said, 30 days", format!("SELECT category, rule, normalized, SUM(messages) AS messages, MAX(last_seen) AS last_seen FROM bounce_samples WHERE start >= {month} AND start < 9223372036854775807 AND provider <> 'sandbox' AND grain = 'day' GROUP BY category, rule, normalized")),
        ("failed with full mailboxes", list(&format!("AND (failures & {}) <> 0", Failures::mask(Some(Category::MailboxFull), None)))),
        ("oldest in flight, 1 day", format!("SELECT MIN(COALESCE(sent_at, requested_at)) AS oldest FROM delivery_facts WHERE status IN ('sent', 'deferred') AND provider <> 'smtp' AND requested_at >= {day} AND requested_at < 9223372036854775807")),
        ("suppressions", "SELECT * FROM suppressions WHERE since >= 0 AND since < 9223372036854775807 AND lifted_at IS NULL ORDER BY since DESC, recipient_key || '_' || reason DESC LIMIT 51".to_owned()),
    ] {
        plan(scratch, what, &sql).await;
    }
}

#[tokio::main]
async fn main() {
    let server = std::env::var(backstamp::database::scratch::VARIABLE).ok();
    let name = if server.is_some() { "PostgreSQL" } else { "SQLite" };
    let scratch = Scratch::new().await;
    measure(name, &scratch, messages()).await;
}
