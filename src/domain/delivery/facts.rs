//! The facts about one message, and how each event adds to them: commutative, idempotent, monotonic.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Failures;
use crate::domain::bounce::{BounceClass, Category, Classification, classify};
use crate::domain::engagement::{Micros, Sighting, Sightings};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::{MessageEvent, Requested, SuppressedBy};
use crate::domain::message_engagement::MessageEngagementEvent;
use crate::domain::one_time_link::{LinkEvent, LinkPurpose};
use crate::domain::provider_event::{Diagnostic, SuppressionReason};

/// Temporary failures that are kept, the earliest first.
const DEFERRALS: usize = 100;
/// The mail provider that takes mail and tells nothing afterwards.
const UNREPORTED: &str = "smtp";

/// What is known about one message. Empty until something is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What was asked for; a message without it counts nowhere.
    pub request: Option<RequestFacts>,
    /// Who runs the mailbox, by the first mail exchanger that we know.
    pub mailbox: Option<(Micros, MailboxProvider)>,
    pub sent_at: Option<Micros>,
    pub suppressed: Option<Suppression>,
    /// When and why.
    pub rejected: Option<(Micros, String)>,
    /// When and why.
    pub canceled: Option<(Micros, String)>,
    /// When, and the provider's attempt.
    pub deferrals: BTreeSet<(Micros, u32)>,
    /// When, and our attempt: temporary failures before anybody had it.
    pub deferrals_at_hand_over: BTreeSet<(Micros, u32)>,
    pub delivered_at: Option<Micros>,
    pub bounced: Option<Bounce>,
    pub failures: Failures,
    pub complained_at: Option<Micros>,
    pub unsubscribed_at: Option<Micros>,
    pub completed_at: Option<Micros>,
    pub sightings: Sightings,
}

/// The request and the dimensions that come with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestFacts {
    pub at: Micros,
    /// The reset or the verification that it belongs to.
    pub request_id: Option<String>,
    pub template: String,
    /// The mail provider.
    pub provider: String,
    pub recipient_domain: String,
    /// By the domain.
    pub mailbox_provider: String,
    pub recipient_key: String,
    pub opens_tracked: bool,
    pub clicks_tracked: bool,
}

/// Who decided that the address gets no mail, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suppression {
    pub at: Micros,
    pub by: String,
    pub reason: String,
}

/// The first permanent failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bounce {
    pub at: Micros,
    pub class: BounceClass,
    pub category: Category,
}

impl Facts {
    /// Takes in an event of the message.
    pub fn message(&mut self, event: &MessageEvent) {
        match event {
            MessageEvent::Requested(requested) => earliest(&mut self.request, RequestFacts::of(requested)),
            MessageEvent::Suppressed { by, reason, diagnostic, at } => {
                self.suppress(micros(*at), *by, *reason);
                diagnostic.iter().for_each(|diagnostic| drop(self.understand(diagnostic, true)));
            }
            MessageEvent::Sent { at, .. } => earliest(&mut self.sent_at, micros(*at)),
            MessageEvent::Rejected { reason, at } => {
                earliest(&mut self.rejected, (micros(*at), reason.clone()));
            }
            MessageEvent::Canceled { reason, at } => {
                earliest(&mut self.canceled, (micros(*at), reason.clone()));
            }
            MessageEvent::Deferred { diagnostic, at_hand_over: Some(attempt), at } => {
                self.understand(diagnostic, false);
                add(&mut self.deferrals_at_hand_over, (micros(*at), *attempt));
            }
            MessageEvent::Deferred { diagnostic, at_hand_over: None, at } => {
                self.fail(diagnostic, false, micros(*at));
            }
            MessageEvent::Bounced { diagnostic, at, .. } => self.fail(diagnostic, true, micros(*at)),
            MessageEvent::Delivered { delivery, at } => {
                earliest(&mut self.delivered_at, micros(*at));
                self.see_exchanger(delivery.mx_host.as_deref(), micros(*at));
            }
            MessageEvent::Complained { at } => earliest(&mut self.complained_at, micros(*at)),
            MessageEvent::Unsubscribed { at } => earliest(&mut self.unsubscribed_at, micros(*at)),
            MessageEvent::Calling { .. } | MessageEvent::SendFailed { .. } | MessageEvent::Unknown => {}
        }
    }

    /// Takes in an event of its reading.
    pub fn engagement(&mut self, event: &MessageEngagementEvent) {
        match event {
            MessageEngagementEvent::Opened { client, at } => {
                self.sightings.add(Sighting::open(micros(*at), client));
            }
            MessageEngagementEvent::Clicked { client, link, at } => {
                self.sightings.add(Sighting::click(micros(*at), client, link.as_deref()));
            }
            MessageEngagementEvent::Unknown => {}
        }
    }

