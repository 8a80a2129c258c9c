//! What becomes of links: superseded and restored, visited, expired, revoked.

use super::*;

/// An older live link and a newer one whose mail is about to be handed over.
fn two_links() -> Vec<Command> {
    vec![request(1, 0), issue(1, 1), request(2, 100), issue(2, 101)]
}

fn then(mut before: Vec<Command>, more: impl IntoIterator<Item = Command>) -> Vec<Command> {
    before.extend(more);
    before
}

#[test]
fn the_older_link_ends_when_the_newer_mail_is_handed_over_and_not_before() {
    let state = state_after(two_links());

    assert_eq!((status(&state, 1), status(&state, 2)), (Status::Live, Status::Live));
    given(two_links()).when(supersede(2, 102)).then_expect_events(vec![superseded(1, 2, 102)]);
}

#[test]
fn superseding_twice_ends_nothing_more() {
    given(then(two_links(), [supersede(2, 102)])).when(supersede(2, 103)).then_expect_events(vec![]);
}

#[test]
fn an_older_mail_does_not_end_a_newer_link() {
    given(two_links()).when(supersede(1, 102)).then_expect_events(vec![]);
}

#[test]
fn a_link_of_a_clock_that_ran_ahead_is_superseded_all_the_same() {
    let ahead = [request(9, HOUR), issue(9, HOUR), request(2, 0), request(2, 60), issue(2, 61)];

    given(ahead).when(supersede(2, 62)).then_expect_events(vec![superseded(9, 2, 62)]);
}

