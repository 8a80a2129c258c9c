//! The mail server: whether it lets us in, as far as that can be known without sending a mail.

use std::sync::Arc;

use super::Finding;
use crate::app::smtp_client;
use crate::clock::Clock;
use crate::config::{Config, SmtpConfig};
use crate::providers::SendError;

pub async fn provider(config: &Config, server: &SmtpConfig, clock: Arc<dyn Clock>) -> Finding {
    let client = match smtp_client(config, server, clock) {
        Ok(client) => client,
        Err(error) => {
            return Finding::failed("provider", error.to_string(), "correct BACKSTAMP_SMTP_CA_FILE");
        }
    };
    match client.greet().await {
        Ok(()) => Finding::good("provider", "the mail server answers and lets us in"),
        Err(error @ SendError::Configuration { .. }) => Finding::failed(
            "provider",
            error.to_string(),
            "correct BACKSTAMP_SMTP_URL or BACKSTAMP_SMTP_CA_FILE",
        ),
        Err(error) => Finding::failed(
            "provider",
            error.to_string(),
            "see whether the mail server runs and can be reached",
        ),
    }
}
