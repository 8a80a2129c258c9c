//! Handing mails over: once if it can be known, never too late, never behind a webhook's back.

use super::*;
use crate::domain::message::MessageCommand;
use crate::domain::message::MessageEvent;
use crate::domain::provider_event::{Delivery, Diagnostic, DiagnosticText};

fn refused() -> SendError {
    SendError::Refused { reason: "no such domain".into() }
}

fn not_sent() -> SendError {
    SendError::NotSent { reason: "connection refused".into() }
}

fn ambiguous() -> SendError {
    SendError::Ambiguous { reason: "timed out".into() }
}

fn diagnostic(code: u16, enhanced: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic {
        code: Some(code),
        enhanced: Some(enhanced.into()),
        reason: None,
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText { message: format!("{enhanced} said the server"), ..Default::default() }.into(),
    })
}

/// A mail of which nobody knows whether the provider has it, at the time to ask.
async fn uncertain(bench: &Bench) -> (RequestId, MessageId) {
    let link = bench.link().await;
    bench.post.will_fail([ambiguous()]);
    let verdicts = bench.work("send_message").await;
    let asking = bench.now() + TimeDelta::seconds(RECONCILE_AFTER);
    assert!(matches!(&verdicts[..], [Verdict::Later { at, .. }] if *at == asking), "{verdicts:?}");
    bench.pass(RECONCILE_AFTER);
    link
}

#[tokio::test]
async fn a_mail_is_handed_over_with_a_link_that_works_and_the_older_link_ends() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);
    let (newer, message_id) = bench.link().await;
    let position = bench.position().await;

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(
        bench.kinds_after(position).await,
        ["password_reset.link_superseded", "message.calling", "message.sent"]
    );
    let mail = bench.post.sent().pop().unwrap();
    assert_eq!(bench.message(message_id).await.provider_message_id(), Some(&*mail.message_id_header));
    assert_eq!(mail.to.as_str(), "Ada@Example.TEST");
    assert_eq!(bench.commands.find_link::<Resetting>(&token_in(&mail)).await.unwrap().request_id, newer);
    assert_eq!(bench.status(older).await, Status::Superseded { by: newer });
}

#[tokio::test]
async fn until_the_newer_mail_leaves_the_older_link_works() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);

    let (newer, _) = bench.link().await;

    assert_eq!((bench.status(older).await, bench.status(newer).await), (Status::Live, Status::Live));
}

#[tokio::test]
async fn a_refused_mail_is_rejected_and_the_older_link_works_again() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);
    let (_, message_id) = bench.link().await;
    bench.post.will_fail([refused()]);

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.message(message_id).await.hand_over(), HandOver::Ended);
    assert_eq!(bench.status(older).await, Status::Live);
}

#[tokio::test]
async fn a_mail_that_bounces_at_its_hand_over_is_ended_and_the_older_link_works_again() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);
    let (_, message_id) = bench.link().await;
    bench.post.will_fail([SendError::Bounced { diagnostic: diagnostic(550, "5.1.1") }]);

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.message(message_id).await.hand_over(), HandOver::Ended);
    assert_eq!(bench.status(older).await, Status::Live);
    let bounced = bench.events().await.into_iter().find_map(|event| match event {
        LogEvent::Message(MessageEvent::Bounced { diagnostic, at_hand_over, .. }) => {
            Some((diagnostic, at_hand_over))
        }
        _ => None,
    });
    let (told, at_hand_over) = bounced.unwrap();
    assert_eq!((told.code, told.attempt, at_hand_over), (Some(550), Some(1), Some(1)));
    assert_eq!(told.text.known().unwrap().message, "5.1.1 said the server");
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_tried_again_at_growing_intervals_until_its_link_dies() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);
    let (_, message_id) = bench.link().await;
    let position = bench.position().await;
    bench.post.will_fail((0..20).map(|_| SendError::Deferred { diagnostic: diagnostic(451, "4.7.1") }));

    let mut pauses = vec![];
    let last = loop {
        let verdicts = bench.work("send_message").await;
        let [Verdict::Later { at, why }] = &verdicts[..] else { break verdicts };
        assert_eq!((why.as_str(), bench.status(older).await), ("deferred: 451 4.7.1", Status::Live));
        let pause = *at - bench.now();
        pauses.push(pause.num_seconds());
        bench.clock.advance(pause);
    };

    assert_eq!(last, [Verdict::Done]);
    // Chance may shorten one that has reached its greatest length.
    let (growing, full) = pauses.split_at(8);
    assert!(growing[0] <= 6 && growing.is_sorted(), "{pauses:?}");
    assert!(full.iter().all(|pause| (900..=1080).contains(pause)), "{pauses:?}");
    assert_eq!(bench.message(message_id).await.hand_over(), HandOver::Ended);
    let kinds = bench.kinds_after(position).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "message.deferred").count(), pauses.len());
    assert_eq!(kinds.last().map(String::as_str), Some("message.canceled"));
}

