//! What is a verification's own; what it shares with resets is told by their tests.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    EmailVerification, EmailVerificationCommand as Command, EmailVerificationEvent as Event, Verifies,
};
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId, VerificationId};
use crate::domain::one_time_link::{DeclineReason, LinkPolicy, LinkRefusal as Refusal, Status};
use crate::domain::sealed::Sealed;

const HOUR: i64 = 3600;

fn policy() -> LinkPolicy {
    LinkPolicy { ttl: TimeDelta::hours(24), ..LinkPolicy::default() }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_607_200 + seconds, 0).unwrap()
}

fn ver(number: u128) -> VerificationId {
    VerificationId::from_uuid(Uuid::from_u128(number))
}

fn ask(number: u128, verifies: Verifies, seconds: i64) -> Command {
    Command::Request {
        request_id: ver(number),
        email: EmailAddress::parse("ada@example.test").unwrap(),
        locale: None,
        browser: None,
        details: verifies,
        at: at(seconds),
    }
}

fn register(number: u128, seconds: i64) -> Command {
    ask(number, Verifies::Registration, seconds)
}

fn ask_again(number: u128, seconds: i64) -> Command {
    ask(number, Verifies::Account, seconds)
}

fn move_here(number: u128, seconds: i64) -> Command {
    let previous = Sealed::Known(EmailAddress::parse("old@example.test").unwrap());
    let account_id = AccountId::from_uuid(Uuid::from_u128(2));
    ask(number, Verifies::AddressChange { account_id, credential_version: 1, previous }, seconds)
}

fn issue(number: u128, seconds: i64) -> Command {
    Command::IssueLink {
        request_id: ver(number),
        message_id: MessageId::from_uuid(Uuid::from_u128(number)),
        account_id: AccountId::from_uuid(Uuid::from_u128(1)),
        credential_version: 1,
        salt: [7; 16],
        email: EmailAddress::parse("ada@example.test").unwrap(),
        name: None,
        at: at(seconds),
    }
}

fn hand_over(number: u128, seconds: i64) -> Command {
    let message_id = MessageId::from_uuid(Uuid::from_u128(number));
    Command::SupersedeOlder { request_id: ver(number), message_id, at: at(seconds) }
}

fn start(number: u128, seconds: i64) -> Command {
    Command::StartCompletion { request_id: ver(number), at: at(seconds) }
}

fn refuse(number: u128, attempt: u32, seconds: i64) -> Command {
    Command::RefuseCompletion { request_id: ver(number), attempt, at: at(seconds) }
}

fn complete(number: u128, attempt: u32, seconds: i64) -> Command {
    Command::Complete { request_id: ver(number), attempt, at: at(seconds) }
}

fn history(commands: impl IntoIterator<Item = Command>) -> Vec<Event> {
    let mut state = EmailVerification::default();
    let mut events = vec![];
    for command in commands {
        for event in state.decide(command, &policy()).unwrap() {
            state.apply(event.clone());
            events.push(event);
        }
    }
    events
}

fn state_after(commands: impl IntoIterator<Item = Command>) -> EmailVerification {
    let mut state = EmailVerification::default();
    history(commands).into_iter().for_each(|event| state.apply(event));
    state
}

fn given(commands: impl IntoIterator<Item = Command>) -> AggregateTestExecutor<EmailVerification> {
    TestFramework::with(policy()).given(history(commands))
}

fn status(state: &EmailVerification, number: u128) -> Status<super::Verifying> {
    state.request(ver(number)).unwrap().status
}

/// So many wrong passwords in a row, each a second after the one before, from the tenth second on.
fn wrong_passwords(count: u32) -> impl Iterator<Item = Command> {
    (1..=count).flat_map(|attempt| {
        let seconds = 10 + i64::from(attempt);
        [start(1, seconds), refuse(1, attempt, seconds)]
    })
}

#[test]
fn links_of_several_registrations_of_one_address_live_side_by_side() {
    let state = state_after([
        register(1, 0),
        issue(1, 1),
        hand_over(1, 2),
        register(2, 100),
        issue(2, 101),
        hand_over(2, 102),
    ]);

    assert_eq!((status(&state, 1), status(&state, 2)), (Status::Live, Status::Live));
}

#[test]
fn a_registration_is_never_answered_by_the_link_of_another() {
    let events = history([register(1, 0), issue(1, 1), register(2, 100)]);

    assert!(matches!(events.last(), Some(Event::Requested(requested)) if requested.request_id == ver(2)));
}

#[test]
fn asking_for_the_mail_again_repeats_the_newest_registration() {
    let before = [register(1, 0), issue(1, 1), register(2, 100), issue(2, 101)];

    let events = history(before.into_iter().chain([ask_again(3, 200)]));

    assert!(matches!(events.last(), Some(Event::Repeated(repeated)) if repeated.of == ver(2)), "{events:?}");
}

