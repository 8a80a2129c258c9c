//! The message log: filters, pages, and what is told of each mail.

use backstamp::domain::delivery::Status;
use backstamp::domain::id::MessageId;
use backstamp::queries::{MessageFilter, QueryError};
use futures_util::StreamExt;

use crate::history::{DEAD, Desk, History, at, message_id};

/// Nine mails, two of them at the same instant; the second bounces, the third is read.
fn some_mails() -> History {
    let mut history = History::default();
    for number in 1..=9_u32 {
        let template = if number == 4 { "email-verification" } else { "password-reset" };
        let minute = if number == 9 { 8 } else { number };
        let mail = history.mail(number.into());
        let mail = mail.requested(template, &format!("m{number}@gmail.com"), &format!("10:0{minute}:00"));
        match number {
            2 => drop(mail.sent("10:02:01").bounced("10:02:02", "gone")),
            3 => drop(mail.sent("10:03:01").delivered("10:03:05").opened_by_a_person("10:05:00")),
            _ => {}
        }
    }
    history
}

async fn ids(desk: &Desk, filter: MessageFilter) -> Vec<String> {
    let page = desk.queries.messages(&filter, 50, None).await.expect("a page");
    page.data.into_iter().map(|message| message.id).collect()
}

fn id(number: u128) -> String {
    message_id(number).to_string()
}

