//! Given what happened, when a command comes, then these events, or this refusal.

mod completion;
mod links;
mod properties;
mod repeats;
mod requests;
mod stored;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{
    PasswordReset, PasswordResetCommand as Command, PasswordResetEvent as Event, ResetDetails, Resetting,
};
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId, RequestId};
use crate::domain::one_time_link::{
    self, DeclineReason, LinkPolicy, LinkRefusal as Refusal, LinkRequest, RepeatRequest, VisitKind,
};
use crate::domain::sealed::Sealed;

type Requested = one_time_link::Requested<Resetting>;
type LinkIssued = one_time_link::LinkIssued<Resetting>;
type Completion = one_time_link::Completion<Resetting>;
type Status = one_time_link::Status<Resetting>;

const SALT: [u8; 16] = [7; 16];
const HOUR: i64 = 3600;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_607_200 + seconds, 0).unwrap()
}

fn rst(number: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(number))
}

fn msg(number: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(number))
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

fn ada() -> EmailAddress {
    EmailAddress::parse("ada@example.test").unwrap()
}

fn request(number: u128, seconds: i64) -> Command {
    Command::Request {
        request_id: rst(number),
        email: ada(),
        locale: None,
        browser: None,
        details: ResetDetails::default(),
        at: at(seconds),
    }
}

fn issue(number: u128, seconds: i64) -> Command {
    issue_for_version(1, number, seconds)
}

fn issue_for_version(credential_version: i64, number: u128, seconds: i64) -> Command {
    Command::IssueLink {
        request_id: rst(number),
        message_id: msg(number),
        account_id: account(),
        credential_version,
        salt: SALT,
        email: ada(),
        name: None,
        at: at(seconds),
    }
}

fn decline(number: u128, reason: DeclineReason, seconds: i64) -> Command {
    Command::Decline { request_id: rst(number), reason, at: at(seconds) }
}

fn supersede(number: u128, seconds: i64) -> Command {
    Command::SupersedeOlder { request_id: rst(number), message_id: msg(number), at: at(seconds) }
}

fn restore(number: u128, seconds: i64) -> Command {
    Command::RestoreOlder { request_id: rst(number), message_id: msg(number), at: at(seconds) }
}

fn visit(number: u128, kind: VisitKind, seconds: i64) -> Command {
    Command::Visit { request_id: rst(number), kind, user_agent: None, at: at(seconds) }
}

fn start(number: u128, seconds: i64) -> Command {
    Command::StartCompletion { request_id: rst(number), at: at(seconds) }
}

fn complete(number: u128, attempt: u32, seconds: i64) -> Command {
    Command::Complete { request_id: rst(number), attempt, at: at(seconds) }
}

fn fail(number: u128, attempt: u32, seconds: i64) -> Command {
    Command::FailCompletion { request_id: rst(number), attempt, at: at(seconds) }
}

fn expire(number: u128, seconds: i64) -> Command {
    Command::Expire { request_id: rst(number), at: at(seconds) }
}

fn revoke(number: u128, seconds: i64) -> Command {
    Command::Revoke { request_id: rst(number), by: "support".into(), at: at(seconds) }
}

fn completion(number: u128, attempt: u32, seconds: i64) -> Completion {
    Completion {
        request_id: rst(number),
        message_id: msg(number),
        account_id: account(),
        attempt,
        at: at(seconds),
    }
}

fn declined(number: u128, reason: DeclineReason, seconds: i64) -> Event {
    Event::Declined { request_id: rst(number), reason, at: at(seconds) }
}

fn superseded(number: u128, by: u128, seconds: i64) -> Event {
    Event::LinkSuperseded { request_id: rst(number), by: rst(by), at: at(seconds) }
}

fn restored(number: u128, seconds: i64) -> Event {
    Event::LinkRestored { request_id: rst(number), at: at(seconds) }
}

/// What a stream holds after these commands, none of which may be refused.
fn history(commands: impl IntoIterator<Item = Command>) -> Vec<Event> {
    let mut state = PasswordReset::default();
    let mut events = vec![];
    for command in commands {
        for event in state.decide(command, &LinkPolicy::default()).unwrap() {
            state.apply(event.clone());
            events.push(event);
        }
    }
    events
}

fn given(commands: impl IntoIterator<Item = Command>) -> AggregateTestExecutor<PasswordReset> {
    TestFramework::with(LinkPolicy::default()).given(history(commands))
}

fn state_after(commands: impl IntoIterator<Item = Command>) -> PasswordReset {
    fold(&history(commands))
}

fn fold(events: &[Event]) -> PasswordReset {
    let mut state = PasswordReset::default();
    events.iter().for_each(|event| state.apply(event.clone()));
    state
}

fn status(state: &PasswordReset, number: u128) -> Status {
    state.request(rst(number)).unwrap().status
}
