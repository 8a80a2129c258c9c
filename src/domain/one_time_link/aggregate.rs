//! The state that decisions about one address need, and the decisions.

mod fold;
mod limits;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::command::{LinkCommand as Command, LinkPolicy};
use super::event::{
    Completion, DeclineReason, LinkEvent as Event, LinkIssued, Repeated, Requested, VisitKind,
};
use super::purpose::LinkPurpose;
use super::refusal::LinkRefusal as Refusal;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId};
use crate::domain::sealed::Sealed;

/// Visits of one kind that are recorded for one request; a scanner may fetch a link as often as it likes.
const VISITS_PER_KIND: usize = 3;
/// Two visits of one kind closer than this are one: a scanner's burst must not use up a person's visit.
const VISIT_SPACING: TimeDelta = TimeDelta::seconds(2);

/// All requests of one address and purpose that can still matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct LinkRequests<P: LinkPurpose> {
    requests: BTreeMap<P::Id, LinkRequest<P>>,
    newest: Option<P::Id>,
    /// Requests taken within the hour before the newest one, itself included.
    recent: Vec<DateTime<Utc>>,
    /// The last time each limit was recorded as hit since the newest request.
    limited_at: BTreeMap<String, DateTime<Utc>>,
    newer_code: bool,
}

/// Not derived: it would ask for ids that have a default.
impl<P: LinkPurpose> Default for LinkRequests<P> {
    fn default() -> Self {
        Self {
            requests: BTreeMap::new(),
            newest: None,
            recent: Vec::new(),
            limited_at: BTreeMap::new(),
            newer_code: false,
        }
    }
}

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct LinkRequest<P: LinkPurpose> {
    pub request_id: P::Id,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub email: Sealed<EmailAddress>,
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    #[serde(flatten)]
    pub details: P::Details,
    pub status: Status<P>,
    pub link: Option<Link>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", bound = "")]
pub enum Status<P: LinkPurpose> {
    /// Taken; the directory has not been asked yet.
    Pending,
    /// The link of `of` is mailed again, if the directory still stands by it.
    Repeats { of: P::Id },
    /// No mail will be made.
    Declined,
    /// Its link works.
    Live,
    /// The link of `by` took over.
    Superseded { by: P::Id },
    /// An attempt is changing the account.
    Completing { since: DateTime<Utc> },
    /// It has done its work.
    Completed,
    /// Its time ran out.
    Expired,
    /// Ended on purpose.
    Revoked,
}

/// The link of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The first mail that carries it.
    pub message_id: MessageId,
    /// Further mails that carry it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resent: Vec<MessageId>,
    pub account_id: AccountId,
    pub credential_version: i64,
    pub salt: Sealed<String>,
    pub email: Sealed<EmailAddress>,
    pub name: Sealed<Option<String>>,
    /// Attempts at completion so far.
    pub attempts: u32,
    /// Attempts within the last hour that did not know the password.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<DateTime<Utc>>,
    visits: BTreeMap<String, Vec<DateTime<Utc>>>,
}

impl Link {
    /// The newest mail that carries it: whoever asked again had not found the one before.
    pub fn newest_message(&self) -> MessageId {
        self.resent.last().copied().unwrap_or(self.message_id)
    }

    /// When another password may be tried, if not now.
    fn locked_until(&self, at: DateTime<Utc>, policy: &LinkPolicy) -> Option<DateTime<Utc>> {
        let hour = TimeDelta::hours(1);
        let counted = || self.refused.iter().filter(|then| **then <= at && at - **then < hour);
        let is_locked = counted().count() >= policy.wrong_passwords_per_hour;
        counted().min().filter(|_| is_locked).map(|first| *first + hour)
    }
}

impl<P: LinkPurpose> LinkRequests<P> {
    /// The request, if it is among those that can still matter.
    pub fn request(&self, request_id: P::Id) -> Option<&LinkRequest<P>> {
        self.requests.get(&request_id)
    }