#[test]
fn asking_for_the_mail_again_never_repeats_a_change_of_address() {
    let before = [register(1, 0), issue(1, 1), move_here(2, 100), issue(2, 101)];

    let events = history(before.into_iter().chain([ask_again(3, 200)]));

    assert!(matches!(events.last(), Some(Event::Repeated(repeated)) if repeated.of == ver(1)), "{events:?}");
}

#[test]
fn completing_one_registration_ends_the_others_of_the_account() {
    let both = [register(1, 0), issue(1, 1), register(2, 100), issue(2, 101)];

    let state = state_after(both.into_iter().chain([start(1, 200), complete(1, 1, 201)]));

    assert_eq!(
        (status(&state, 1), status(&state, 2)),
        (Status::Completed, Status::Superseded { by: ver(1) })
    );
}

#[test]
fn a_wrong_password_counts_and_leaves_the_link_alive() {
    let refused = [register(1, 0), issue(1, 1), start(1, 10), refuse(1, 1, 11)];

    let state = state_after(refused.clone());

    assert_eq!(status(&state, 1), Status::Live);
    let events = history(refused.into_iter().chain([start(1, 12)]));
    assert!(matches!(events.last(), Some(Event::CompletionStarted(started)) if started.attempt == 2));
}

#[test]
fn after_ten_wrong_passwords_the_link_rests_until_the_first_is_an_hour_old() {
    let guessed = || [register(1, 0), issue(1, 1)].into_iter().chain(wrong_passwords(10));
    let until = at(11 + HOUR);

    given(guessed()).when(start(1, 100)).then_expect_error(Refusal::TooManyPasswords { until });
    given(guessed()).when(start(1, 10 + HOUR)).then_expect_error(Refusal::TooManyPasswords { until });

    let events = history(guessed().chain([start(1, 11 + HOUR)]));
    assert!(matches!(events.last(), Some(Event::CompletionStarted(started)) if started.attempt == 11));
}

#[test]
fn wrong_passwords_are_remembered_across_further_requests() {
    let guessed = [register(1, 0), issue(1, 1)].into_iter().chain(wrong_passwords(10));
    let newest = history(guessed.chain([register(2, 200)])).pop().unwrap();

    let outcome = TestFramework::<EmailVerification>::with(policy()).given(vec![newest]).when(start(1, 300));

    outcome.then_expect_error(Refusal::TooManyPasswords { until: at(11 + HOUR) });
}

#[test]
fn only_the_attempt_under_way_can_be_refused() {
    let done = [register(1, 0), issue(1, 1), start(1, 10), complete(1, 1, 11)];

    given(done).when(refuse(1, 1, 12)).then_expect_events(vec![]);
    given([register(1, 0), issue(1, 1), start(1, 10)]).when(refuse(1, 2, 12)).then_expect_events(vec![]);
}

#[test]
fn registrations_are_limited_like_resets() {
    given([register(1, 0)]).when(register(2, 59)).then_expect_events(vec![Event::Declined {
        request_id: ver(2),
        reason: DeclineReason::Cooldown,
        at: at(59),
    }]);
}

#[test]
fn stored_events_say_what_is_verified_and_seal_what_is_personal() {
    let stored = |command| serde_json::to_value(history([command]).remove(0)).unwrap();

    let registration = stored(register(1, 0));
    let change = stored(move_here(1, 0));

    assert_eq!(registration["data"]["verifies"], "registration");
    assert_eq!(change["data"]["verifies"], "address_change");
    assert_eq!(change["data"]["previous"]["$seal"], "old@example.test");
    for event in [registration, change] {
        let read: Event = serde_json::from_value(event.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), event);
    }
}

proptest! {
    #[test]
    fn no_order_of_guesses_gives_more_than_ten_within_an_hour(pauses in prop::collection::vec(0..900i64, 1..80)) {
        let mut state = state_after([register(1, 0), issue(1, 1)]);
        let (mut now, mut guesses) = (10, vec![]);
        for pause in pauses {
            now += pause;
            let Ok(events) = state.decide(start(1, now), &policy()) else { continue };
            let Some(Event::CompletionStarted(started)) = events.first() else { continue };
            let attempt = started.attempt;
            events.into_iter().for_each(|event| state.apply(event));
            state.decide(refuse(1, attempt, now), &policy()).unwrap().into_iter().for_each(|event| state.apply(event));
            guesses.push(now);
        }
        for first in &guesses {
            let within = guesses.iter().filter(|then| (*first..first + HOUR).contains(*then)).count();
            prop_assert!(within <= 10, "{within} from {first}: {guesses:?}");
        }
    }
}
