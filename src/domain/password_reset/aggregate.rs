//! The state that decisions about one address need, and the decisions.

mod fold;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::command::{PasswordResetCommand as Command, ResetPolicy};
use super::event::{
    Completion, DeclineReason, LinkIssued, PasswordResetEvent as Event, Requested, VisitKind,
};
use super::refusal::PasswordResetRefusal as Refusal;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId, RequestId};
use crate::domain::sealed::Sealed;

/// Visits of one kind that are recorded for one request; a scanner may fetch a link as often as it likes.
const VISITS_PER_KIND: usize = 3;
/// Two visits of one kind closer than this are one: a scanner's burst must not use up a person's visit.
const VISIT_SPACING: TimeDelta = TimeDelta::seconds(2);

/// All resets of one address that can still matter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PasswordReset {
    requests: BTreeMap<RequestId, ResetRequest>,
    newest: Option<RequestId>,
    /// Requests taken within the hour before the newest one, itself included.
    recent: Vec<DateTime<Utc>>,
    /// The last time each limit was recorded as hit since the newest request.
    limited_at: BTreeMap<String, DateTime<Utc>>,
    newer_code: bool,
}

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResetRequest {
    pub request_id: RequestId,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub email: Sealed<EmailAddress>,
    pub locale: Option<String>,
    pub redirect_to: Option<String>,
    pub status: Status,
    pub link: Option<Link>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Status {
    /// Taken; the directory has not been asked yet.
    Pending,
    /// No mail will be made.
    Declined,
    /// Its link works.
    Live,
    /// The link of `by` took over.
    Superseded { by: RequestId },
    /// An attempt is changing the password.
    Completing { since: DateTime<Utc> },
    /// The password was changed.
    Completed,
    /// Its time ran out.
    Expired,
    /// Ended on purpose.
    Revoked,
}

/// The link of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub message_id: MessageId,
    pub account_id: AccountId,
    pub credential_version: i64,
    pub salt: Sealed<String>,
    pub email: Sealed<EmailAddress>,
    pub name: Sealed<Option<String>>,
    /// Attempts at completion so far.
    pub attempts: u32,
    visits: BTreeMap<String, Vec<DateTime<Utc>>>,
}

impl PasswordReset {
    /// The request, if it is among those that can still matter.
    pub fn request(&self, request_id: RequestId) -> Option<&ResetRequest> {
        self.requests.get(&request_id)
    }

