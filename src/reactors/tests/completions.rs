//! Completions that were cut off, and the notice that follows a changed password.

use super::*;
use crate::domain::message::Cause;

/// A completion that was started and of whose process nothing is heard.
async fn cut_off(bench: &Bench) -> RequestId {
    let (request_id, _) = bench.mailed_link().await;
    bench.command(PasswordResetCommand::StartCompletion { request_id, at: bench.now() }).await;
    request_id
}

async fn complete(bench: &Bench, request_id: RequestId) {
    bench.command(PasswordResetCommand::Complete { request_id, attempt: 1, at: bench.now() }).await;
}

#[tokio::test]
async fn a_completion_that_was_applied_is_finished_after_the_patience() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    bench.people.tell(|state| state.applied_attempt = Some(1));

    let at_once = bench.work("settle_completion").await;
    bench.pass(30);
    let later = bench.work("settle_completion").await;

    assert_eq!((at_once, later), (vec![], vec![Verdict::Done]));
    assert_eq!(bench.status(request_id).await, Status::Completed);
}

#[tokio::test]
async fn a_completion_that_was_applied_is_finished_also_after_a_newer_request() {
    let bench = Bench::with_ada().await;
    let (request_id, _) = bench.mailed_link().await;
    bench.pass(3599);
    bench.command(PasswordResetCommand::StartCompletion { request_id, at: bench.now() }).await;
    bench.people.tell(|state| state.applied_attempt = Some(1));
    bench.pass(30);
    bench.request(ADA).await;

    let verdicts = bench.work("settle_completion").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.status(request_id).await, Status::Completed);
}

#[tokio::test]
async fn a_completion_that_was_not_applied_is_left_to_its_owner() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    let position = bench.position().await;
    bench.pass(30);

    let verdicts = bench.work("settle_completion").await;

    assert!(matches!(verdicts[..], [Verdict::Later { .. }]), "{verdicts:?}");
    assert_eq!(bench.position().await, position);
    assert!(matches!(bench.status(request_id).await, Status::Completing { .. }));
}

#[tokio::test]
async fn a_completion_that_was_never_applied_is_given_up_some_time_after_the_link() {
    let bench = Bench::with_ada().await;
    cut_off(&bench).await;
    bench.pass(2 * 3600);

    assert_eq!(bench.work("settle_completion").await, [Verdict::Done]);
}

#[tokio::test]
async fn an_earlier_attempt_that_was_applied_does_not_finish_a_later_one() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    bench.people.tell(|state| state.applied_attempt = Some(1));
    bench.pass(30);
    bench.command(PasswordResetCommand::StartCompletion { request_id, at: bench.now() }).await;

    let first = bench.work("settle_completion").await;
    bench.pass(30);
    let second = bench.work("settle_completion").await;

    assert_eq!(first, [Verdict::Done]);
    assert!(matches!(second[..], [Verdict::Later { .. }]), "{second:?}");
    assert!(matches!(bench.status(request_id).await, Status::Completing { .. }));
}

#[tokio::test]
async fn a_completion_that_ended_by_itself_needs_no_settling() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    complete(&bench, request_id).await;
    bench.people.tell(|state| state.is_away = true);
    bench.pass(30);

    assert_eq!(bench.work("settle_completion").await, [Verdict::Done]);
}

#[tokio::test]
async fn a_directory_that_is_away_is_asked_again_about_a_completion() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    bench.people.tell(|state| (state.is_away, state.applied_attempt) = (true, Some(1)));
    bench.pass(30);

    let away = bench.work("settle_completion").await;
    bench.people.tell(|state| state.is_away = false);
    bench.pass(1);
    let back = bench.work("settle_completion").await;

    assert!(matches!(away[..], [Verdict::Later { .. }]), "{away:?}");
    assert_eq!(back, [Verdict::Done]);
    assert_eq!(bench.status(request_id).await, Status::Completed);
}

#[tokio::test]
async fn a_changed_password_ends_sessions_and_is_told_to_the_owner_once() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    complete(&bench, request_id).await;
    let token = token_in(&bench.post.sent()[0]);
    let work = bench.lease("notify_password_changed").await.remove(0);

    let first = bench.reactor("notify_password_changed").perform(&work).await;
    let second = bench.reactor("notify_password_changed").perform(&work).await;
    let handed_over = bench.work("send_message").await;

    assert_eq!((first, second, handed_over), (Verdict::Done, Verdict::Done, vec![Verdict::Done]));
    let notice = bench.post.sent().pop().unwrap();
    assert_eq!((notice.tag.as_str(), notice.to.as_str()), ("password-changed", "Ada@Example.TEST"));
    assert!(!notice.text.contains("token") && !notice.html.contains(&token));
    let message = bench.message(notice.message_id).await;
    assert_eq!(message.request().unwrap().cause, Cause::PasswordChanged { request_id });
    bench.people.tell(|state| assert!(state.sessions_ended >= 1));
}

#[tokio::test]
async fn a_notice_waits_for_a_directory_that_is_away_and_has_no_one_to_tell_without_an_account() {
    let bench = Bench::with_ada().await;
    let request_id = cut_off(&bench).await;
    complete(&bench, request_id).await;
    bench.people.tell(|state| state.is_away = true);

    let away = bench.work("notify_password_changed").await;
    bench.people.tell(|state| (state.is_away, state.accounts) = (false, vec![]));
    bench.pass(1);
    let gone = bench.work("notify_password_changed").await;

    assert!(matches!(away[..], [Verdict::Later { .. }]), "{away:?}");
    assert_eq!(gone, [Verdict::Done]);
    assert_eq!(bench.work("send_message").await, []);
}