    /// Takes in an event of the reset or the verification whose link the message carried.
    pub fn link<P: LinkPurpose>(&mut self, event: &LinkEvent<P>) {
        match event {
            LinkEvent::LinkVisited { kind, user_agent, at, .. } => {
                self.sightings.add(Sighting::visit(micros(*at), *kind, user_agent.as_deref()));
            }
            LinkEvent::Completed(completion) => {
                earliest(&mut self.completed_at, micros(completion.at));
            }
            _ => {}
        }
    }

    /// Who runs the mailbox: the mail exchanger tells it better than the domain.
    pub fn mailbox_provider(&self) -> &str {
        let by_domain = || self.request.as_ref().map(|request| request.mailbox_provider.as_str());
        match self.mailbox {
            Some((_, provider)) => provider.as_str(),
            None => by_domain().unwrap_or_default(),
        }
    }

    /// Every temporary failure, in the order of time.
    pub fn all_deferrals(&self) -> impl Iterator<Item = &(Micros, u32)> {
        self.deferrals.union(&self.deferrals_at_hand_over)
    }

    fn fail(&mut self, diagnostic: &Diagnostic, permanent: bool, at: Micros) {
        let exchanger = diagnostic.text.known().and_then(|text| text.mx_host.as_deref());
        self.see_exchanger(exchanger, at);
        let verdict = self.understand(diagnostic, permanent);
        if verdict.category == Category::Suppressed {
            self.suppress(at, SuppressedBy::Provider, suppression_reason(diagnostic));
        } else if permanent {
            earliest(&mut self.bounced, Bounce { at, class: verdict.class, category: verdict.category });
        } else {
            add(&mut self.deferrals, (at, diagnostic.attempt.unwrap_or_default()));
        }
    }

    /// Why a delivery failed.
    fn understand(&mut self, diagnostic: &Diagnostic, permanent: bool) -> Classification<'static> {
        let verdict = classify(diagnostic, permanent);
        self.failures.add(verdict.category, permanent);
        verdict
    }

    fn suppress(&mut self, at: Micros, by: SuppressedBy, reason: SuppressionReason) {
        let by = match by {
            SuppressedBy::Us => "us",
            SuppressedBy::Provider => "provider",
        };
        let reason = match reason {
            SuppressionReason::Bounce => "bounce",
            SuppressionReason::Unsubscribe => "unsubscribe",
            SuppressionReason::Complaint => "complaint",
            SuppressionReason::Manual => "manual",
            SuppressionReason::Other => "other",
        };
        earliest(&mut self.suppressed, Suppression { at, by: by.into(), reason: reason.into() });
    }

    fn see_exchanger(&mut self, host: Option<&str>, at: Micros) {
        if let Some(provider) = host.and_then(MailboxProvider::of_mx_host) {
            earliest(&mut self.mailbox, (at, provider));
        }
    }
}

impl RequestFacts {
    /// Whether anybody tells us what became of it after the hand-over. A mail server does not.
    pub fn is_reported(&self) -> bool {
        self.provider != UNREPORTED
    }

    fn of(requested: &Requested) -> Self {
        Self {
            at: micros(requested.at),
            request_id: requested.cause.request_id().map(|id| id.to_string()),
            template: requested.template.clone(),
            provider: requested.provider.clone(),
            recipient_domain: requested
                .recipient
                .known()
                .map(|recipient| recipient.domain().to_owned())
                .unwrap_or_default(),
            mailbox_provider: requested.mailbox_provider.clone(),
            recipient_key: requested.recipient_key.clone(),
            opens_tracked: requested.opens_tracked,
            clicks_tracked: requested.clicks_tracked,
        }
    }
}

/// Keeps the earliest: the same whatever the order.
fn add(deferrals: &mut BTreeSet<(Micros, u32)>, deferral: (Micros, u32)) {
    deferrals.insert(deferral);
    if deferrals.len() > DEFERRALS {
        deferrals.pop_last();
    }
}

/// Keeps the lesser of what is there and what comes: the same whatever the order.
fn earliest<T: Ord>(slot: &mut Option<T>, value: T) {
    if slot.as_ref().is_none_or(|present| value < *present) {
        *slot = Some(value);
    }
}

fn micros(at: DateTime<Utc>) -> Micros {
    at.timestamp_micros()
}

fn suppression_reason(diagnostic: &Diagnostic) -> SuppressionReason {
    match (diagnostic.code, diagnostic.reason.as_deref()) {
        (Some(605), _) | (_, Some("suppress-bounce")) => SuppressionReason::Bounce,
        (Some(606), _) | (_, Some("suppress-unsubscribe")) => SuppressionReason::Unsubscribe,
        (Some(607), _) | (_, Some("suppress-complaint")) => SuppressionReason::Complaint,
        _ => SuppressionReason::Other,
    }
}
