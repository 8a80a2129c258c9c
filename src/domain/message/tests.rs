//! Given what happened to a mail, when a command comes, then these events, or this refusal.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Map;
use uuid::Uuid;

use super::{
    Cause, HandOver, Message, MessageCommand as Command, MessageEvent as Event, MessageRefusal as Refusal,
    Requested, SuppressedBy,
};
use crate::domain::address::EmailAddress;
use crate::domain::id::SendingId;
use crate::domain::provider_event::{Delivery, Diagnostic, DiagnosticText, SuppressionReason};
use crate::domain::sealed::Sealed;

const PROVIDER_ID: &str = "20260105.1@mail.example.test";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_607_200 + seconds, 0).unwrap()
}

fn wanted() -> Requested {
    Requested {
        template: "password-reset".into(),
        recipient: Sealed::Known(EmailAddress::parse("ada@example.test").unwrap()),
        recipient_key: "00".repeat(16),
        mailbox_provider: "other".into(),
        provider: "sandbox".into(),
        cause: Cause::Api { sending: SendingId::from_uuid(Uuid::from_u128(1)), by: "key_1".into() },
        locale: None,
        data: Sealed::Known(Map::new()),
        opens_tracked: true,
        clicks_tracked: true,
        send_before: None,
        at: at(0),
    }
}

fn diagnostic() -> Diagnostic {
    Diagnostic {
        code: Some(550),
        enhanced: Some("5.1.1".into()),
        reason: None,
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: Sealed::Known(DiagnosticText::default()),
    }
}

fn requested() -> Event {
    Event::Requested(wanted())
}

fn calling(attempt: u32) -> Event {
    Event::Calling { attempt, at: at(10) }
}

fn sent(attempt: u32, provider_message_id: &str) -> Event {
    Event::Sent { attempt, provider_message_id: provider_message_id.into(), reply: None, at: at(11) }
}

fn send_failed(attempt: u32, ambiguous: bool) -> Event {
    Event::SendFailed { attempt, error: "cut off".into(), ambiguous, retry_at: at(60), at: at(11) }
}

fn canceled() -> Event {
    Event::Canceled { reason: "too_late".into(), at: at(11) }
}

fn rejected() -> Event {
    Event::Rejected { reason: "no such domain".into(), at: at(11) }
}

fn record_sent(attempt: u32) -> Command {
    Command::RecordSent { attempt, provider_message_id: PROVIDER_ID.into(), reply: None, at: at(11) }
}

fn record_failed(attempt: u32, ambiguous: bool) -> Command {
    Command::RecordSendFailed { attempt, error: "cut off".into(), ambiguous, retry_at: at(60), at: at(11) }
}

fn suppressed_at(seconds: i64) -> Event {
    Event::Suppressed {
        by: SuppressedBy::Us,
        reason: SuppressionReason::Complaint,
        diagnostic: None,
        at: at(seconds),
    }
}

fn record_rejected() -> Command {
    Command::RecordRejected { reason: "no such domain".into(), at: at(11) }
}

fn record_accepted() -> Command {
    Command::RecordAccepted { provider_message_id: Some(PROVIDER_ID.into()), at: at(11) }
}

fn cancel() -> Command {
    Command::Cancel { reason: "too_late".into(), at: at(11) }
}

/// Everything that a provider may tell about a mail that it has.
fn reports() -> Vec<Command> {
    vec![
        record_accepted(),
        Command::RecordDeferred { diagnostic: diagnostic(), at: at(20) },
        Command::RecordDelivered { delivery: Delivery::default(), at: at(21) },
        Command::RecordBounced { diagnostic: diagnostic(), delayed: true, at: at(22) },
        Command::RecordSuppressed { reason: SuppressionReason::Bounce, diagnostic: diagnostic(), at: at(23) },
        Command::RecordComplained { at: at(24) },
        Command::RecordUnsubscribed { at: at(25) },
    ]
}

fn given(events: impl IntoIterator<Item = Event>) -> AggregateTestExecutor<Message> {
    TestFramework::with(()).given(events.into_iter().collect())
}

fn fold(events: impl IntoIterator<Item = Event>) -> Message {
    let mut message = Message::default();
    events.into_iter().for_each(|event| message.apply(event));
    message
}

/// Gives the commands one after the other; refused ones leave nothing.
fn told(events: impl IntoIterator<Item = Event>, commands: impl IntoIterator<Item = Command>) -> Message {
    let mut message = fold(events);
    for command in commands {
        for event in message.decide(command).unwrap_or_default() {
            message.apply(event);
        }
    }
    message
}

#[test]
fn a_mail_is_asked_for_once() {
    given([]).when(Command::Request(Box::new(wanted()))).then_expect_events(vec![requested()]);
    given([requested()]).when(Command::Request(Box::new(wanted()))).then_expect_events(vec![]);
}

