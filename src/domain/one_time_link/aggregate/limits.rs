//! Which requests of an address are taken, and what of the earlier ones they carry forward.

use chrono::{DateTime, TimeDelta, Utc};

use super::{LinkRequest, LinkRequests, Status};
use crate::domain::one_time_link::command::LinkPolicy;
use crate::domain::one_time_link::event::{DeclineReason, LinkEvent as Event};
use crate::domain::one_time_link::purpose::LinkPurpose;

impl<P: LinkPurpose> LinkRequests<P> {
    /// Requests that count for the hourly limit. What a refusal came after happened before it, and nothing
    /// happened after now: whatever clocks said meanwhile, nobody is locked out for longer than a limit's span.
    pub(super) fn recent_at(&self, at: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let latest = self.latest_at(at);
        let counted = self.recent.iter().map(|then| latest.min(*then));
        counted.filter(|then| at - *then < TimeDelta::hours(1)).collect()
    }

    fn latest_at(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.limited_at.values().copied().fold(at, DateTime::min)
    }

    /// The limit that a request now would exceed, and its span.
    pub(super) fn limit(&self, at: DateTime<Utc>, policy: &LinkPolicy) -> Option<(DeclineReason, TimeDelta)> {
        match self.recent.last() {
            Some(last) if at - self.latest_at(at).min(*last) < policy.cooldown => {
                Some((DeclineReason::Cooldown, policy.cooldown))
            }
            _ if self.recent_at(at).len() >= policy.per_hour => {
                Some((DeclineReason::HourlyLimit, TimeDelta::hours(1)))
            }
            _ => None,
        }
    }

    /// Once per span.
    pub(super) fn record_limit(
        &self,
        request_id: P::Id,
        (reason, span): (DeclineReason, TimeDelta),
        at: DateTime<Utc>,
    ) -> Vec<Event<P>> {
        let is_recorded = |then: &DateTime<Utc>| *then <= at && at - *then < span;
        let recorded = self.limited_at.get(reason.as_str()).is_some_and(is_recorded);
        if recorded { vec![] } else { vec![Event::Declined { request_id, reason, at }] }
    }

    /// The newest live link that answers what is asked.
    pub(super) fn live_answer(
        &self,
        asked: &P::Details,
        at: DateTime<Utc>,
        policy: &LinkPolicy,
    ) -> Option<P::Id> {
        let is_live = |request: &&LinkRequest<P>| request.status == Status::Live && request.expires_at > at;
        let answers = |request: &&LinkRequest<P>| P::is_answered_by(asked, &request.details, policy);
        self.requests.values().rev().filter(is_live).find(answers).map(|request| request.request_id)
    }

    /// Requests whose links could still be followed. A started completion may turn out to have been done
    /// after its link's time.
    pub(super) fn carried_at(&self, at: DateTime<Utc>) -> Vec<LinkRequest<P>> {
        let can_matter = |request: &&LinkRequest<P>| {
            request.expires_at > at || matches!(request.status, Status::Completing { .. })
        };
        self.requests().filter(can_matter).cloned().collect()
    }
}
