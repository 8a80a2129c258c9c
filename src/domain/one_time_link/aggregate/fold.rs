//! How events change the state of one address.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{Link, LinkRequest, LinkRequests, Status};
use crate::domain::one_time_link::event::{
    Completion, DeclineReason, LinkEvent as Event, Repeated, Requested,
};
use crate::domain::one_time_link::purpose::LinkPurpose;

impl<P: LinkPurpose> LinkRequests<P> {
    /// Changes the state by one event. Total: whatever the log holds, this takes it.
    pub(super) fn fold(&mut self, event: Event<P>) {
        match event {
            Event::Requested(requested) => self.fold_requested(requested),
            Event::Repeated(repeated) => self.fold_repeated(repeated),
            Event::Declined { request_id, reason, at } => {
                if matches!(reason, DeclineReason::Cooldown | DeclineReason::HourlyLimit) {
                    self.limited_at.insert(reason.as_str().to_owned(), at);
                }
                self.set_status(request_id, Status::Declined);
            }
            Event::LinkIssued(issued) => {
                if let Some(request) = self.requests.get_mut(&issued.request_id) {
                    request.status = Status::Live;
                    request.link = Some(Link {
                        message_id: issued.message_id,
                        account_id: issued.account_id,
                        credential_version: issued.credential_version,
                        salt: issued.salt,
                        email: issued.email,
                        name: issued.name,
                        resent: vec![],
                        attempts: 0,
                        refused: vec![],
                        visits: BTreeMap::new(),
                    });
                }
            }
            Event::LinkResent { request_id, message_id, .. } => {
                if let Some(link) = self.link_mut(request_id) {
                    link.resent.push(message_id);
                }
            }
            Event::LinkSuperseded { request_id, by, .. } => {
                self.set_status(request_id, Status::Superseded { by });
            }
            Event::LinkRestored { request_id, .. } => self.set_status(request_id, Status::Live),
            Event::LinkVisited { request_id, kind, at, .. } => {
                if let Some(link) = self.link_mut(request_id) {
                    link.visits.entry(kind.as_str().to_owned()).or_default().push(at);
                }
            }
            Event::CompletionStarted(Completion { request_id, attempt, at, .. }) => {
                if let Some(link) = self.link_mut(request_id) {
                    link.attempts = attempt;
                }
                self.set_status(request_id, Status::Completing { since: at });
            }
            Event::CompletionFailed(completion) => self.set_status(completion.request_id, Status::Live),
            Event::CompletionRefused(Completion { request_id, at, .. }) => {
                if let Some(link) = self.link_mut(request_id) {
                    link.refused.retain(|then| at - *then < TimeDelta::hours(1));
                    link.refused.push(at);
                }
                self.set_status(request_id, Status::Live);
            }
            Event::Completed(completion) => self.fold_completed(&completion),
            Event::Expired { request_id, .. } => self.set_status(request_id, Status::Expired),
            Event::Revoked { request_id, .. } => self.set_status(request_id, Status::Revoked),
            Event::Reported { .. } | Event::Erased { .. } => {}
            Event::Unknown => self.newer_code = true,
        }
    }

    fn fold_requested(&mut self, requested: Requested<P>) {
        // What is not carried has had its time, also if the clock should be set back.
        let is_carried = |id| requested.carried.iter().any(|carried| carried.request_id == id);
        for request in self.requests.values_mut().filter(|request| !is_carried(request.request_id)) {
            if matches!(
                request.status,
                Status::Pending | Status::Repeats { .. } | Status::Live | Status::Superseded { .. }
            ) {
                request.status = Status::Expired;
            }
        }
        // When loading started here, what was carried is all there is.
        for carried in requested.carried {
            self.requests.entry(carried.request_id).or_insert(carried);
        }
        self.newest = Some(requested.request_id);
        self.limited_at.clear();
        self.recent = requested.recent;
        self.recent.push(requested.at);
        self.requests.insert(
            requested.request_id,
            LinkRequest {
                request_id: requested.request_id,
                requested_at: requested.at,
                expires_at: requested.expires_at,
                email: requested.email,
                locale: requested.locale,
                browser: requested.browser,
                details: requested.details,
                status: Status::Pending,
                link: None,
            },
        );
    }

    fn fold_repeated(&mut self, repeated: Repeated<P>) {
        self.limited_at.clear();
        self.recent.retain(|then| repeated.at - *then < TimeDelta::hours(1));
        self.recent.push(repeated.at);
        self.requests.insert(
            repeated.request_id,
            LinkRequest {
                request_id: repeated.request_id,
                requested_at: repeated.at,
                expires_at: repeated.expires_at,
                email: repeated.email,
                locale: repeated.locale,
                browser: repeated.browser,
                details: repeated.details,
                status: Status::Repeats { of: repeated.of },
                link: None,
            },
        );
    }

    /// The credential version has moved on, so every link that was made under it, or before it, is dead.
    fn fold_completed(&mut self, completion: &Completion<P>) {
        let by = completion.request_id;
        let version = self.link_mut(by).map_or(i64::MAX, |link| link.credential_version);
        for request in self.requests.values_mut() {
            let is_dead = request.link.as_ref().is_some_and(|link| {
                link.account_id != completion.account_id || link.credential_version <= version
            });
            let is_open = matches!(
                request.status,
                Status::Live | Status::Superseded { .. } | Status::Completing { .. }
            );
            if is_dead && is_open {
                request.status = Status::Superseded { by };
            }
        }
        self.set_status(by, Status::Completed);
    }

    fn set_status(&mut self, request_id: P::Id, status: Status<P>) {
        if let Some(request) = self.requests.get_mut(&request_id) {
            request.status = status;
        }
    }

    fn link_mut(&mut self, request_id: P::Id) -> Option<&mut Link> {
        self.requests.get_mut(&request_id)?.link.as_mut()
    }
}
