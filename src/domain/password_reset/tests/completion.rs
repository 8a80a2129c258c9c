//! Changing the password: one attempt at a time, and only one ever.

use super::*;

fn live() -> Vec<Command> {
    vec![request(1, 0), issue(1, 1)]
}

fn then(mut before: Vec<Command>, more: impl IntoIterator<Item = Command>) -> Vec<Command> {
    before.extend(more);
    before
}

#[test]
fn a_live_link_starts_a_completion_under_its_first_number() {
    given(live()).when(start(1, 10)).then_expect_events(vec![Event::CompletionStarted(completion(1, 1, 10))]);
}

#[test]
fn nothing_starts_without_a_link() {
    given([]).when(start(1, 10)).then_expect_error(Refusal::NoLink);
    given([request(1, 0)]).when(start(1, 10)).then_expect_error(Refusal::NoLink);
}

#[test]
fn while_one_attempt_is_under_way_no_other_starts() {
    given(then(live(), [start(1, 10)])).when(start(1, 10)).then_expect_error(Refusal::Completing);
    given(then(live(), [start(1, 10)])).when(start(1, 39)).then_expect_error(Refusal::Completing);
}

#[test]
fn an_attempt_that_died_can_be_made_again_after_thirty_seconds() {
    given(then(live(), [start(1, 10)]))
        .when(start(1, 40))
        .then_expect_events(vec![Event::CompletionStarted(completion(1, 2, 40))]);
}

#[test]
fn an_attempt_that_died_cannot_be_made_again_after_the_links_time() {
    given(then(live(), [start(1, HOUR - 10)])).when(start(1, HOUR + 60)).then_expect_error(Refusal::Expired);
}

#[test]
fn an_attempt_ahead_of_a_clock_that_was_set_back_counts_as_started_now() {
    given(then(live(), [start(1, 1000)])).when(start(1, 100)).then_expect_error(Refusal::Completing);
}

#[test]
fn the_current_attempt_completes_once() {
    let started = then(live(), [start(1, 10)]);

    given(started.clone())
        .when(complete(1, 1, 11))
        .then_expect_events(vec![Event::Completed(completion(1, 1, 11))]);
    given(then(started, [complete(1, 1, 11)])).when(complete(1, 1, 12)).then_expect_events(vec![]);
}

#[test]
fn an_attempt_may_complete_after_the_links_time() {
    given(then(live(), [start(1, HOUR - 1)]))
        .when(complete(1, 1, HOUR + 1))
        .then_expect_events(vec![Event::Completed(completion(1, 1, HOUR + 1))]);
}

#[test]
fn an_attempt_that_was_taken_over_completes_nothing() {
    let twice = then(live(), [start(1, 10), start(1, 40)]);

    given(twice.clone()).when(complete(1, 1, 41)).then_expect_error(Refusal::StaleAttempt);
    given(then(twice, [complete(1, 2, 41)]))
        .when(complete(1, 1, 42))
        .then_expect_error(Refusal::StaleAttempt);
}

#[test]
fn nothing_completes_that_was_not_started() {
    given(live()).when(complete(1, 1, 10)).then_expect_error(Refusal::StaleAttempt);
    given(live()).when(complete(1, 0, 10)).then_expect_error(Refusal::StaleAttempt);
    given([request(1, 0)]).when(complete(1, 0, 10)).then_expect_error(Refusal::NoLink);
    given([]).when(complete(1, 1, 10)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_used_link_does_nothing_any_more() {
    let used = then(live(), [start(1, 10), complete(1, 1, 11)]);

    given(used.clone()).when(start(1, 12)).then_expect_error(Refusal::Used);
    given(used.clone()).when(start(1, HOUR)).then_expect_error(Refusal::Used);
    given(used).when(supersede(1, 12)).then_expect_error(Refusal::Used);
}

#[test]
fn a_definite_failure_frees_the_link_at_once() {
    let failed = then(live(), [start(1, 10), fail(1, 1, 11)]);

    given(then(live(), [start(1, 10)]))
        .when(fail(1, 1, 11))
        .then_expect_events(vec![Event::CompletionFailed(completion(1, 1, 11))]);
    given(failed.clone())
        .when(start(1, 11))
        .then_expect_events(vec![Event::CompletionStarted(completion(1, 2, 11))]);
    given(failed).when(complete(1, 1, 12)).then_expect_error(Refusal::StaleAttempt);
}

#[test]
fn a_late_failure_of_an_attempt_that_was_taken_over_frees_nothing() {
    let twice = then(live(), [start(1, 10), start(1, 40)]);

    given(twice.clone()).when(fail(1, 1, 41)).then_expect_events(vec![]);
    given(then(twice, [complete(1, 2, 41)])).when(fail(1, 2, 42)).then_expect_events(vec![]);
}

#[test]
fn a_completion_kills_every_other_link_of_the_account() {
    let used =
        [request(1, 0), issue(1, 1), request(2, 100), issue(2, 101), start(1, 110), complete(1, 1, 111)];

    given(used.clone()).when(start(2, 112)).then_expect_error(Refusal::Superseded);
    given(used).when(restore(2, 112)).then_expect_events(vec![]);
}

#[test]
fn a_completion_ends_a_rival_attempt_under_the_same_credentials() {
    let rivals = [request(1, 0), issue(1, 1), request(2, 100), issue(2, 101), start(1, 110), start(2, 110)];
    let decided = rivals.into_iter().chain([complete(1, 1, 111)]);

    given(decided.clone()).when(complete(2, 1, 112)).then_expect_error(Refusal::StaleAttempt);
    given(decided.clone()).when(fail(2, 1, 112)).then_expect_events(vec![]);
    given(decided).when(start(2, 300)).then_expect_error(Refusal::Superseded);
}

#[test]
fn a_completion_that_is_settled_late_spares_links_made_after_it() {
    let cut_off = [request(1, 0), issue_for_version(1, 1, 1), start(1, 50)];
    let later = [request(2, 100), issue_for_version(2, 2, 101), complete(1, 1, 110)];

    given(cut_off.into_iter().chain(later))
        .when(start(2, 111))
        .then_expect_events(vec![Event::CompletionStarted(completion(2, 1, 111))]);
}
