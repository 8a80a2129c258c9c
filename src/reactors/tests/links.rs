//! Links: issued for accounts, declined for strangers, ended at their time.

use super::*;
use crate::domain::message::{Cause, MessageEvent};
use crate::domain::one_time_link::DeclineReason;
use crate::domain::password_reset::PasswordResetEvent;

async fn reasons(bench: &Bench) -> Vec<DeclineReason> {
    let events = bench.events().await.into_iter();
    events
        .filter_map(|event| match event {
            LogEvent::PasswordReset(PasswordResetEvent::Declined { reason, .. }) => Some(reason),
            _ => None,
        })
        .collect()
}

async fn mails(bench: &Bench) -> Vec<crate::domain::message::Requested> {
    let events = bench.events().await.into_iter();
    events
        .filter_map(|event| match event {
            LogEvent::Message(MessageEvent::Requested(requested)) => Some(requested),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_known_account_gets_a_link_by_mail_to_its_stored_address() {
    let bench = Bench::with_ada().await;

    let (request_id, _) = bench.link().await;

    assert_eq!(bench.status(request_id).await, Status::Live);
    let mails = mails(&bench).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipient.known().unwrap().as_str(), "Ada@Example.TEST");
    assert_eq!(mails[0].cause, Cause::PasswordReset { request_id, stream: bench.stream() });
    assert_eq!(mails[0].send_before, Some(bench.now() + TimeDelta::hours(1)));
}

#[tokio::test]
async fn an_unknown_address_is_declined_and_gets_no_mail() {
    let bench = Bench::new().await;
    bench.request(ADA).await;

    let verdicts = bench.work("issue_reset_link").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(reasons(&bench).await, [DeclineReason::UnknownAddress]);
    assert!(mails(&bench).await.is_empty());
}

#[tokio::test]
async fn a_disabled_account_is_declined_and_gets_no_mail() {
    let bench = Bench::with_ada().await;
    bench.people.tell(|state| state.accounts[0].disabled = true);
    bench.request(ADA).await;

    let verdicts = bench.work("issue_reset_link").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(reasons(&bench).await, [DeclineReason::AccountDisabled]);
    assert!(mails(&bench).await.is_empty());
}

#[tokio::test]
async fn a_directory_that_is_away_is_asked_again_later() {
    let bench = Bench::with_ada().await;
    bench.people.tell(|state| state.is_away = true);
    let request_id = bench.request(ADA).await;

    let away = bench.work("issue_reset_link").await;
    bench.people.tell(|state| state.is_away = false);
    let too_early = bench.work("issue_reset_link").await;
    bench.pass(1);
    let back = bench.work("issue_reset_link").await;

    assert!(matches!(&away[..], [Verdict::Later { at, .. }] if *at == bench.now()), "{away:?}");
    assert_eq!((too_early, back), (vec![], vec![Verdict::Done]));
    assert_eq!(bench.status(request_id).await, Status::Live);
}

#[tokio::test]
async fn a_directory_that_stays_away_until_the_links_time_is_given_up() {
    let bench = Bench::with_ada().await;
    bench.people.tell(|state| state.is_away = true);
    bench.request(ADA).await;
    bench.pass(3600);

    let verdicts = bench.work("issue_reset_link").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert_eq!(reasons(&bench).await, [DeclineReason::Expired]);
}

#[tokio::test]
async fn the_same_work_done_twice_makes_one_link_and_one_mail() {
    let bench = Bench::with_ada().await;
    bench.request(ADA).await;
    let work = bench.lease("issue_reset_link").await.remove(0);

    let first = bench.reactor("issue_reset_link").perform(&work).await;
    let position = bench.position().await;
    let second = bench.reactor("issue_reset_link").perform(&work).await;

    assert_eq!((first, second), (Verdict::Done, Verdict::Done));
    assert_eq!(bench.position().await, position);
    assert_eq!(mails(&bench).await.len(), 1);
}

#[tokio::test]
async fn a_crash_between_the_link_and_its_mail_loses_nothing() {
    let bench = Bench::with_ada().await;
    let request_id = bench.request(ADA).await;
    let message_id = MessageId::from_uuid(bench.clock.uuid());
    bench
        .command(PasswordResetCommand::IssueLink {
            request_id,
            message_id,
            account_id: AccountId::from_uuid(bench.clock.uuid()),
            credential_version: 1,
            salt: [7; 16],
            email: EmailAddress::parse(ADA).unwrap(),
            name: None,
            at: bench.now(),
        })
        .await;

    let verdicts = bench.work("issue_reset_link").await;

    assert_eq!(verdicts, [Verdict::Done]);
    assert!(bench.message(message_id).await.request().is_some());
}

#[tokio::test]
async fn the_end_of_an_unused_link_is_told_once() {
    let bench = Bench::with_ada().await;
    let (request_id, _) = bench.link().await;

    let before = bench.work("expire_reset_link").await;
    bench.pass(3600);
    let at_its_time = bench.work("expire_reset_link").await;

    assert_eq!((before, at_its_time), (vec![], vec![Verdict::Done]));
    assert_eq!(bench.status(request_id).await, Status::Expired);
    assert_eq!(bench.work("expire_reset_link").await, []);
}
