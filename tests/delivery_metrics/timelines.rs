//! What an operator reads about one reset and its mails.

use backstamp::clock::{Clock, SystemClock};
use backstamp::domain::address::EmailAddress;
use backstamp::domain::id::AccountId;
use backstamp::domain::one_time_link::{LinkIssued, Requested};
use backstamp::domain::password_reset::{PasswordResetEvent, ResetDetails};
use backstamp::event_log::LogEvent;
use backstamp::queries::TimelineEntry;

use crate::history::{DEAD, Desk, History, at, message_id, request_id};

fn reset(history: &mut History, causation: &'static str, event: PasswordResetEvent) {
    history.tell("key of ada@example.test", causation, LogEvent::PasswordReset(event));
}

/// From the request to the changed password.
fn the_good_loop() -> History {
    let mut history = History::default();
    let email = EmailAddress::parse("ada@example.test").expect("an address");
    let requested = Requested {
        request_id: request_id(1),
        email: email.clone().into(),
        locale: None,
        browser: None,
        details: ResetDetails::default(),
        at: at("10:00:00"),
        expires_at: at("11:00:00"),
        recent: vec![],
        carried: vec![],
    };
    let issued = LinkIssued {
        request_id: request_id(1),
        message_id: message_id(1),
        account_id: AccountId::from_uuid(SystemClock.uuid()),
        credential_version: 1,
        salt: "00".to_owned().into(),
        email: email.into(),
        name: Some("Ada Lovelace".to_owned()).into(),
        expires_at: at("11:00:00"),
        at: at("10:00:01"),
    };
    reset(&mut history, "http", PasswordResetEvent::Requested(requested));
    reset(&mut history, "evt_1", PasswordResetEvent::LinkIssued(issued));
    let mail = history
        .mail(1)
        .requested("password-reset", "ada@example.test", "10:00:01")
        .calling("10:00:02")
        .sent("10:00:03")
        .delivered("10:00:05")
        .opened_by_a_person("10:01:00")
        .visited("10:01:10");
    let completion = mail.completion("10:02:00");
    reset(&mut history, "http", PasswordResetEvent::CompletionStarted(completion.clone()));
    reset(&mut history, "http", PasswordResetEvent::Completed(completion));
    history
}

fn kinds(timeline: &[TimelineEntry]) -> Vec<&str> {
    timeline.iter().map(|entry| entry.kind.as_str()).collect()
}

#[tokio::test]
async fn a_resets_timeline_tells_the_whole_loop_in_order() {
    for history in [the_good_loop(), the_good_loop().shuffled(4)] {
        let desk = Desk::with(&history, 3).await;

        let timeline = desk.queries.request_timeline(request_id(1)).await.expect("an answer");

        let mut told = kinds(&timeline);
        if told[1] == "message_requested" {
            // Both happened at 10:00:01; only the order of arrival tells them apart.
            told.swap(1, 2);
        }
        let completion: Vec<&str> = told.split_off(8);
        assert_eq!(
            told,
            [
                "requested",
                "link_issued",
                "message_requested",
                "calling",
                "sent",
                "delivered",
                "opened",
                "link_visited"
            ]
        );
        assert!(completion.contains(&"completion_started") && completion.contains(&"completed"));
        assert!(timeline.is_sorted_by_key(|entry| entry.at));
        let sources: Vec<&str> = timeline.iter().map(|entry| entry.source.as_str()).collect();
        assert_eq!((sources[0], sources[3], sources[5]), ("client", "system", "provider"));
        let page = serde_json::to_string(&timeline).unwrap();
        assert!(!page.contains("ada@") && !page.contains("Lovelace"), "{page}");
    }
}

#[tokio::test]
async fn a_mails_timeline_calls_its_request_requested() {
    let desk = Desk::with(&the_good_loop(), 100).await;

    let timeline = desk.queries.message_timeline(message_id(1)).await.expect("an answer");

    assert_eq!(kinds(&timeline)[..3], ["requested", "calling", "sent"]);
    let opened = timeline.iter().find(|entry| entry.kind == "opened").expect("it was opened");
    assert_eq!(opened.meta["actor"], "person");
}

#[tokio::test]
async fn a_click_that_a_late_delivery_makes_a_machines_is_told_as_such() {
    let mut history = History::default();
    history.mail(1).requested("password-reset", "a@example.test", "10:00:00").visited("10:00:33");
    history.mail(1).visited("10:09:00").delivered("10:00:31");
    let desk = Desk::with(&history, 1).await;

    let timeline = desk.queries.message_timeline(message_id(1)).await.expect("an answer");

    let actors: Vec<_> = timeline.iter().filter_map(|entry| entry.meta.get("actor")).collect();
    assert_eq!(actors, ["machine", "person"]);
    assert_eq!(timeline[2].meta["actor_rule"], "soon_after_delivery");
}

#[tokio::test]
async fn a_bounce_is_explained_without_the_address_and_forgotten_with_the_person() {
    let mut history = the_good_loop();
    history.mail(1).bounced("10:03:00", "550 5.1.1 <ada@example.test>: no user of that name");
    let desk = Desk::with(&history, 100).await;
    let bounce = async || {
        let timeline = desk.queries.message_timeline(message_id(1)).await.expect("an answer");
        timeline.into_iter().find(|entry| entry.kind == "bounced").expect("it bounced").meta
    };

    let before = bounce().await;
    reset(&mut history, "operator", PasswordResetEvent::Erased { at: at("11:00:00") });
    let recorded = history.recorded();
    desk.fold(&recorded[recorded.len() - 1..], 1).await;

    assert_eq!(before["category"], DEAD.as_str());
    assert_eq!(before["diagnostic"], "550 5.1.1 *** no user of that name");
    assert_eq!(before["contradicted"], true);
    assert_eq!(bounce().await.get("diagnostic"), None);
    assert_eq!(desk.queries.message(message_id(1)).await.unwrap().unwrap().recipient, None);
    assert_eq!(desk.queries.reset(request_id(1)).await.unwrap().unwrap().recipient, None);
}

#[tokio::test]
async fn a_resets_state_follows_its_events_and_the_clock() {
    let loop_ = the_good_loop().recorded();
    let desk = Desk::new().await;
    let status = async || desk.queries.reset(request_id(1)).await.unwrap().map(|reset| reset.status);

    desk.fold(&loop_[..1], 1).await;
    let pending = status().await;
    desk.fold(&loop_[1..2], 1).await;
    // It is noon, and the link lived until eleven.
    let overdue = status().await;
    desk.fold(&loop_[2..], 100).await;

    assert_eq!((pending.as_deref(), overdue.as_deref()), (Some("pending"), Some("expired")));
    let reset = desk.queries.reset(request_id(1)).await.unwrap().unwrap();
    assert_eq!(reset.status, "completed");
    assert_eq!(reset.recipient.as_deref(), Some("a***@e***.test"));
    assert_eq!(reset.message_id, Some(message_id(1).to_string()));
    assert_eq!((reset.visited_at, reset.completed_at), (Some(at("10:01:10")), Some(at("10:02:00"))));
}