#[tokio::test]
async fn what_the_provider_said_when_it_took_a_mail_is_recorded() {
    let bench = Bench::with_ada().await;
    bench.link().await;
    bench.post.will_reply("250 2.0.0 Ok: queued as 4XkQ");

    bench.work("send_message").await;

    let reply = bench.events().await.into_iter().find_map(|event| match event {
        LogEvent::Message(MessageEvent::Sent { reply, .. }) => reply,
        _ => None,
    });
    assert_eq!(reply.unwrap().known().unwrap(), "250 2.0.0 Ok: queued as 4XkQ");
}

#[tokio::test]
async fn a_crash_between_a_refusal_and_the_older_link_leaves_that_link_to_be_restored() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);
    let (request_id, message_id) = bench.link().await;
    bench.command(PasswordResetCommand::SupersedeOlder { request_id, message_id, at: bench.now() }).await;
    let rejected = MessageCommand::RecordRejected { reason: "no such domain".into(), at: bench.now() };
    bench.commands.message(message_id, rejected, Context::caused_by("test")).await.unwrap();

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.status(older).await, Status::Live);
}

#[tokio::test]
async fn a_throttled_mail_waits_as_long_as_the_provider_says_and_the_older_link_works_meanwhile() {
    let bench = Bench::with_ada().await;
    let (older, _) = bench.mailed_link().await;
    bench.pass(60);
    let (newer, _) = bench.link().await;
    let retry_after = Duration::from_secs(77);
    bench.post.will_fail([SendError::Throttled { reason: "too many".into(), retry_after }]);

    let throttled = bench.work("send_message").await;
    let meanwhile = bench.status(older).await;
    bench.pass(76);
    let too_early = bench.work("send_message").await;
    bench.pass(1);
    let in_time = bench.work("send_message").await;

    assert!(matches!(&throttled[..], [Verdict::Later { at, .. }] if *at == bench.now()), "{throttled:?}");
    assert_eq!((meanwhile, too_early, in_time), (Status::Live, vec![], vec![Verdict::Done]));
    assert_eq!(bench.status(older).await, Status::Superseded { by: newer });
}

#[tokio::test]
async fn a_mail_that_was_not_sent_is_tried_again_with_the_same_id_and_link() {
    let bench = Bench::with_ada().await;
    let (_, message_id) = bench.link().await;
    bench.post.will_fail([not_sent(), SendError::Configuration { reason: "key refused".into() }]);

    let first = bench.work("send_message").await;
    bench.pass(2);
    let second = bench.work("send_message").await;
    bench.pass(30);
    let third = bench.work("send_message").await;

    assert!(matches!(first[..], [Verdict::Later { .. }]), "{first:?}");
    assert!(matches!(&second[..], [Verdict::Later { at, .. }] if *at == bench.now()), "{second:?}");
    assert_eq!(third, [Verdict::Done]);
    let sent = bench.post.sent();
    assert_eq!(bench.message(message_id).await.attempts(), 3);
    assert!(sent.iter().all(|mail| mail.message_id_header == sent[0].message_id_header));
    assert!(sent.iter().all(|mail| token_in(mail) == token_in(&sent[0])));
}

#[tokio::test]
async fn a_mail_of_unknown_outcome_that_the_provider_has_is_recorded_and_not_sent_again() {
    let bench = Bench::with_ada().await;
    let (_, message_id) = uncertain(&bench).await;
    bench.post.will_say(Ok(Some(Accepted::as_message("found@mail.example.test".into()))));

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.post.sent().len(), 1);
    let message = bench.message(message_id).await;
    assert_eq!(message.provider_message_id(), Some("found@mail.example.test"));
}

