//! What holds whatever is asked in whatever order, at whatever time the clock shows.

use std::collections::{HashMap, HashSet};

use cqrs_es::event_sink::EventSink;
use proptest::prelude::*;

use super::*;

/// A command about one of a few requests; `Request` gets a fresh id where it is used.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Request,
    Issue,
    Decline,
    Supersede,
    Restore,
    Visit,
    Start,
    Complete(u32),
    Fail(u32),
    Expire,
    Revoke,
}

/// What is asked, about which request counted from the newest, and how far the clock moves before.
type Step = (Ask, u128, i64);

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => Just(Ask::Request),
        4 => Just(Ask::Issue),
        1 => Just(Ask::Decline),
        3 => Just(Ask::Supersede),
        2 => Just(Ask::Restore),
        1 => Just(Ask::Visit),
        4 => Just(Ask::Start),
        4 => (0..3u32).prop_map(Ask::Complete),
        2 => (0..3u32).prop_map(Ask::Fail),
        1 => Just(Ask::Expire),
        1 => Just(Ask::Revoke),
    ]
}

fn steps(clock: impl Strategy<Value = i64>) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((ask(), 0..3u128, clock), 1..60)
}

/// A clock that only goes on, from standing still to skipping a link's whole life.
fn onwards() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..5i64, 4 => 5..90i64, 1 => 90..5000i64]
}

/// A clock that may be set back by as much.
fn anyhow() -> impl Strategy<Value = i64> {
    prop_oneof![6 => onwards(), 1 => onwards().prop_map(|seconds| -seconds)]
}

fn command(ask: Ask, number: u128, seconds: i64) -> Command {
    match ask {
        Ask::Request => request(number, seconds),
        Ask::Issue => issue(number, seconds),
        Ask::Decline => decline(number, DeclineReason::UnknownAddress, seconds),
        Ask::Supersede => supersede(number, seconds),
        Ask::Restore => restore(number, seconds),
        Ask::Visit => visit(number, VisitKind::Link, seconds),
        Ask::Start => start(number, seconds),
        Ask::Complete(attempt) => complete(number, attempt, seconds),
        Ask::Fail(attempt) => fail(number, attempt, seconds),
        Ask::Expire => expire(number, seconds),
        Ask::Revoke => revoke(number, seconds),
    }
}

/// The steps as commands, each about one of the newest requests; ids of requests never repeat.
fn commands(steps: &[Step]) -> Vec<Command> {
    let (mut newest, mut now) = (0, 0);
    steps
        .iter()
        .map(|(ask, back, moved)| {
            now += moved;
            if matches!(ask, Ask::Request) {
                newest += 1;
                return command(*ask, newest, now);
            }
            command(*ask, newest.saturating_sub(*back).max(1), now)
        })
        .collect()
}

/// What the stream holds after the commands; refused ones leave nothing. As in the directory, every
/// completion moves the credential version on.
fn stream(commands: &[Command]) -> Vec<Event> {
    let mut state = PasswordReset::default();
    let (mut events, mut version) = (vec![], 1);
    for command in commands {
        let mut command = command.clone();
        if let Command::IssueLink { credential_version, .. } = &mut command {
            *credential_version = version;
        }
        for event in state.decide(command, &LinkPolicy::default()).unwrap_or_default() {
            version += i64::from(matches!(event, Event::Completed(_)));
            state.apply(event.clone());
            events.push(event);
        }
    }
    events
}

/// The events from the newest `requested` on, which is where loading starts.
fn from_newest_request(events: &[Event]) -> &[Event] {
    let start = events.iter().rposition(|event| matches!(event, Event::Requested(_)));
    &events[start.unwrap_or_default()..]
}

fn accepted(events: &[Event]) -> Vec<DateTime<Utc>> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Requested(requested) => Some(requested.at),
            _ => None,
        })
        .collect()
}