    /// Every request that can still matter, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &ResetRequest> {
        self.requests.values()
    }

    /// The rules: which events a command leads to, or why it is refused. No events: nothing to do.
    pub fn decide(&self, command: Command, policy: &ResetPolicy) -> Result<Vec<Event>, Refusal> {
        if self.newer_code {
            return Err(Refusal::NewerCode);
        }
        match command {
            Command::Request { request_id, email, locale, redirect_to, at } => {
                Ok(self.take(request_id, email, locale, redirect_to, at, policy))
            }
            Command::Decline { request_id, reason, at } => {
                Ok(match self.request(request_id).map(|request| request.status) {
                    Some(Status::Pending) => vec![Event::Declined { request_id, reason, at }],
                    _ => vec![],
                })
            }
            Command::IssueLink {
                request_id,
                message_id,
                account_id,
                credential_version,
                salt,
                email,
                name,
                at,
            } => {
                let request = self.request(request_id).ok_or(Refusal::NoLink)?;
                if request.status != Status::Pending {
                    return Ok(vec![]);
                }
                if at >= request.expires_at {
                    return Ok(vec![Event::Declined { request_id, reason: DeclineReason::Expired, at }]);
                }
                Ok(vec![Event::LinkIssued(LinkIssued {
                    request_id,
                    message_id,
                    account_id,
                    credential_version,
                    salt: Sealed::Known(hex::encode(salt)),
                    email: Sealed::Known(email),
                    name: Sealed::Known(name),
                    expires_at: request.expires_at,
                    at,
                })])
            }
            Command::SupersedeOlder { request_id, at } => self.supersede_older(request_id, at, policy),
            Command::RestoreOlder { request_id: by, at } => Ok(self.restore_older(by, at)),
            Command::Visit { request_id, kind, user_agent, at } => {
                self.visit(request_id, kind, user_agent, at)
            }
            Command::StartCompletion { request_id, at } => {
                let link = self.usable_link(request_id, at, policy)?;
                Ok(vec![Event::CompletionStarted(Completion {
                    request_id,
                    message_id: link.message_id,
                    account_id: link.account_id,
                    attempt: link.attempts + 1,
                    at,
                })])
            }
            Command::Complete { request_id, attempt, at } => {
                let (request, link) = self.linked(request_id)?;
                match request.status {
                    Status::Completed if attempt == link.attempts => Ok(vec![]),
                    Status::Completing { .. } if attempt == link.attempts => {
                        Ok(vec![Event::Completed(completion(request_id, link, at))])
                    }
                    _ => Err(Refusal::StaleAttempt),
                }
            }
            Command::FailCompletion { request_id, attempt, at } => {
                let (request, link) = self.linked(request_id)?;
                match request.status {
                    Status::Completing { .. } if attempt == link.attempts => {
                        Ok(vec![Event::CompletionFailed(completion(request_id, link, at))])
                    }
                    _ => Ok(vec![]),
                }
            }
            Command::Expire { request_id, at } => {
                let (request, _) = self.linked(request_id)?;
                let over = at >= request.expires_at;
                Ok(match request.status {
                    Status::Live if over => vec![Event::Expired { request_id, at }],
                    _ => vec![],
                })
            }
            Command::Revoke { request_id, by, at } => {
                let request = self.request(request_id).ok_or(Refusal::NoLink)?;
                match request.status {
                    Status::Pending | Status::Live | Status::Superseded { .. } => {
                        Ok(vec![Event::Revoked { request_id, by, at }])
                    }
                    Status::Completing { .. } => Err(Refusal::Completing),
                    _ => Ok(vec![]),
                }
            }
        }
    }

    /// The link, if a person who holds its token may change the password now.
    pub fn usable_link(
        &self,
        request_id: RequestId,
        at: DateTime<Utc>,
        policy: &ResetPolicy,
    ) -> Result<&Link, Refusal> {
        let (request, link) = self.linked(request_id)?;
        match request.status {
            Status::Completed => Err(Refusal::Used),
            Status::Revoked => Err(Refusal::Revoked),
            Status::Superseded { .. } => Err(Refusal::Superseded),
            Status::Expired => Err(Refusal::Expired),
            _ if at >= request.expires_at => Err(Refusal::Expired),
            Status::Completing { since } if at - since < policy.completion_patience => {
                Err(Refusal::Completing)
            }
            Status::Live | Status::Completing { .. } => Ok(link),
            Status::Pending | Status::Declined => Err(Refusal::NoLink),
        }
    }

    fn linked(&self, request_id: RequestId) -> Result<(&ResetRequest, &Link), Refusal> {
        let request = self.request(request_id).ok_or(Refusal::NoLink)?;
        Ok((request, request.link.as_ref().ok_or(Refusal::NoLink)?))
    }

    /// Takes a request, or records once per span that a limit was hit.
    fn take(
        &self,
        request_id: RequestId,
        email: EmailAddress,
        locale: Option<String>,
        redirect_to: Option<String>,
        at: DateTime<Utc>,
        policy: &ResetPolicy,
    ) -> Vec<Event> {
        if self.request(request_id).is_some() {
            return vec![];
        }
        // What a refusal came after happened before it, and nothing happened after now: whatever clocks said
        // meanwhile, nobody is locked out for longer than a limit's span.
        let latest = self.limited_at.values().copied().fold(at, DateTime::min);
        let hour = TimeDelta::hours(1);
        let counted = self.recent.iter().map(|then| latest.min(*then));
        let recent: Vec<_> = counted.filter(|then| at - *then < hour).collect();
        let limit = match self.recent.last() {
            Some(last) if at - latest.min(*last) < policy.cooldown => {
                Some((DeclineReason::Cooldown, policy.cooldown))
            }
            _ if recent.len() >= policy.per_hour => Some((DeclineReason::HourlyLimit, hour)),
            _ => None,
        };
        if let Some((reason, span)) = limit {
            let is_recorded = |then: &DateTime<Utc>| *then <= at && at - *then < span;
            let recorded = self.limited_at.get(reason.as_str()).is_some_and(is_recorded);
            return if recorded { vec![] } else { vec![Event::Declined { request_id, reason, at }] };
        }
        // A started completion may turn out to have been done after its link's time.
        let can_matter = |request: &&ResetRequest| {
            request.expires_at > at || matches!(request.status, Status::Completing { .. })
        };
        let carried = self.requests().filter(can_matter).cloned().collect();
        vec![Event::Requested(Requested {
            request_id,
            email: Sealed::Known(email),
            locale,
            redirect_to,
            at,
            expires_at: at + policy.ttl,
            recent,
            carried,
        })]
    }

    /// Ends the older live links, but never one through which a password is being changed.
    fn supersede_older(
        &self,
        by: RequestId,
        at: DateTime<Utc>,
        policy: &ResetPolicy,
    ) -> Result<Vec<Event>, Refusal> {
        self.usable_link(by, at, policy)?;
        // Clocks jump; the order in the log does not.
        let (is_newest, since) = (self.newest == Some(by), self.requests[&by].requested_at);
        Ok(self
            .requests()
            .filter(|request| request.status == Status::Live && request.request_id != by)
            .filter(|request| (is_newest || request.requested_at <= since) && request.expires_at > at)
            .map(|request| Event::LinkSuperseded { request_id: request.request_id, by, at })
            .collect())
    }

    /// Frees the links that this one had ended, unless they stay ended without it.
    fn restore_older(&self, by: RequestId, at: DateTime<Utc>) -> Vec<Event> {
        let heir = match self.request(by).map(|request| request.status) {
            // Somebody followed its link, so its mail arrived after all.
            Some(Status::Completing { .. } | Status::Completed) => return vec![],
            Some(Status::Superseded { by: newer }) => Some(newer),
            _ => None,
        };
        self.requests()
            .filter(|request| request.status == Status::Superseded { by } && request.expires_at > at)
            .map(|request| match (request.request_id, heir) {
                (request_id, Some(by)) => Event::LinkSuperseded { request_id, by, at },
                (request_id, None) => Event::LinkRestored { request_id, at },
            })
            .collect()
    }

    fn visit(
        &self,
        request_id: RequestId,
        kind: VisitKind,
        user_agent: Option<String>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        let (_, link) = self.linked(request_id)?;
        let known = link.visits.get(kind.as_str()).map(Vec::as_slice).unwrap_or_default();
        let is_burst = known.last().is_some_and(|last| (at - *last).abs() < VISIT_SPACING);
        if known.len() >= VISITS_PER_KIND || is_burst {
            return Ok(vec![]);
        }
        let message_id = link.message_id;
        Ok(vec![Event::LinkVisited { request_id, message_id, kind, user_agent, at }])
    }
}

fn completion(request_id: RequestId, link: &Link, at: DateTime<Utc>) -> Completion {
    Completion {
        request_id,
        message_id: link.message_id,
        account_id: link.account_id,
        attempt: link.attempts,
        at,
    }
}

impl VisitKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Prefetch => "prefetch",
            Self::Link => "link",
            Self::Page => "page",
            Self::Inspect => "inspect",
        }
    }
}

impl Aggregate for PasswordReset {
    const TYPE: &'static str = "password_reset";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ResetPolicy;

    async fn handle(
        &mut self,
        command: Command,
        policy: &ResetPolicy,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command, policy)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.fold(event);
    }
}