#[tokio::test]
async fn a_mail_of_unknown_outcome_that_the_provider_lacks_is_sent_again_with_the_same_id_and_link() {
    let bench = Bench::with_ada().await;
    let (_, message_id) = uncertain(&bench).await;
    bench.post.will_say(Ok(None));

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    let sent = bench.post.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].message_id_header, sent[1].message_id_header);
    assert_eq!(token_in(&sent[0]), token_in(&sent[1]));
    assert_eq!(bench.message(message_id).await.hand_over(), HandOver::Done);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_asked_again_and_one_that_cannot_is_sent_to_again() {
    let bench = Bench::with_ada().await;
    uncertain(&bench).await;
    bench.post.will_say(Err(LookUpError::Unavailable { reason: "503".into() }));
    bench.post.will_say(Err(LookUpError::Unsupported { reason: "no events".into() }));

    let unanswered = bench.work("send_message").await;
    bench.pass(300);
    let answered = bench.work("send_message").await;

    assert!(matches!(unanswered[..], [Verdict::Later { .. }]), "{unanswered:?}");
    assert_eq!(answered, [Verdict::Done]);
    assert_eq!(bench.post.sent().len(), 2);
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_and_never_answers_is_sent_to_more_and_more_seldom() {
    let bench = Bench::with_ada().await;
    uncertain(&bench).await;
    bench.post.will_fail((0..9).map(|_| ambiguous()));
    for _ in 0..40 {
        bench.post.will_say(Err(LookUpError::Unsupported { reason: "no events".into() }));
    }
    let (begun, mut sent_at) = (bench.now(), vec![]);

    while bench.now() < begun + TimeDelta::seconds(3000) {
        let known = bench.post.sent().len();
        bench.work("send_message").await;
        if bench.post.sent().len() > known {
            sent_at.push((bench.now() - begun).num_seconds());
        }
        bench.pass(20);
    }

    assert_eq!(sent_at, [0, 2 * RECONCILE_AFTER, 6 * RECONCILE_AFTER, 14 * RECONCILE_AFTER]);
}

#[tokio::test]
async fn after_a_crash_behind_the_call_the_provider_is_asked_before_anything_is_sent() {
    let bench = Bench::with_ada().await;
    let (_, message_id) = bench.link().await;
    let calling = MessageCommand::RecordCalling { at: bench.now() };
    bench.commands.message(message_id, calling, Context::caused_by("test")).await.unwrap();

    let at_once = bench.work("send_message").await;
    bench.pass(RECONCILE_AFTER);
    bench.post.will_say(Ok(Some(Accepted::as_message("found@mail.example.test".into()))));
    let later = bench.work("send_message").await;

    assert!(matches!(&at_once[..], [Verdict::Later { at, .. }] if *at == bench.now()), "{at_once:?}");
    assert_eq!(later, [Verdict::Done]);
    assert!(bench.post.sent().is_empty());
}

#[tokio::test]
async fn a_webhook_that_came_meanwhile_settles_the_mail_and_nothing_is_sent() {
    let bench = Bench::with_ada().await;
    let (_, message_id) = uncertain(&bench).await;
    let delivered = MessageCommand::RecordDelivered { delivery: Delivery::default(), at: bench.now() };
    bench.commands.message(message_id, delivered, Context::caused_by("webhook")).await.unwrap();

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.post.sent().len(), 1);
}

#[tokio::test]
async fn a_mail_whose_link_has_died_is_canceled() {
    let bench = Bench::with_ada().await;
    let (request_id, message_id) = bench.link().await;
    bench.command(PasswordResetCommand::Revoke { request_id, by: "support".into(), at: bench.now() }).await;
    let position = bench.position().await;

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.kinds_after(position).await, ["message.canceled"]);
    assert_eq!(bench.message(message_id).await.hand_over(), HandOver::Ended);
    assert!(bench.post.sent().is_empty());
}

#[tokio::test]
async fn a_mail_is_never_sent_after_its_links_time() {
    let bench = Bench::with_ada().await;
    let (_, message_id) = bench.link().await;
    bench.pass(3600);

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.message(message_id).await.hand_over(), HandOver::Ended);
    assert!(bench.post.sent().is_empty());
}

#[tokio::test]
async fn a_mail_that_the_provider_may_have_is_left_as_it_is_when_its_link_has_died() {
    let bench = Bench::with_ada().await;
    let (request_id, message_id) = uncertain(&bench).await;
    bench.post.will_say(Ok(None));
    bench.command(PasswordResetCommand::Revoke { request_id, by: "support".into(), at: bench.now() }).await;

    let verdicts = bench.work("send_message").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(bench.post.sent().len(), 1);
    assert!(matches!(bench.message(message_id).await.hand_over(), HandOver::Unknown { .. }));
}

#[tokio::test]
async fn the_same_mail_worked_on_twice_is_sent_once() {
    let bench = Bench::with_ada().await;
    bench.link().await;
    let work = bench.lease("send_message").await.remove(0);

    let first = bench.reactor("send_message").perform(&work).await;
    let second = bench.reactor("send_message").perform(&work).await;

    assert_eq!((first, second), (Verdict::Done, Verdict::Done));
    assert_eq!(bench.post.sent().len(), 1);
}

#[tokio::test]
async fn a_provider_that_fails_again_and_again_is_left_alone_for_a_while() {
    let bench = Bench::with_ada().await;
    bench.link().await;
    bench.post.will_fail((0..5).map(|_| not_sent()));
    for _ in 0..5 {
        assert!(matches!(bench.work("send_message").await[..], [Verdict::Later { .. }]));
        // Beyond the pause, yet within the rest that follows the fifth failure.
        bench.pass(if bench.post.sent().len() < 5 { 14 } else { 0 });
    }
    let calls = bench.post.sent().len();
    let eve = bench.account("eve@example.test");
    bench.people.tell(|state| state.accounts.push(eve));
    bench.request("eve@example.test").await;
    bench.work("issue_reset_link").await;

    let resting = bench.work("send_message").await;
    bench.pass(20);
    let rested = bench.work("send_message").await;

    assert!(matches!(resting[..], [Verdict::Later { .. }]), "{resting:?}");
    assert_eq!((calls, bench.post.sent().len()), (5, 7));
    assert_eq!(rested, [Verdict::Done, Verdict::Done]);
}