#[test]
fn a_mail_whose_own_link_is_dead_ends_no_other() {
    let handed_over = then(two_links(), [supersede(2, 102)]);

    given(handed_over).when(supersede(1, 103)).then_expect_error(Refusal::Superseded);
    given(then(two_links(), [revoke(2, 102)])).when(supersede(2, 103)).then_expect_error(Refusal::Revoked);
    given([request(1, 0)]).when(supersede(1, 1)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_started_completion_is_never_superseded() {
    given(then(two_links(), [start(1, 102)])).when(supersede(2, 103)).then_expect_events(vec![]);
    given(then(two_links(), [start(1, 102)])).when(supersede(2, 900)).then_expect_events(vec![]);
}

#[test]
fn a_superseded_link_does_not_work() {
    given(then(two_links(), [supersede(2, 102)])).when(start(1, 103)).then_expect_error(Refusal::Superseded);
}

#[test]
fn the_older_link_works_again_when_the_newer_mail_definitely_failed() {
    let failed = then(two_links(), [supersede(2, 102)]);

    given(failed.clone()).when(restore(2, 103)).then_expect_events(vec![restored(1, 103)]);
    given(then(failed.clone(), [restore(2, 103)])).when(restore(2, 104)).then_expect_events(vec![]);
    given(then(failed, [restore(2, 103)]))
        .when(start(1, 104))
        .then_expect_events(vec![Event::CompletionStarted(completion(1, 1, 104))]);
}

#[test]
fn only_what_the_failed_mail_had_ended_is_restored() {
    let third = [supersede(2, 102), request(3, 200), issue(3, 201), supersede(3, 202)];

    given(then(two_links(), third)).when(restore(3, 203)).then_expect_events(vec![restored(2, 203)]);
}

#[test]
fn a_late_failure_of_a_superseded_mail_leaves_its_elders_to_the_newest() {
    let third = [supersede(2, 102), request(3, 200), issue(3, 201), supersede(3, 202)];
    let before = then(two_links(), third);

    given(before.clone()).when(restore(2, 203)).then_expect_events(vec![superseded(1, 3, 203)]);
    given(then(before, [restore(2, 203)]))
        .when(restore(3, 204))
        .then_expect_events(vec![restored(1, 204), restored(2, 204)]);
}

#[test]
fn nothing_is_restored_when_somebody_follows_the_link_of_the_mail_that_seemed_to_fail() {
    let followed = then(two_links(), [supersede(2, 102), start(2, 103)]);

    given(followed.clone()).when(restore(2, 104)).then_expect_events(vec![]);
    given(then(followed, [complete(2, 1, 104)])).when(restore(2, 105)).then_expect_events(vec![]);
}

#[test]
fn a_link_whose_time_is_over_is_neither_superseded_nor_restored() {
    let late = vec![request(1, 0), issue(1, 1), request(2, 1800), issue(2, 1801)];

    given(late.clone()).when(supersede(2, HOUR)).then_expect_events(vec![]);
    given(then(late, [supersede(2, 1802)])).when(restore(2, HOUR)).then_expect_events(vec![]);
}

#[test]
fn a_visit_is_recorded_with_its_mail_and_kind() {
    let visited = Event::LinkVisited {
        request_id: rst(1),
        message_id: msg(1),
        kind: VisitKind::Page,
        user_agent: None,
        at: at(10),
    };

    given([request(1, 0), issue(1, 1)]).when(visit(1, VisitKind::Page, 10)).then_expect_events(vec![visited]);
    given([request(1, 0)]).when(visit(1, VisitKind::Page, 10)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_burst_of_visits_counts_once_per_kind() {
    let before = [request(1, 0), issue(1, 1), visit(1, VisitKind::Link, 10)];

    given(before.clone()).when(visit(1, VisitKind::Link, 11)).then_expect_events(vec![]);
    assert_eq!(history(before.clone().into_iter().chain([visit(1, VisitKind::Page, 11)])).len(), 4);
    assert_eq!(history(before.into_iter().chain([visit(1, VisitKind::Link, 12)])).len(), 4);
}

#[test]
fn visits_of_one_kind_are_bounded_and_change_nothing_about_the_link() {
    let visits = (0..50).map(|n| visit(1, VisitKind::Link, 10 * n + 10));

    let state = state_after([request(1, 0), issue(1, 1)].into_iter().chain(visits.clone()));
    let events = history([request(1, 0), issue(1, 1)].into_iter().chain(visits));

    assert_eq!(events.len(), 2 + 3);
    assert_eq!(status(&state, 1), Status::Live);
}

#[test]
fn a_visit_ahead_of_a_clock_that_was_set_back_hides_no_later_one() {
    let ahead = [request(1, 0), issue(1, 1), visit(1, VisitKind::Link, 1000)];

    let events = history(ahead.into_iter().chain([visit(1, VisitKind::Link, 10)]));

    assert_eq!(events.len(), 4);
}

#[test]
fn an_unused_link_expires_once_at_its_time() {
    let live = [request(1, 0), issue(1, 1)];
    let expired = Event::Expired { request_id: rst(1), at: at(HOUR) };

    given(live.clone()).when(expire(1, HOUR - 1)).then_expect_events(vec![]);
    given(live.clone()).when(expire(1, HOUR)).then_expect_events(vec![expired]);
    given(live.into_iter().chain([expire(1, HOUR)])).when(expire(1, HOUR + 1)).then_expect_events(vec![]);
}

#[test]
fn a_link_is_dead_at_its_time_whether_that_was_recorded_or_not() {
    let live = [request(1, 0), issue(1, 1)];

    given(live.clone()).when(start(1, HOUR)).then_expect_error(Refusal::Expired);
    given(live.into_iter().chain([expire(1, HOUR)])).when(start(1, HOUR)).then_expect_error(Refusal::Expired);
}

#[test]
fn what_was_used_ended_or_is_being_used_does_not_expire() {
    let live = vec![request(1, 0), issue(1, 1)];
    let used = then(live.clone(), [start(1, 2), complete(1, 1, 3)]);

    given(then(live.clone(), [start(1, HOUR - 1)])).when(expire(1, HOUR)).then_expect_events(vec![]);
    given(then(live, [revoke(1, 2)])).when(expire(1, HOUR)).then_expect_events(vec![]);
    given(used).when(expire(1, HOUR)).then_expect_events(vec![]);
    given([request(1, 0)]).when(expire(1, HOUR)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_link_that_works_or_could_work_again_can_be_revoked() {
    let revoked = |number| Event::Revoked { request_id: rst(number), by: "support".into(), at: at(110) };
    let superseded = then(two_links(), [supersede(2, 102)]);

    given(two_links()).when(revoke(2, 110)).then_expect_events(vec![revoked(2)]);
    given(superseded.clone()).when(revoke(1, 110)).then_expect_events(vec![revoked(1)]);
    given(then(superseded, [revoke(1, 110)])).when(restore(2, 111)).then_expect_events(vec![]);
}

#[test]
fn a_request_that_is_revoked_in_time_leads_to_no_link() {
    let revoked = Event::Revoked { request_id: rst(1), by: "support".into(), at: at(1) };

    given([request(1, 0)]).when(revoke(1, 1)).then_expect_events(vec![revoked]);
    given([request(1, 0), revoke(1, 1)]).when(issue(1, 2)).then_expect_events(vec![]);
    given([]).when(revoke(1, 1)).then_expect_error(Refusal::NoLink);
}

#[test]
fn a_revoked_link_is_dead_for_good() {
    let revoked = then(two_links(), [revoke(2, 102)]);

    given(revoked.clone()).when(start(2, 103)).then_expect_error(Refusal::Revoked);
    given(revoked).when(revoke(2, 103)).then_expect_events(vec![]);
}

#[test]
fn a_started_completion_cannot_be_revoked() {
    let started = then(two_links(), [start(2, 102)]);

    given(started.clone()).when(revoke(2, 103)).then_expect_error(Refusal::Completing);
    given(then(started, [complete(2, 1, 103)])).when(revoke(2, 104)).then_expect_events(vec![]);
}
