//! Any mail server by SMTP (RFC 5321): one conversation per mail, over connections that are kept for the next.
//!
//! The replies are all that is ever known. Nobody reports afterwards whether a mail arrived, and nobody can be
//! asked whether the server has one: a conversation cut off behind the last dot leaves it open, and the mail
//! goes out again with the same Message-ID. Must never read the body of a mail, and never log a word of it.

mod message;
mod pool;
mod reply;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::message::Prepared;
use self::pool::Pool;
use self::reply::Progress;
use self::session::Server;
use crate::clock::Clock;
use crate::config::SmtpConfig;
use crate::domain::id::MessageId;
use crate::providers::{Accepted, LookUpError, OutgoingMail, Provider, SendError};

/// Where, as whom and for how long.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server, and how to speak to it.
    pub server: SmtpConfig,
    /// What we call ourselves in the greeting: the domain that mails are from.
    pub hello: String,
    /// Of the whole call: waiting for a connection, opening it, the conversation.
    pub timeout: Duration,
}

/// Settings that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    #[error("the certificates of BACKSTAMP_SMTP_CA_FILE, or those of the system, cannot be used: {0}")]
    Certificates(#[source] lettre::transport::smtp::Error),
}

/// The client. Keeps its connections.
pub struct Smtp {
    pool: Pool,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Smtp {
    /// A client of this server; connects to nobody yet.
    pub fn new(settings: SmtpSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidSettings> {
        let connections = settings.server.connections;
        let server = Server::new(settings.server, settings.hello, settings.timeout)?;
        Ok(Self { pool: Pool::new(server, connections, settings.timeout), timeout: settings.timeout, clock })
    }

    /// Opens a connection as for a mail, encrypted and logged in as configured, and sends nothing.
    pub async fn greet(&self) -> Result<(), SendError> {
        match tokio::time::timeout(self.timeout, self.pool.enter()).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(SendError::NotSent { reason: "no answer in time".to_owned() }),
        }
    }

    async fn call(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let message = Prepared::of(mail, self.clock.now())?;
        let progress = Progress::default();
        let conversation = async {
            let mut place = self.pool.enter().await?;
            place.session().hand_over(&message, &progress).await
        };
        // Dropped in the middle, a connection is of no further use, and does not come back to the pool.
        let reply = match tokio::time::timeout(self.timeout, conversation).await {
            Ok(answer) => answer?,
            Err(_) => return Err(progress.cut_off("no answer in time")),
        };
        Ok(Accepted { provider_message_id: mail.message_id_header.clone(), reply: Some(reply) })
    }
}

#[async_trait]
impl Provider for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let started = tokio::time::Instant::now();
        let result = self.call(mail).await;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => {
                tracing::debug!(message_id = %mail.message_id, elapsed_ms, "mail taken by the mail server")
            }
            Err(error) => {
                tracing::debug!(message_id = %mail.message_id, elapsed_ms, %error, "mail not taken by the mail server");
            }
        }
        result
    }

    async fn find_accepted(
        &self,
        _: MessageId,
        _: &str,
        _: DateTime<Utc>,
    ) -> Result<Option<Accepted>, LookUpError> {
        Err(LookUpError::Unsupported { reason: "SMTP has no question for it".to_owned() })
    }
}

#[cfg(test)]
mod tests;