#[test]
fn a_mail_that_nobody_asked_for_takes_no_other_command() {
    let ours = [cancel(), Command::RecordCalling { at: at(1) }, record_sent(1), record_failed(1, true)];
    let answers = [record_rejected(), record_call_deferred(1), record_call_bounced(1)];

    for command in reports().into_iter().chain(ours).chain(answers) {
        given([]).when(command).then_expect_error(Refusal::NoSuchMessage);
    }
}

#[test]
fn a_stream_written_by_newer_code_is_left_to_newer_code() {
    for command in reports().into_iter().chain([Command::Request(Box::new(wanted())), cancel()]) {
        given([requested(), Event::Unknown]).when(command).then_expect_error(Refusal::NewerCode);
    }
}

#[test]
fn every_call_is_counted_before_it_is_made() {
    let call = || Command::RecordCalling { at: at(10) };

    given([requested()]).when(call()).then_expect_events(vec![calling(1)]);
    given([requested(), calling(1)]).when(call()).then_expect_events(vec![calling(2)]);
    given([requested(), calling(1), send_failed(1, false)]).when(call()).then_expect_events(vec![calling(2)]);
}

#[test]
fn a_settled_mail_is_never_called_for_again() {
    let settled = [sent(1, PROVIDER_ID), rejected(), canceled(), Event::Complained { at: at(20) }];

    for end in settled {
        given([requested(), end])
            .when(Command::RecordCalling { at: at(10) })
            .then_expect_error(Refusal::Settled);
    }
}

#[test]
fn between_a_call_and_its_answer_nobody_knows_whether_the_provider_has_the_mail() {
    let called = fold([requested(), calling(1)]);
    let cut_off = fold([requested(), calling(1), send_failed(1, true)]);

    assert_eq!(called.hand_over(), HandOver::Unknown { since: at(10) });
    assert_eq!(cut_off.hand_over(), HandOver::Unknown { since: at(10) });
}

#[test]
fn after_a_definite_failure_the_mail_waits_again() {
    given([requested(), calling(1)])
        .when(record_failed(1, false))
        .then_expect_events(vec![send_failed(1, false)]);

    assert_eq!(fold([requested(), calling(1), send_failed(1, false)]).hand_over(), HandOver::Waiting);
}

#[test]
fn a_late_failure_of_an_earlier_call_says_nothing_about_the_call_under_way() {
    let message = fold([requested(), calling(1), calling(2), send_failed(1, false)]);

    assert_eq!(message.hand_over(), HandOver::Unknown { since: at(10) });
}

#[test]
fn the_providers_answer_is_recorded_once_and_its_first_message_id_stands() {
    let taken = [requested(), calling(1), sent(1, PROVIDER_ID)];

    given([requested(), calling(1)]).when(record_sent(1)).then_expect_events(vec![sent(1, PROVIDER_ID)]);
    given(taken.clone()).when(record_sent(1)).then_expect_events(vec![]);
    given(taken.clone()).when(record_accepted()).then_expect_events(vec![]);

    let twice = fold(taken.into_iter().chain([sent(2, "another@mail.example.test")]));
    assert_eq!(twice.provider_message_id(), Some(PROVIDER_ID));
}

#[test]
fn an_answer_that_comes_after_a_report_still_names_the_mail() {
    let delivered = Event::Delivered { delivery: Delivery::default(), at: at(5) };

    given([requested(), calling(1), delivered])
        .when(record_sent(1))
        .then_expect_events(vec![sent(1, PROVIDER_ID)]);
}

#[test]
fn an_accepted_report_stands_for_a_lost_answer() {
    given([requested(), calling(1), send_failed(1, true)])
        .when(record_accepted())
        .then_expect_events(vec![sent(1, PROVIDER_ID)]);
    given([requested(), calling(1)])
        .when(Command::RecordAccepted { provider_message_id: None, at: at(11) })
        .then_expect_events(vec![]);
}

#[test]
fn a_mail_that_the_provider_does_not_have_can_be_canceled_once() {
    given([requested()]).when(cancel()).then_expect_events(vec![canceled()]);
    given([requested(), calling(1), send_failed(1, false)])
        .when(cancel())
        .then_expect_events(vec![canceled()]);
    given([requested(), canceled()]).when(cancel()).then_expect_events(vec![]);
}

#[test]
fn a_mail_that_the_provider_may_have_cannot_be_called_back() {
    given([requested(), calling(1)]).when(cancel()).then_expect_error(Refusal::Settled);
    given([requested(), calling(1), sent(1, PROVIDER_ID)]).when(cancel()).then_expect_error(Refusal::Settled);
}

