//! Given what happened to an address, when a command comes, then these events.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;

use super::{
    Added, Blocks, Lifted, Reason, Suppression, SuppressionCommand as Command, SuppressionEvent as Event,
    SuppressionRefusal as Refusal,
};
use crate::domain::sealed::Sealed;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_607_200 + seconds, 0).unwrap()
}

fn ground(reason: Reason, blocks: Blocks, seconds: i64) -> Added {
    Added {
        reason,
        blocks,
        address: Sealed::Erased,
        category: None,
        message_id: None,
        by: "provider".into(),
        at: at(seconds),
    }
}

fn bounce(seconds: i64) -> Added {
    ground(Reason::HardBounce, Blocks::Everything, seconds)
}

fn complaint(seconds: i64) -> Added {
    ground(Reason::Complaint, Blocks::Bulk, seconds)
}

fn add(added: Added) -> Command {
    Command::Add(Box::new(added))
}

fn lift(seconds: i64) -> Command {
    Command::Lift { reasons: Reason::ALL.to_vec(), by: "key_1".into(), at: at(seconds) }
}

fn lifted(reasons: &[Reason], by: &str, seconds: i64) -> Event {
    Event::Lifted(Lifted { reasons: reasons.to_vec(), by: by.into(), at: at(seconds) })
}

fn given(events: impl IntoIterator<Item = Event>) -> AggregateTestExecutor<Suppression> {
    TestFramework::with(()).given(events.into_iter().collect())
}

fn fold(events: impl IntoIterator<Item = Event>) -> Suppression {
    let mut state = Suppression::default();
    events.into_iter().for_each(|event| state.apply(event));
    state
}

#[test]
fn a_hard_bounce_holds_everything_back_and_a_complaint_only_bulk_mail() {
    let bounced = fold([Event::Added(bounce(0))]);
    let complained = fold([Event::Added(complaint(0))]);

    assert_eq!(bounced.blocks(Blocks::Everything), Some(Reason::HardBounce));
    assert_eq!(bounced.blocks(Blocks::Bulk), Some(Reason::HardBounce));
    assert_eq!(complained.blocks(Blocks::Everything), None);
    assert_eq!(complained.blocks(Blocks::Bulk), Some(Reason::Complaint));
    assert_eq!(Suppression::default().blocks(Blocks::Bulk), None);
}

#[test]
fn the_same_reason_twice_is_no_news() {
    given([]).when(add(bounce(0))).then_expect_events(vec![Event::Added(bounce(0))]);
    given([Event::Added(bounce(0))]).when(add(bounce(9))).then_expect_events(vec![]);
    given([Event::Added(bounce(0))])
        .when(add(complaint(9)))
        .then_expect_events(vec![Event::Added(complaint(9))]);
}

#[test]
fn an_operator_may_change_what_they_have_blocked() {
    let manual = |blocks, seconds| ground(Reason::Manual, blocks, seconds);
    let before = [Event::Added(manual(Blocks::Everything, 0))];

    given(before.clone()).when(add(manual(Blocks::Everything, 5))).then_expect_events(vec![]);
    let narrowed = Event::Added(manual(Blocks::Bulk, 5));
    given(before.clone()).when(add(manual(Blocks::Bulk, 5))).then_expect_events(vec![narrowed.clone()]);
    let state = fold(before.into_iter().chain([narrowed]));
    assert_eq!(state.blocks(Blocks::Everything), None);
    assert_eq!(state.grounds().next().unwrap().1.since, at(0));
}

#[test]
fn a_lift_ends_every_reason_that_holds_and_no_other() {
    let both = [Event::Added(bounce(0)), Event::Added(complaint(1))];
    let reasons = [Reason::HardBounce, Reason::Complaint];

    given(both).when(lift(9)).then_expect_events(vec![lifted(&reasons, "key_1", 9)]);
    given([]).when(lift(9)).then_expect_events(vec![]);
}

#[test]
fn evidence_from_before_a_lift_that_comes_late_says_nothing_against_it() {
    let history = [Event::Added(bounce(0)), lifted(&[Reason::HardBounce], "key_1", 10)];

    given(history.clone()).when(add(bounce(9))).then_expect_events(vec![]);
    given(history.clone()).when(add(bounce(10))).then_expect_events(vec![]);
    given(history).when(add(bounce(11))).then_expect_events(vec![Event::Added(bounce(11))]);
}

#[test]
fn a_proof_lifts_an_older_bounce_and_nothing_that_anybody_decided() {
    let prove = |seconds| Command::Prove { at: at(seconds) };
    let all = [Event::Added(bounce(5)), Event::Added(complaint(5))];

    given(all.clone()).when(prove(5)).then_expect_events(vec![lifted(&[Reason::HardBounce], "proof", 5)]);
    given(all).when(prove(4)).then_expect_events(vec![]);
    given([Event::Added(complaint(5))]).when(prove(9)).then_expect_events(vec![]);
}

#[test]
fn what_newer_code_wrote_is_left_to_newer_code() {
    given([Event::Unknown]).when(lift(1)).then_expect_error(Refusal::NewerCode);
}

proptest! {
    #[test]
    fn duplicates_and_order_of_evidence_make_no_difference(
        times in prop::collection::vec(0..100i64, 1..12),
        lifted_at in 0..100i64,
    ) {
        let tell = |times: &[i64]| {
            let mut state = fold([Event::Added(bounce(-1)), lifted(&[Reason::HardBounce], "key_1", lifted_at)]);
            for seconds in times {
                for event in state.decide(add(bounce(*seconds))).unwrap() {
                    state.apply(event);
                }
            }
            state.blocks(Blocks::Everything)
        };
        let backwards: Vec<_> = times.iter().rev().copied().collect();
        let twice = [times.clone(), times.clone()].concat();

        prop_assert_eq!(tell(&times), tell(&backwards));
        prop_assert_eq!(tell(&times), tell(&twice));
        prop_assert_eq!(tell(&times).is_some(), times.iter().any(|seconds| *seconds > lifted_at));
    }
}