proptest! {
    #[test]
    fn the_state_after_a_command_is_the_fold_of_its_events(steps in steps(anyhow())) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut handled, mut events) = (PasswordReset::default(), vec![]);

        for command in commands(&steps) {
            let sink = EventSink::default();
            let outcome = runtime.block_on(handled.handle(command, &LinkPolicy::default(), &sink));
            let written = runtime.block_on(sink.collect());
            prop_assert!(outcome.is_ok() || written.is_empty(), "a refusal leaves no events");
            events.extend(written);
        }

        prop_assert_eq!(handled, fold(&events));
    }

    #[test]
    fn loading_may_start_at_the_newest_request(
        before in steps(anyhow()), ask in ask(), number in 1..40u128, moved in anyhow(),
    ) {
        let events = stream(&commands(&before));
        let (whole, recent) = (fold(&events), fold(from_newest_request(&events)));
        let now = before.iter().map(|(_, _, moved)| moved).sum::<i64>() + moved;
        // Visits are recorded for usable links only, and a request never comes with an old id.
        let number = if matches!(ask, Ask::Request) { 1000 } else { number };
        prop_assume!(!matches!(ask, Ask::Visit) || recent.request(rst(number)).is_some());

        let decide = |state: &PasswordReset| {
            state.decide(command(ask, number, now), &LinkPolicy::default())
        };

        if matches!(ask, Ask::Request) || recent.request(rst(number)).is_some() {
            prop_assert_eq!(decide(&recent), decide(&whole));
        } else {
            prop_assert_eq!(decide(&recent).unwrap_or_default(), decide(&whole).unwrap_or_default());
        }
    }

    #[test]
    fn of_all_links_under_one_credential_version_at_most_one_completes(steps in steps(anyhow())) {
        let (mut version_of, mut completed) = (HashMap::new(), HashSet::new());

        for event in stream(&commands(&steps)) {
            match event {
                Event::LinkIssued(issued) => {
                    version_of.insert(issued.request_id, issued.credential_version);
                }
                Event::Completed(completion) => {
                    prop_assert!(completed.insert(version_of[&completion.request_id]), "{completion:?}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_request_completes_at_most_once(steps in steps(anyhow())) {
        let mut completed = HashSet::new();

        for event in stream(&commands(&steps)) {
            if let Event::Completed(completion) = event {
                prop_assert!(completed.insert(completion.request_id), "{completion:?}");
            }
        }
    }

    #[test]
    fn only_the_newest_started_attempt_completes(steps in steps(anyhow())) {
        let mut newest = HashMap::new();

        for event in stream(&commands(&steps)) {
            match event {
                Event::CompletionStarted(started) => {
                    let before = newest.insert(started.request_id, started.attempt).unwrap_or_default();
                    prop_assert_eq!(started.attempt, before + 1);
                }
                Event::Completed(completed) => {
                    prop_assert_eq!(newest.get(&completed.request_id), Some(&completed.attempt));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn after_the_newest_mail_took_over_no_other_link_is_live(steps in steps(anyhow())) {
        let (mut state, mut newest) = (PasswordReset::default(), None);
        for command in commands(&steps) {
            let takes_over = match &command {
                Command::SupersedeOlder { request_id, at, .. } if newest == Some(*request_id) => Some(*at),
                _ => None,
            };

            let Ok(events) = state.decide(command, &LinkPolicy::default()) else { continue };
            for event in events {
                if let Event::Requested(requested) = &event {
                    newest = Some(requested.request_id);
                }
                state.apply(event);
            }

            if let Some(at) = takes_over {
                let works = |request: &&LinkRequest<Resetting>| request.status == Status::Live && request.expires_at > at;
                prop_assert!(state.requests().filter(works).count() <= 1, "{state:?}");
            }
        }
    }

    #[test]
    fn a_superseded_link_names_another_request_that_took_over(steps in steps(onwards())) {
        let state = fold(&stream(&commands(&steps)));

        for request in state.requests() {
            if let Status::Superseded { by } = request.status {
                let heir = state.request(by).map(|heir| heir.status);
                prop_assert!(heir.is_some() && by != request.request_id, "{:?}", heir);
            }
        }
    }

    #[test]
    fn nothing_moves_the_end_of_a_link(steps in steps(anyhow())) {
        let ttl = LinkPolicy::default().ttl;

        for event in stream(&commands(&steps)) {
            match event {
                Event::Requested(requested) => {
                    prop_assert_eq!(requested.expires_at, requested.at + ttl);
                    for carried in requested.carried {
                        prop_assert_eq!(carried.expires_at, carried.requested_at + ttl);
                    }
                }
                Event::LinkIssued(issued) => prop_assert!(issued.at < issued.expires_at),
                _ => {}
            }
        }
    }

    #[test]
    fn the_limits_hold_for_any_times_of_a_clock_that_goes_on(
        jumps in prop::collection::vec(-20_000..20_000i64, 0..20),
        gaps in prop::collection::vec(0..1500i64, 1..60),
    ) {
        let policy = LinkPolicy::default();
        let moves = jumps.iter().map(|jump| (Ask::Request, 0, *jump));
        let wild: Vec<Step> = moves.clone().collect();
        let tame: Vec<Step> = moves.chain(gaps.iter().map(|gap| (Ask::Request, 0, *gap))).collect();

        let known = accepted(&stream(&commands(&wild))).len();
        let times = accepted(&stream(&commands(&tame))).split_off(known);

        for pair in times.windows(2) {
            prop_assert!(pair[1] - pair[0] >= policy.cooldown);
        }
        for window in times.windows(policy.per_hour + 1) {
            prop_assert!(window[policy.per_hour] - window[0] >= TimeDelta::hours(1));
        }
    }

    #[test]
    fn whatever_the_clock_did_an_hour_after_a_refusal_the_next_request_is_taken(
        jumps in prop::collection::vec(-200_000..200_000i64, 1..30),
    ) {
        let mut wild: Vec<Step> = jumps.iter().map(|jump| (Ask::Request, 0, *jump)).collect();
        let before = accepted(&stream(&commands(&wild))).len();
        wild.push((Ask::Request, 0, HOUR));

        let after = accepted(&stream(&commands(&wild))).len();

        prop_assert_eq!(after, before + 1);
    }

    #[test]
    fn refusals_are_recorded_at_most_once_per_limit_and_taken_request_while_the_clock_goes_on(
        gaps in prop::collection::vec(0..30i64, 1..100),
    ) {
        let steps: Vec<Step> = gaps.iter().map(|gap| (Ask::Request, 0, *gap)).collect();

        let events = stream(&commands(&steps));

        let taken = accepted(&events).len();
        prop_assert!(events.len() <= taken * 3, "{} events for {taken} requests", events.len());
    }
}