#[test]
fn a_refusal_ends_what_was_not_handed_over_and_nothing_else() {
    given([requested(), calling(1)]).when(record_rejected()).then_expect_events(vec![rejected()]);
    given([requested(), rejected()]).when(record_rejected()).then_expect_events(vec![]);
    given([requested(), sent(1, PROVIDER_ID)]).when(record_rejected()).then_expect_events(vec![]);
    given([requested(), sent(1, PROVIDER_ID)]).when(record_failed(1, true)).then_expect_events(vec![]);

    assert_eq!(fold([requested(), calling(1), rejected()]).hand_over(), HandOver::Ended);
}

fn call_deferred(attempt: u32) -> Event {
    Event::Deferred { diagnostic: diagnostic(), at_hand_over: Some(attempt), at: at(11) }
}

fn call_bounced(attempt: u32) -> Event {
    Event::Bounced { diagnostic: diagnostic(), delayed: false, at_hand_over: Some(attempt), at: at(11) }
}

fn record_call_deferred(attempt: u32) -> Command {
    Command::RecordCallDeferred { attempt, diagnostic: diagnostic(), at: at(11) }
}

fn record_call_bounced(attempt: u32) -> Command {
    Command::RecordCallBounced { attempt, diagnostic: diagnostic(), at: at(11) }
}

#[test]
fn a_call_answered_with_later_leaves_the_mail_to_be_called_for_again() {
    given([requested(), calling(1)]).when(record_call_deferred(1)).then_expect_events(vec![call_deferred(1)]);
    given([requested(), calling(1), call_deferred(1)])
        .when(Command::RecordCalling { at: at(10) })
        .then_expect_events(vec![calling(2)]);
    given([requested(), calling(1), call_deferred(1)]).when(cancel()).then_expect_events(vec![canceled()]);

    // Of an earlier call it says nothing about the one under way.
    let under_way = fold([requested(), calling(1), calling(2), call_deferred(1)]);
    assert_eq!(under_way.hand_over(), HandOver::Unknown { since: at(10) });
}

#[test]
fn a_call_answered_with_never_ends_the_mail() {
    given([requested(), calling(1)]).when(record_call_bounced(1)).then_expect_events(vec![call_bounced(1)]);
    given([requested(), calling(1), call_bounced(1)])
        .when(Command::RecordCalling { at: at(10) })
        .then_expect_error(Refusal::Settled);

    assert_eq!(fold([requested(), calling(1), call_bounced(1)]).hand_over(), HandOver::Ended);
}

#[test]
fn the_answer_to_a_call_changes_nothing_about_a_mail_that_is_settled() {
    for settled in [sent(1, PROVIDER_ID), rejected(), canceled(), call_bounced(1)] {
        for late in [record_call_deferred(1), record_call_bounced(1)] {
            given([requested(), calling(1), settled.clone()]).when(late).then_expect_events(vec![]);
        }
    }
}

#[test]
fn what_the_provider_said_when_it_took_the_mail_is_kept_sealed() {
    let reply = Some("250 2.0.0 Ok: queued as 4XkQ".to_owned());
    let (provider_message_id, attempt) = (PROVIDER_ID.to_owned(), 1);
    let taken = Event::Sent {
        attempt,
        provider_message_id: provider_message_id.clone(),
        reply: reply.clone().map(Sealed::Known),
        at: at(11),
    };

    given([requested(), calling(1)])
        .when(Command::RecordSent { attempt, provider_message_id, reply, at: at(11) })
        .then_expect_events(vec![taken]);
}

#[test]
fn events_of_before_there_were_answers_to_calls_are_read_as_reports() {
    let stored =
        serde_json::json!({ "type": "deferred", "data": { "diagnostic": diagnostic(), "at": at(11) } });
    let sent = serde_json::json!({ "type": "sent",
        "data": { "attempt": 1, "provider_message_id": PROVIDER_ID, "at": at(11) } });

    let read = [stored, sent].map(|event| serde_json::from_value::<Event>(event).unwrap());

    assert!(matches!(read[0], Event::Deferred { at_hand_over: None, .. }));
    assert!(matches!(read[1], Event::Sent { reply: None, .. }));
}

#[test]
fn a_mail_that_we_suppress_is_ended_and_one_that_the_provider_suppresses_was_handed_over() {
    let by_provider = Event::Suppressed {
        by: SuppressedBy::Provider,
        reason: SuppressionReason::Complaint,
        diagnostic: None,
        at: at(5),
    };

    assert_eq!(fold([requested(), suppressed_at(5)]).hand_over(), HandOver::Ended);
    assert_eq!(fold([requested(), by_provider]).hand_over(), HandOver::Done);
}

