//! Asking for a reset: cool-down, hourly limit, clocks that jump, links issued or declined.

use super::*;

#[test]
fn a_first_request_is_taken_and_its_link_will_die_after_the_ttl() {
    let first = Event::Requested(Requested {
        request_id: rst(1),
        email: Sealed::Known(ada()),
        locale: None,
        browser: None,
        details: ResetDetails::default(),
        at: at(0),
        expires_at: at(HOUR),
        recent: vec![],
        carried: vec![],
    });

    given([]).when(request(1, 0)).then_expect_events(vec![first]);
}

#[test]
fn a_request_that_comes_again_under_its_id_changes_nothing() {
    given([request(1, 0)]).when(request(1, 90)).then_expect_events(vec![]);
}

#[test]
fn a_request_within_the_cool_down_is_declined_once() {
    let within = [request(1, 0), request(2, 59)];

    given([request(1, 0)]).when(request(2, 59)).then_expect_events(vec![declined(
        2,
        DeclineReason::Cooldown,
        59,
    )]);
    given(within.clone()).when(request(3, 59)).then_expect_events(vec![]);

    assert!(
        history(within.into_iter().chain([request(3, 60)])).len() == 3,
        "after the cool-down it is taken"
    );
}

#[test]
fn every_cool_down_is_recorded_anew() {
    let before = [request(1, 0), request(2, 10), request(3, 60)];

    given(before).when(request(4, 65)).then_expect_events(vec![declined(4, DeclineReason::Cooldown, 65)]);
}

#[test]
fn a_fourth_request_within_an_hour_is_declined_once_per_hour() {
    let three = [request(1, 0), request(2, 600), request(3, 1200)];
    let refused = three.clone().into_iter().chain([request(4, 1300)]);

    given(three).when(request(4, 1300)).then_expect_events(vec![declined(
        4,
        DeclineReason::HourlyLimit,
        1300,
    )]);
    given(refused).when(request(5, 3599)).then_expect_events(vec![]);
}

#[test]
fn the_hour_of_the_limit_slides() {
    let three = [request(1, 0), request(2, 600), request(3, 1200)];

    let events = history(three.into_iter().chain([request(4, HOUR), request(5, HOUR + 100)]));

    let Event::Requested(fourth) = &events[3] else { panic!("{:?}", events[3]) };
    assert_eq!(fourth.recent, [at(600), at(1200)]);
    assert_eq!(events[4], declined(5, DeclineReason::HourlyLimit, HOUR + 100));
}

#[test]
fn a_request_carries_forward_what_can_still_matter() {
    let before = [request(1, 0), issue(1, 1), request(2, 3000), issue(2, 3001)];

    let events = history(before.into_iter().chain([request(3, HOUR)]));

    let Some(Event::Requested(third)) = events.last() else { panic!("{events:?}") };
    assert_eq!(third.carried.iter().map(|carried| carried.request_id).collect::<Vec<_>>(), [rst(2)]);
    assert_eq!(third.recent, [at(3000)]);
}

#[test]
fn a_started_completion_is_carried_forward_beyond_its_links_time() {
    let cut_off = [request(1, 0), issue(1, 1), start(1, HOUR - 1), request(2, HOUR + 5)];
    let newest = history(cut_off).pop().unwrap();

    TestFramework::<PasswordReset>::with(LinkPolicy::default())
        .given(vec![newest])
        .when(complete(1, 1, HOUR + 30))
        .then_expect_events(vec![Event::Completed(completion(1, 1, HOUR + 30))]);
}

#[test]
fn requests_ahead_of_a_clock_that_was_set_back_count_as_made_now() {
    let ahead = [request(1, 24 * HOUR)];

    given(ahead.clone()).when(request(2, 0)).then_expect_events(vec![declined(
        2,
        DeclineReason::Cooldown,
        0,
    )]);
    given(ahead.into_iter().chain([request(2, 0)])).when(request(3, 59)).then_expect_events(vec![]);
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out_beyond_the_limits() {
    let ahead = (0..3).map(|n| request(n, 24 * HOUR + 100 * n as i64));
    let refused = ahead.chain([request(10, 24 * HOUR + 250), request(11, 0)]);

    let after_the_cool_down = history(refused.clone().chain([request(12, 61)])).pop().unwrap();
    let after_the_hour = history(refused.chain([request(12, 61), request(13, HOUR)])).pop().unwrap();

    assert_eq!(after_the_cool_down, declined(12, DeclineReason::HourlyLimit, 61));
    assert_eq!(after_the_hour.request_id(), Some(rst(13)));
    assert!(matches!(after_the_hour, Event::Requested(_)), "{after_the_hour:?}");
}

#[test]
fn a_clock_that_was_set_back_revives_no_link_that_was_over() {
    let jumped = [request(1, 0), issue(1, 1), request(2, 2 * HOUR)];

    let state = state_after(jumped);

    assert_eq!(state.usable_link(rst(1), at(10), &LinkPolicy::default()), Err(Refusal::Expired));
}

#[test]
fn a_link_is_issued_once_and_its_time_runs_from_the_request() {
    let issued = Event::LinkIssued(LinkIssued {
        request_id: rst(1),
        message_id: msg(1),
        account_id: account(),
        credential_version: 1,
        salt: Sealed::Known(hex::encode(SALT)),
        email: Sealed::Known(ada()),
        name: Sealed::Known(None),
        expires_at: at(HOUR),
        at: at(1800),
    });

    given([request(1, 0)]).when(issue(1, 1800)).then_expect_events(vec![issued]);
    given([request(1, 0), issue(1, 1800)]).when(issue(1, 1801)).then_expect_events(vec![]);
}

#[test]
fn no_link_is_issued_after_its_time() {
    given([request(1, 0)]).when(issue(1, HOUR)).then_expect_events(vec![declined(
        1,
        DeclineReason::Expired,
        HOUR,
    )]);
}

#[test]
fn no_link_is_issued_for_a_request_that_nobody_made() {
    given([]).when(issue(1, 0)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_pending_request_is_declined_once_and_gets_no_link_afterwards() {
    let unknown = decline(1, DeclineReason::UnknownAddress, 5);
    let before = [request(1, 0), unknown.clone()];

    given([request(1, 0)]).when(unknown.clone()).then_expect_events(vec![declined(
        1,
        DeclineReason::UnknownAddress,
        5,
    )]);
    given(before.clone()).when(unknown).then_expect_events(vec![]);
    given(before.clone()).when(issue(1, 6)).then_expect_events(vec![]);
    given(before).when(start(1, 6)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_link_that_was_issued_cannot_be_declined() {
    given([request(1, 0), issue(1, 1)])
        .when(decline(1, DeclineReason::AccountDisabled, 2))
        .then_expect_events(vec![]);
}

#[test]
fn a_stream_written_by_newer_code_is_left_to_newer_code() {
    let mut events = history([request(1, 0), issue(1, 1)]);
    events.push(Event::Unknown);

    for command in [request(2, 100), start(1, 100), visit(1, VisitKind::Link, 100), revoke(1, 100)] {
        TestFramework::<PasswordReset>::with(LinkPolicy::default())
            .given(events.clone())
            .when(command)
            .then_expect_error(Refusal::NewerCode);
    }
}
