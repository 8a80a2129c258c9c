//! Asking again where the same link is mailed again.

use super::*;
use crate::domain::one_time_link::Repeated;

fn policy() -> LinkPolicy {
    LinkPolicy { repeat: RepeatRequest::Resend, ..LinkPolicy::default() }
}

fn history(commands: impl IntoIterator<Item = Command>) -> Vec<Event> {
    let mut state = PasswordReset::default();
    let mut events = vec![];
    for command in commands {
        for event in state.decide(command, &policy()).unwrap() {
            state.apply(event.clone());
            events.push(event);
        }
    }
    events
}

fn given(commands: impl IntoIterator<Item = Command>) -> AggregateTestExecutor<PasswordReset> {
    TestFramework::with(policy()).given(history(commands))
}

fn mailed() -> Vec<Command> {
    vec![request(1, 0), issue(1, 1), supersede(1, 2)]
}

fn again() -> Vec<Command> {
    mailed().into_iter().chain([request(2, 100)]).collect()
}

fn resend(number: u128, message: u128, seconds: i64) -> Command {
    Command::ResendLink { request_id: rst(number), message_id: msg(message), at: at(seconds) }
}

fn resent(number: u128, by: u128, message: u128, seconds: i64) -> Event {
    Event::LinkResent { request_id: rst(number), by: rst(by), message_id: msg(message), at: at(seconds) }
}

#[test]
fn a_second_request_repeats_the_link_that_works() {
    given(mailed()).when(request(2, 100)).then_expect_events(vec![Event::Repeated(Repeated {
        request_id: rst(2),
        of: rst(1),
        email: Sealed::Known(ada()),
        locale: None,
        browser: None,
        details: ResetDetails::default(),
        at: at(100),
        expires_at: at(100 + HOUR),
    })]);
}

#[test]
fn support_mails_a_link_again_without_a_request_for_as_long_as_it_works() {
    given(mailed()).when(resend(1, 22, 50)).then_expect_events(vec![resent(1, 1, 22, 50)]);
    given(mailed()).when(resend(1, 22, HOUR)).then_expect_error(Refusal::Expired);
    given([request(1, 0)]).when(resend(1, 22, 50)).then_expect_error(Refusal::NoLink);
}

#[test]
fn the_link_is_mailed_again_once_for_each_time_that_it_was_asked_for() {
    let mailed_again = again().into_iter().chain([resend(2, 22, 101)]);

    given(again()).when(resend(2, 22, 101)).then_expect_events(vec![resent(1, 2, 22, 101)]);
    given(mailed_again).when(resend(2, 22, 102)).then_expect_events(vec![]);
}

#[test]
fn a_link_that_is_mailed_again_ends_nothing_and_dies_when_it_would_have() {
    let events = history(again().into_iter().chain([resend(2, 22, 101)]));
    let state = fold(&events);

    assert_eq!(status(&state, 1), Status::Live);
    assert_eq!(state.request(rst(1)).unwrap().expires_at, at(HOUR));
    assert!(state.usable_link(rst(1), at(HOUR - 1), &policy()).is_ok());
    assert_eq!(state.usable_link(rst(1), at(HOUR), &policy()), Err(Refusal::Expired));
}

#[test]
fn what_follows_a_link_that_was_mailed_again_is_told_of_its_newest_mail() {
    let followed = again().into_iter().chain([resend(2, 22, 101), start(1, 110), complete(1, 1, 111)]);

    let Some(Event::Completed(completed)) = history(followed).pop() else { panic!("not completed") };

    assert_eq!((completed.request_id, completed.message_id), (rst(1), msg(22)));
}

#[test]
fn a_further_mail_of_a_link_neither_ends_nor_restores_others() {
    // The policy was another when the first link was made.
    let mut events = super::history([request(1, 0), issue(1, 1), request(2, 100), issue(2, 101)]);
    let mut state = fold(&events);
    for command in [supersede(2, 102), request(3, 200), resend(3, 33, 201)] {
        for event in state.decide(command, &policy()).unwrap() {
            state.apply(event.clone());
            events.push(event);
        }
    }
    let of_the_second_mail = Command::RestoreOlder { request_id: rst(2), message_id: msg(33), at: at(202) };

    assert_eq!(status(&state, 1), Status::Superseded { by: rst(2) });
    assert_eq!(state.decide(of_the_second_mail, &policy()), Ok(vec![]));
}

#[test]
fn a_repeated_request_can_get_a_link_of_its_own_if_the_account_has_changed() {
    let events = history(again().into_iter().chain([issue_for_version(2, 2, 101)]));

    assert!(matches!(events.last(), Some(Event::LinkIssued(issued)) if issued.expires_at == at(100 + HOUR)));
    assert_eq!(status(&fold(&events), 2), Status::Live);
}

#[test]
fn asking_again_counts_for_the_limits() {
    let three = again().into_iter().chain([request(3, 200)]);

    given(again()).when(request(3, 159)).then_expect_events(vec![declined(3, DeclineReason::Cooldown, 159)]);
    given(three).when(request(4, 300)).then_expect_events(vec![declined(4, DeclineReason::HourlyLimit, 300)]);
}

#[test]
fn without_a_link_that_works_asking_again_makes_one() {
    let dead = mailed().into_iter().chain([revoke(1, 50)]);

    let events = history(dead.chain([request(2, 100)]));

    assert!(matches!(events.last(), Some(Event::Requested(requested)) if requested.request_id == rst(2)));
}
