//! Any provider, with its calls counted by what they came to.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Accepted, LookUpError, OutgoingMail, Provider, SendError};
use crate::domain::id::MessageId;
use crate::telemetry::Metrics;

/// Counts, and changes nothing.
pub struct Counted {
    provider: Arc<dyn Provider>,
    metrics: Metrics,
}

impl Counted {
    /// Counts the calls to this provider.
    pub fn new(provider: Arc<dyn Provider>, metrics: Metrics) -> Self {
        Self { provider, metrics }
    }
}

#[async_trait]
impl Provider for Counted {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let answer = self.provider.send(mail).await;
        let outcome = match &answer {
            Ok(_) => "accepted",
            Err(SendError::Refused { .. }) => "refused",
            Err(SendError::Bounced { .. }) => "bounced",
            Err(SendError::Deferred { .. }) => "deferred",
            Err(SendError::Configuration { .. }) => "configuration",
            Err(SendError::Throttled { .. }) => "throttled",
            Err(SendError::NotSent { .. }) => "not_sent",
            Err(SendError::Ambiguous { .. }) => "ambiguous",
        };
        self.metrics.provider_request(self.name(), outcome);
        answer
    }

    async fn find_accepted(
        &self,
        message_id: MessageId,
        message_id_header: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<Accepted>, LookUpError> {
        let answer = self.provider.find_accepted(message_id, message_id_header, since).await;
        let outcome = match &answer {
            Ok(Some(_)) => "found",
            Ok(None) => "not_found",
            Err(LookUpError::Unavailable { .. }) => "look_up_unavailable",
            Err(LookUpError::Unsupported { .. }) => "look_up_unsupported",
        };
        self.metrics.provider_request(self.name(), outcome);
        answer
    }

    async fn events_of(
        &self,
        message_id: MessageId,
        message_id_header: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Map<String, Value>>, LookUpError> {
        let answer = self.provider.events_of(message_id, message_id_header, since).await;
        let outcome = match &answer {
            Ok(_) => "events_read",
            Err(LookUpError::Unavailable { .. }) => "look_up_unavailable",
            Err(LookUpError::Unsupported { .. }) => "look_up_unsupported",
        };
        self.metrics.provider_request(self.name(), outcome);
        answer
    }
}