    /// Every request that can still matter, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &LinkRequest<P>> {
        self.requests.values()
    }

    /// The rules: which events a command leads to, or why it is refused. No events: nothing to do.
    pub fn decide(&self, command: Command<P>, policy: &LinkPolicy) -> Result<Vec<Event<P>>, Refusal> {
        if self.newer_code {
            return Err(Refusal::NewerCode);
        }
        match command {
            Command::Request { request_id, email, locale, browser, details, at } => {
                if self.request(request_id).is_some() {
                    return Ok(vec![]);
                }
                if let Some(limit) = self.limit(at, policy) {
                    return Ok(self.record_limit(request_id, limit, at));
                }
                let (email, expires_at) = (Sealed::Known(email), at + policy.ttl);
                if let Some(of) = self.live_answer(&details, at, policy) {
                    let repeated =
                        Repeated { request_id, of, email, locale, browser, details, at, expires_at };
                    return Ok(vec![Event::Repeated(repeated)]);
                }
                Ok(vec![Event::Requested(Requested {
                    request_id,
                    email,
                    locale,
                    browser,
                    details,
                    at,
                    expires_at,
                    recent: self.recent_at(at),
                    carried: self.carried_at(at),
                })])
            }
            Command::Decline { request_id, reason, at } => {
                Ok(match self.request(request_id).map(|request| request.status) {
                    Some(Status::Pending | Status::Repeats { .. }) => {
                        vec![Event::Declined { request_id, reason, at }]
                    }
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
                if !matches!(request.status, Status::Pending | Status::Repeats { .. }) {
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
            Command::ResendLink { request_id: by, message_id, at } => {
                let request_id = match self.request(by).map(|asked| asked.status) {
                    Some(Status::Repeats { of }) => of,
                    Some(Status::Live) => by,
                    _ => return Err(Refusal::NoLink),
                };
                let link = self.usable_link(request_id, at, policy)?;
                let is_known = link.resent.contains(&message_id);
                Ok(if is_known { vec![] } else { vec![Event::LinkResent { request_id, by, message_id, at }] })
            }
            Command::SupersedeOlder { request_id, message_id, at } => {
                self.supersede_older(request_id, message_id, at, policy)
            }
            Command::RestoreOlder { request_id, message_id, at } => {
                Ok(self.restore_older(request_id, message_id, at))
            }
            Command::Visit { request_id, kind, user_agent, at } => {
                self.visit(request_id, kind, user_agent, at)
            }
            Command::StartCompletion { request_id, at } => {
                let link = self.usable_link(request_id, at, policy)?;
                if let Some(until) = link.locked_until(at, policy) {
                    return Err(Refusal::TooManyPasswords { until });
                }
                let attempt = link.attempts + 1;
                Ok(vec![Event::CompletionStarted(Completion { attempt, ..completion(request_id, link, at) })])
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
                Ok(self.started(request_id, attempt, at)?.map(Event::CompletionFailed).into_iter().collect())
            }
            Command::RefuseCompletion { request_id, attempt, at } => {
                Ok(self.started(request_id, attempt, at)?.map(Event::CompletionRefused).into_iter().collect())
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
                    Status::Pending | Status::Repeats { .. } | Status::Live | Status::Superseded { .. } => {
                        Ok(vec![Event::Revoked { request_id, by, at }])
                    }
                    Status::Completing { .. } => Err(Refusal::Completing),
                    _ => Ok(vec![]),
                }
            }
        }
    }

    /// The link, if a person who holds its token may use it now.
    pub fn usable_link(
        &self,
        request_id: P::Id,
        at: DateTime<Utc>,
        policy: &LinkPolicy,
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
            Status::Pending | Status::Repeats { .. } | Status::Declined => Err(Refusal::NoLink),
        }
    }

    /// The attempt, if it is the one under way.
    fn started(
        &self,
        request_id: P::Id,
        attempt: u32,
        at: DateTime<Utc>,
    ) -> Result<Option<Completion<P>>, Refusal> {
        let (request, link) = self.linked(request_id)?;
        let is_under_way = matches!(request.status, Status::Completing { .. }) && attempt == link.attempts;
        Ok(is_under_way.then(|| completion(request_id, link, at)))
    }

    fn linked(&self, request_id: P::Id) -> Result<(&LinkRequest<P>, &Link), Refusal> {
        let request = self.request(request_id).ok_or(Refusal::NoLink)?;
        Ok((request, request.link.as_ref().ok_or(Refusal::NoLink)?))
    }

    /// Ends the older live links, but never one through which an account is being changed.
    fn supersede_older(
        &self,
        by: P::Id,
        message_id: MessageId,
        at: DateTime<Utc>,
        policy: &LinkPolicy,
    ) -> Result<Vec<Event<P>>, Refusal> {
        let link = self.usable_link(by, at, policy)?;
        if !P::SUPERSEDES || link.message_id != message_id {
            return Ok(vec![]);
        }
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
    fn restore_older(&self, by: P::Id, message_id: MessageId, at: DateTime<Utc>) -> Vec<Event<P>> {
        let link = self.request(by).and_then(|request| request.link.as_ref());
        if link.is_some_and(|link| link.message_id != message_id) {
            // An earlier mail with this link was handed over.
            return vec![];
        }
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
        request_id: P::Id,
        kind: VisitKind,
        user_agent: Option<String>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event<P>>, Refusal> {
        let (_, link) = self.linked(request_id)?;
        let known = link.visits.get(kind.as_str()).map(Vec::as_slice).unwrap_or_default();
        let is_burst = known.last().is_some_and(|last| (at - *last).abs() < VISIT_SPACING);
        if known.len() >= VISITS_PER_KIND || is_burst {
            return Ok(vec![]);
        }
        let message_id = link.newest_message();
        Ok(vec![Event::LinkVisited { request_id, message_id, kind, user_agent, at }])
    }
}

fn completion<P: LinkPurpose>(request_id: P::Id, link: &Link, at: DateTime<Utc>) -> Completion<P> {
    Completion {
        request_id,
        message_id: link.newest_message(),
        account_id: link.account_id,
        attempt: link.attempts,
        at,
    }
}

impl<P: LinkPurpose> Aggregate for LinkRequests<P> {
    const TYPE: &'static str = P::TYPE;
    type Command = Command<P>;
    type Event = Event<P>;
    type Error = Refusal;
    type Services = LinkPolicy;

    async fn handle(
        &mut self,
        command: Command<P>,
        policy: &LinkPolicy,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command, policy)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event<P>) {
        self.fold(event);
    }
}
