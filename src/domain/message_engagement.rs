//! Who opened a mail or followed its links, as the provider reports it: unbounded, so it has a stream of its
//! own that is appended to without being loaded. Evidence only; the verdict (person or machine) is derived.

use chrono::{DateTime, Utc};
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};

use super::provider_event::Client;
use super::refusal::Refusal;

/// A fact about the reading of one mail. Type names are permanent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum MessageEngagementEvent {
    /// The open pixel was fetched.
    Opened { client: Client, at: DateTime<Utc> },
    /// A tracked link was followed.
    Clicked { client: Client, link: Option<String>, at: DateTime<Utc> },
    /// Written by newer code than this.
    #[serde(other)]
    Unknown,
}

impl DomainEvent for MessageEngagementEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Opened { .. } => "opened",
            Self::Clicked { .. } => "clicked",
            Self::Unknown => "unknown",
        };
        format!("message_engagement.{name}")
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

/// Nothing can be refused: what the provider saw, it saw.
#[derive(Debug, thiserror::Error)]
pub enum MessageEngagementRefusal {}

impl Refusal for MessageEngagementRefusal {
    fn is_for_newer_code(&self) -> bool {
        match *self {}
    }
}

/// The stream holds facts and decides nothing, so it has no state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MessageEngagement;

impl Aggregate for MessageEngagement {
    const TYPE: &'static str = "message_engagement";
    type Command = MessageEngagementEvent;
    type Event = MessageEngagementEvent;
    type Error = MessageEngagementRefusal;
    type Services = ();

    async fn handle(
        &mut self,
        observed: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        sink.write(observed, self).await;
        Ok(())
    }

    fn apply(&mut self, _event: Self::Event) {}
}