#[test]
fn a_mail_to_a_suppressed_recipient_ends_with_its_request_and_is_never_called_for() {
    let request = |reason| Command::RequestSuppressed { requested: Box::new(wanted()), reason };
    let ended = [requested(), suppressed_at(0)];

    given([]).when(request(SuppressionReason::Complaint)).then_expect_events(ended.to_vec());
    given(ended.clone()).when(request(SuppressionReason::Complaint)).then_expect_events(vec![]);
    given(ended.clone()).when(Command::Request(Box::new(wanted()))).then_expect_events(vec![]);
    given(ended.clone()).when(Command::RecordCalling { at: at(1) }).then_expect_error(Refusal::Settled);
    // What was accepted first stays accepted.
    given([requested()]).when(request(SuppressionReason::Complaint)).then_expect_events(vec![]);
    assert!(fold(ended).is_suppressed() && !fold([requested()]).is_suppressed());
}

#[test]
fn a_recipient_can_be_suppressed_until_the_provider_may_have_the_mail() {
    let suppress = || Command::Suppress { reason: SuppressionReason::Complaint, at: at(5) };

    given([requested()]).when(suppress()).then_expect_events(vec![suppressed_at(5)]);
    given([requested(), suppressed_at(5)]).when(suppress()).then_expect_events(vec![]);
    given([requested(), calling(1)]).when(suppress()).then_expect_error(Refusal::Settled);
    given([requested(), sent(1, PROVIDER_ID)]).when(suppress()).then_expect_error(Refusal::Settled);
    given([]).when(suppress()).then_expect_error(Refusal::NoSuchMessage);
}

#[test]
fn every_report_is_kept_as_a_fact_whatever_came_before() {
    for settled in [vec![], vec![sent(1, PROVIDER_ID)], vec![rejected()], vec![canceled()]] {
        for report in reports().split_off(1) {
            let before = [requested()].into_iter().chain(settled.clone());

            let events = given(before).when(report).inspect_result().unwrap();

            assert_eq!(events.len(), 1);
        }
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let ours = vec![
        Command::Request(Box::new(wanted())),
        Command::RequestSuppressed { requested: Box::new(wanted()), reason: SuppressionReason::Bounce },
        Command::Suppress { reason: SuppressionReason::Bounce, at: at(9) },
        cancel(),
        Command::RecordCalling { at: at(10) },
        record_rejected(),
        record_call_deferred(1),
        record_call_bounced(1),
        Command::RecordAccepted { provider_message_id: None, at: at(11) },
    ];
    let all: Vec<_> = ours.into_iter().chain(reports()).collect();
    prop_oneof![
        4 => any::<Index>().prop_map(move |index| index.get(&all).clone()),
        1 => any::<u32>().prop_map(record_sent),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(attempt, ambiguous)| record_failed(attempt, ambiguous)),
    ]
}

proptest! {
    #[test]
    fn commands_in_any_order_never_panic_and_their_events_fold_to_the_state(
        commands in prop::collection::vec(any_command(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut handled, mut events) = (Message::default(), vec![]);

        for command in commands {
            let sink = EventSink::default();
            let outcome = runtime.block_on(handled.handle(command, &(), &sink));
            let written = runtime.block_on(sink.collect());
            prop_assert!(outcome.is_ok() || written.is_empty(), "a refusal leaves no events");
            events.extend(written);
        }

        prop_assert_eq!(handled, fold(events));
    }

    #[test]
    fn reports_in_any_order_and_number_lead_to_the_same_state(
        order in Just(reports()).prop_shuffle(),
        again in prop::collection::vec(any::<Index>(), 0..10),
        early in 0..8usize,
    ) {
        let repeated: Vec<_> = again.iter().map(|index| index.get(&order).clone()).collect();
        let (before, after) = order.split_at(early.min(order.len()));
        // Our own answer comes somewhere among them.
        let told_so = before.iter().cloned().chain([record_sent(1)]).chain(after.iter().cloned()).chain(repeated);

        let message = told([requested(), calling(1)], told_so);

        prop_assert_eq!(message.hand_over(), HandOver::Done);
        prop_assert_eq!(message.provider_message_id(), Some(PROVIDER_ID));
        prop_assert_eq!(message.attempts(), 1);
    }

    #[test]
    fn one_report_settles_the_hand_over_whatever_else_is_recorded(
        commands in prop::collection::vec(any_command(), 0..20), report in any::<Index>(), place in any::<Index>(),
    ) {
        let mut commands = commands;
        commands.insert(place.index(commands.len() + 1), report.get(&reports()).clone());

        let message = told([requested(), calling(1)], commands);

        prop_assert_eq!(message.hand_over(), HandOver::Done);
    }

    #[test]
    fn nothing_is_called_for_after_the_provider_has_it(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut message = fold([requested()]);
        for command in commands {
            let settled = matches!(message.hand_over(), HandOver::Done | HandOver::Ended);
            for event in message.decide(command).unwrap_or_default() {
                prop_assert!(!(settled && matches!(event, Event::Calling { .. })), "{event:?}");
                message.apply(event);
            }
        }
    }
}
