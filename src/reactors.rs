//! Events turned into work, one reactor per sentence.
//!
//! One consumer writes down, together with its checkpoint, the work that every event asks for; workers do it
//! under leases, repeat it until it is done, and park what cannot be done where an operator sees it. There is
//! no rebuild: a replay can never send mail. Every piece of work may be done twice after a crash, so each
//! reactor says in its header what a crash midway means. Must never write another consumer's tables.

mod ask_about_silent_messages;
mod breaker;
mod expire_links;
mod forget_unknown_addresses;
mod forget_unverified_addresses;
mod issue_links;
mod issue_reset_links;
mod issue_verification_links;
mod lift_after_proof;
mod mails;
mod notify_after_account_change;
mod notify_after_password_change;
mod schedule_account_changes;
mod schedule_work;
mod send_due_messages;
mod settle_completions;
mod suppress_after_hard_bounce;
mod tell_owner_of_registration;
#[cfg(test)]
mod tests;
mod welcome_after_verification;
mod work;
mod worker;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

pub use ask_about_silent_messages::AskAboutSilentMessages;
pub use expire_links::ExpireLinks;
pub use forget_unknown_addresses::ForgetUnknownAddresses;
pub use forget_unverified_addresses::ForgetUnverifiedAddresses;
pub use issue_links::IssueLinks;
pub use issue_reset_links::ResetLinks;
pub use issue_verification_links::VerificationLinks;
pub use lift_after_proof::LiftAfterProof;
pub use mails::Mails;
pub use notify_after_account_change::NotifyAfterAccountChange;
pub use notify_after_password_change::NotifyAfterPasswordChange;
pub use schedule_account_changes::ScheduleAccountChanges;
pub use schedule_work::ScheduleWork;
pub use send_due_messages::{SendDueMessages, SendSettings};
pub use settle_completions::SettleCompletions;
pub use suppress_after_hard_bounce::SuppressAfterHardBounce;
pub use tell_owner_of_registration::TellOwnerOfRegistration;
pub use welcome_after_verification::WelcomeAfterVerification;
pub use work::{NewWork, WaitingMails, Work, count_due, release_all as release_leases};
pub use worker::Workers;

use crate::commands::{ExecuteError, LinkStreamsOf};
use crate::database::{Database, DatabaseError};
use crate::domain::email_verification::Verifying;
use crate::domain::password_reset::Resetting;
use crate::event_log::{LoggedLinks, RecordedEvent, StreamError};

/// The outbox, for whoever watches it.
pub async fn waiting_mails(database: &Database) -> Result<WaitingMails, DatabaseError> {
    work::waiting(database, send_due_messages::KIND).await
}

/// Turns events into work, and does it.
#[async_trait]
pub trait Reactor: Send + Sync {
    /// The kind of work. Permanent.
    fn kind(&self) -> &'static str;

    /// Pieces of work done side by side.
    fn concurrency(&self) -> usize {
        8
    }

    /// The work that an event asks for.
    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork>;

    /// Does a piece of work. Must be finished within the lease, and harmless when done twice.
    async fn perform(&self, work: &Work) -> Verdict;
}

/// The kinds of the work that links of every purpose mean. Permanent.
pub trait LinkWork: LinkStreamsOf + LoggedLinks {
    /// Telling that a link's time is over.
    const EXPIRE: &'static str;
    /// Finishing completions that were cut off.
    const SETTLE: &'static str;
}

impl LinkWork for Resetting {
    const EXPIRE: &'static str = "expire_reset_link";
    const SETTLE: &'static str = "settle_completion";
}

impl LinkWork for Verifying {
    const EXPIRE: &'static str = "expire_verification_link";
    const SETTLE: &'static str = "settle_verification";
}

/// What becomes of a piece of work.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is done, or no longer of use.
    Done,
    /// Again, not before this time.
    Later { at: DateTime<Utc>, why: String },
    /// It cannot be done; an operator must see it.
    Park { why: String },
}

/// The pause before the next try: doubled each time, from one second to five minutes.
pub fn backoff(attempts: u32) -> TimeDelta {
    TimeDelta::seconds(1i64 << attempts.saturating_sub(1).min(8)).min(TimeDelta::minutes(5))
}

/// What a failed command means for the work that gave it.
fn verdict_of<R: std::error::Error>(error: &ExecuteError<R>, work: &Work, now: DateTime<Utc>) -> Verdict {
    if error.is_transient() {
        Verdict::Later { at: now + backoff(work.attempts), why: error.to_string() }
    } else {
        Verdict::Park { why: error.to_string() }
    }
}

/// What a stream that cannot be loaded means for the work.
fn verdict_of_stream(error: StreamError, work: &Work, now: DateTime<Utc>) -> Verdict {
    verdict_of::<std::convert::Infallible>(&ExecuteError::Log(error), work, now)
}