#[tokio::test]
async fn pages_show_every_mail_once_newest_first() {
    let desk = Desk::with(&some_mails(), 100).await;
    let (mut seen, mut cursor) = (Vec::new(), None);

    loop {
        let filter = MessageFilter::default();
        let page = desk.queries.messages(&filter, 2, cursor.as_deref()).await.expect("a page");
        seen.extend(page.data.into_iter().map(|message| message.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(seen, (1..=9).rev().map(id).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_that_come_meanwhile_shift_no_page_and_no_export() {
    let mut history = some_mails();
    let desk = Desk::with(&history, 100).await;
    let known = history.recorded().len();
    let mut export = Box::pin(desk.queries.every_message(MessageFilter::default()).expect("a filter"));
    let first = desk.queries.messages(&MessageFilter::default(), 4, None).await.expect("a page");

    history.mail(10).requested("password-reset", "new@gmail.com", "10:30:00");
    history.mail(11).requested("password-reset", "old@gmail.com", "09:00:00");
    desk.fold(&history.recorded()[known..], 100).await;
    let filter = MessageFilter::default();
    let rest = desk.queries.messages(&filter, 50, first.next_cursor.as_deref()).await.expect("a page");
    let exported = export.next().await.expect("a part").expect("rows");

    let seen = first.data.into_iter().chain(rest.data).map(|message| message.id).collect::<Vec<_>>();
    assert_eq!(seen, (1..=9).rev().chain([11]).map(id).collect::<Vec<_>>());
    assert_eq!(exported.len(), 11);
    assert!(export.next().await.is_none());
}

#[tokio::test]
async fn every_filter_narrows_the_log() {
    let desk = Desk::with(&some_mails(), 100).await;
    let all = MessageFilter::default;
    let text = |text: &str| Some(text.to_owned());

    assert_eq!(ids(&desk, MessageFilter { outcome: text("bounced"), ..all() }).await, [id(2)]);
    assert_eq!(ids(&desk, MessageFilter { outcome: text("opened"), ..all() }).await, [id(3)]);
    assert_eq!(ids(&desk, MessageFilter { bounce_category: text(DEAD.as_str()), ..all() }).await, [id(2)]);
    assert_eq!(ids(&desk, MessageFilter { template: text("email-verification"), ..all() }).await, [id(4)]);
    assert_eq!(
        ids(&desk, MessageFilter { recipient_key: text("key of m5@gmail.com"), ..all() }).await,
        [id(5)]
    );
    assert_eq!(ids(&desk, MessageFilter { mailbox_provider: text("yahoo"), ..all() }).await, [""; 0]);
    let flags = |flags: &[&str]| MessageFilter {
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        ..all()
    };
    assert_eq!(ids(&desk, flags(&["sent"])).await, [id(3), id(2)]);
    assert_eq!(ids(&desk, flags(&["sent", "-delivered"])).await, [id(2)]);
    assert_eq!(ids(&desk, flags(&["opens_human"])).await, [id(3)]);
    assert_eq!(ids(&desk, MessageFilter { lost_at: text("clicked"), ..all() }).await, [id(3)]);
    assert_eq!(ids(&desk, MessageFilter { loss: text(DEAD.as_str()), ..all() }).await, [id(2)]);
    assert_eq!(ids(&desk, MessageFilter { recipient_domain: text("gmail.com"), ..all() }).await.len(), 9);
    assert_eq!(ids(&desk, MessageFilter { provider: text("sandbox"), ..all() }).await, [""; 0]);
    let range = MessageFilter { after: Some(at("10:05:00")), before: Some(at("10:07:00")), ..all() };
    assert_eq!(ids(&desk, range).await, [id(6), id(5)]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let desk = Desk::new().await;
    let odd = "1 OR 1=1".to_owned();
    let all = MessageFilter::default;
    let refused = async |filter: MessageFilter| match desk.queries.messages(&filter, 10, None).await {
        Err(QueryError::Unknown(name)) => name,
        other => panic!("not refused: {other:?}"),
    };

    let outcome =
        desk.queries.messages(&MessageFilter { outcome: Some(odd.clone()), ..all() }, 10, None).await;
    let cursor = desk.queries.messages(&MessageFilter::default(), 10, Some("!")).await;

    assert!(matches!(outcome, Err(QueryError::Unknown("outcome"))));
    assert!(matches!(cursor, Err(QueryError::BadCursor(_))));
    for flag in [&odd, "-", "--opened", "status", "Opened"] {
        assert_eq!(refused(MessageFilter { flags: vec![flag.into()], ..all() }).await, "flag");
    }
    let word = || Some(odd.clone());
    assert_eq!(refused(MessageFilter { lost_at: word(), ..all() }).await, "lost_at");
    assert_eq!(refused(MessageFilter { loss: word(), ..all() }).await, "loss");
    assert_eq!(refused(MessageFilter { bounce_category: word(), ..all() }).await, "bounce_category");
    assert_eq!(refused(MessageFilter { mailbox_provider: word(), ..all() }).await, "mailbox_provider");
}

#[tokio::test]
async fn one_mail_tells_what_became_of_it_and_never_its_address() {
    let desk = Desk::with(&some_mails(), 1).await;

    let read = desk.queries.message(message_id(3)).await.unwrap().expect("it is there");
    let bounced = desk.queries.message(message_id(2)).await.unwrap().expect("it is there");
    let absent = desk.queries.message(MessageId::from_uuid(uuid::Uuid::from_u128(99))).await.unwrap();

    assert_eq!((read.outcome, bounced.outcome, absent), (Status::Delivered, Status::Bounced, None));
    assert_eq!((read.first_human_open_at, read.opens_human), (Some(at("10:05:00")), 1));
    assert_eq!(read.recipient.as_deref(), Some("m***@g***.com"));
    assert!(read.flags.contains(&"opened") && !read.flags.contains(&"clicked"));
    assert!(bounced.bounce.is_some_and(|bounce| bounce.category == DEAD && !bounce.critical));
    assert!(!serde_json::to_string(&read).unwrap().contains("m3@"));
}

#[tokio::test]
async fn a_mail_that_is_told_of_before_it_was_requested_is_in_no_list_yet() {
    let mut history = History::default();
    history.mail(1).delivered("10:00:05");
    let desk = Desk::with(&history, 1).await;

    let listed = ids(&desk, MessageFilter::default()).await;
    let alone = desk.queries.message(message_id(1)).await.unwrap().expect("its facts are kept");

    assert!(listed.is_empty());
    assert_eq!((alone.requested_at, alone.delivered_at), (None, Some(at("10:00:05"))));
}
