//! What a client can do with a reset: ask for it, show its token, complete it.

use chrono::{DateTime, Utc};

use super::{Client, CommandError, Commands, Context, ExecuteError, KeyChoice};
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId};
use crate::domain::password_reset::{
    PasswordResetCommand, PasswordResetEvent, PasswordResetRefusal as Refusal, ResetRequest, VisitKind,
};
use crate::domain::sealed::Sealed;
use crate::domain::token::{Purpose, Token};
use crate::event_log::append::Beside;
use crate::event_log::{AppendError, StreamError};

/// Seconds after which a busy stream is worth another try.
const BUSY: u64 = 1;

/// A client asks for a reset. Everything in it has been checked.
#[derive(Debug, Clone)]
pub struct RequestReset {
    /// Whose password.
    pub email: EmailAddress,
    /// Language tag.
    pub locale: Option<String>,
    /// Where to go afterwards; its origin is allowed.
    pub redirect_to: Option<String>,
    /// Who asks.
    pub client: Client,
}

/// The answer that every well-formed request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetAccepted {
    /// Names the request.
    pub request_id: RequestId,
    /// Seconds that a link would work.
    pub expires_in: u64,
    /// Seconds after which asking again can lead to another mail.
    pub resend_after: u64,
}

/// An authentic token whose link can be used now, as far as the log knows.
#[derive(Debug, Clone)]
pub struct UsableReset {
    /// The stream of the address.
    pub stream: String,
    /// The request.
    pub request_id: RequestId,
    /// Whose password.
    pub account_id: AccountId,
    /// The version that the account's credentials must still have.
    pub credential_version: i64,
    /// The address that the link was mailed to.
    pub email: EmailAddress,
    /// When the link dies.
    pub expires_at: DateTime<Utc>,
    /// Where to go afterwards.
    pub redirect_to: Option<String>,
}

/// Why a token does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not made by us, for this.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// It has done its work.
    #[error("the link was used")]
    Used,
    /// A newer link, or a change of the account, has taken over.
    #[error("the link was superseded")]
    Superseded,
    /// It was ended on purpose.
    #[error("the link was revoked")]
    Revoked,
    /// The password is being changed right now, or too much is going on.
    #[error("busy, come back in {retry_after} s")]
    Busy {
        /// Seconds.
        retry_after: u64,
    },
    /// The log cannot be read or written.
    #[error("the log is not available")]
    Unavailable,
}

impl Commands {
    /// Takes a request. What it costs and answers is the same for every address.
    pub async fn request_reset(&self, request: RequestReset) -> Result<ResetAccepted, CommandError> {
        let inner = &self.inner;
        let at = inner.clock.now();
        let admitted = inner.client_limit.admit(&inner.log, &request.client, at).await?;
        let request_id = RequestId::from_uuid(inner.clock.uuid());
        let stream = self.index_key().stream_key(&request.email).to_string();
        let command = PasswordResetCommand::Request {
            request_id,
            email: request.email,
            locale: request.locale,
            redirect_to: request.redirect_to,
            at,
        };
        let context = Context {
            causation: "http".to_owned(),
            key: KeyChoice::Fresh { event_type: "password_reset.requested", subject: stream.clone() },
            // Also when a limit holds: then this is all that is written, and costs as much.
            beside: Beside { client: Some(admitted.request.clone()), ..Beside::default() },
        };
        self.password_reset(&stream, command, context).await.map_err(command_error)?;
        Ok(ResetAccepted {
            request_id,
            expires_in: inner.policy.ttl.num_seconds().unsigned_abs(),
            resend_after: inner.policy.cooldown.num_seconds().unsigned_abs(),
        })
    }

    /// Authenticates a token and says whether its link can be used now.
    pub async fn find_reset(&self, token: &str) -> Result<UsableReset, TokenError> {
        let token = Token::parse(token).map_err(|_| TokenError::Invalid)?;
        let stream = token.stream_key().to_string();
        let request_id = token.request_id();
        let mut loaded = self.load_resets(&stream).await.map_err(stream_error)?;
        if loaded.aggregate.request(request_id).is_none() && loaded.sequence > 0 {
            // Older than what the newest request carries forward: expired, but worth the right answer.
            loaded = self.inner.resets.load_all(&stream).await.map_err(stream_error)?;
        }
        let request = loaded.aggregate.request(request_id).ok_or(TokenError::Invalid)?;
        let (salt, link) = request
            .link
            .as_ref()
            .and_then(|link| Some((salt_of(&link.salt)?, link)))
            .ok_or(TokenError::Invalid)?;
        token
            .authenticate(self.root_keys(), Purpose::PasswordReset, &salt)
            .map_err(|_| TokenError::Invalid)?;
        loaded
            .aggregate
            .usable_link(request_id, self.clock().now(), self.reset_policy())
            .map_err(token_error)?;
        let email = link.email.known().cloned().ok_or(TokenError::Revoked)?;
        Ok(UsableReset {
            stream,
            request_id,
            account_id: link.account_id,
            credential_version: link.credential_version,
            email,
            expires_at: request.expires_at,
            redirect_to: request.redirect_to.clone(),
        })
    }

    /// The token of a request's link, for the mail that carries it and nothing else. `None` if the request
    /// has no link, or its person was erased.
    pub fn token_of(&self, stream: &str, request: &ResetRequest) -> Option<Token> {
        let salt = salt_of(&request.link.as_ref()?.salt)?;
        let stream = crate::domain::keys::StreamKey(hex::decode(stream).ok()?.try_into().ok()?);
        let root = self.root_keys().current();
        Some(Token::derive(root, Purpose::PasswordReset, stream, request.request_id, &salt))
    }

    /// Records that the link was followed.
    pub async fn record_visit(
        &self,
        reset: &UsableReset,
        kind: VisitKind,
        user_agent: Option<String>,
    ) -> Result<(), CommandError> {
        let at = self.clock().now();
        let command = PasswordResetCommand::Visit { request_id: reset.request_id, kind, user_agent, at };
        match self.password_reset(&reset.stream, command, Context::caused_by("http")).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Ok(()),
            Err(error) => Err(command_error(error)),
        }
    }

    /// Claims the link for one attempt at changing the password; answers its number.
    pub async fn start_completion(&self, reset: &UsableReset) -> Result<u32, TokenError> {
        let command =
            PasswordResetCommand::StartCompletion { request_id: reset.request_id, at: self.clock().now() };
        let executed = self
            .password_reset(&reset.stream, command, Context::caused_by("http"))
            .await
            .map_err(token_command_error)?;
        match executed.events.first().map(|envelope| &envelope.payload) {
            Some(PasswordResetEvent::CompletionStarted(completion)) => Ok(completion.attempt),
            // Written, but the answer was lost on the way: somebody has to wait for the patience to run out.
            _ => Err(TokenError::Busy { retry_after: BUSY }),
        }
    }

    /// Records that the directory took this attempt's password.
    pub async fn complete(&self, reset: &UsableReset, attempt: u32) -> Result<(), TokenError> {
        let at = self.clock().now();
        let command = PasswordResetCommand::Complete { request_id: reset.request_id, attempt, at };
        self.password_reset(&reset.stream, command, Context::caused_by("http"))
            .await
            .map(|_| ())
            .map_err(token_command_error)
    }

    /// Records that the directory definitely did not take it; the link is free again.
    pub async fn fail_completion(&self, reset: &UsableReset, attempt: u32) -> Result<(), CommandError> {
        let at = self.clock().now();
        let command = PasswordResetCommand::FailCompletion { request_id: reset.request_id, attempt, at };
        self.password_reset(&reset.stream, command, Context::caused_by("http"))
            .await
            .map(|_| ())
            .map_err(command_error)
    }
}

fn salt_of(salt: &Sealed<String>) -> Option<[u8; 16]> {
    hex::decode(salt.known()?).ok()?.try_into().ok()
}

fn token_error(refusal: Refusal) -> TokenError {
    match refusal {
        Refusal::NoLink => TokenError::Invalid,
        Refusal::Used => TokenError::Used,
        Refusal::Superseded | Refusal::StaleAttempt => TokenError::Superseded,
        Refusal::Expired => TokenError::Expired,
        Refusal::Revoked => TokenError::Revoked,
        Refusal::Completing => TokenError::Busy { retry_after: BUSY },
        Refusal::NewerCode => TokenError::Unavailable,
    }
}

fn token_command_error(error: ExecuteError<Refusal>) -> TokenError {
    match error {
        ExecuteError::Refused(refusal) => token_error(refusal),
        ExecuteError::NewerCode => TokenError::Unavailable,
        ExecuteError::Log(error) => stream_error(error),
    }
}

fn stream_error(error: StreamError) -> TokenError {
    match error {
        StreamError::Append(AppendError::Conflict | AppendError::QueueFull) => {
            TokenError::Busy { retry_after: BUSY }
        }
        error => {
            tracing::error!(%error, "a reset could not be read or written");
            TokenError::Unavailable
        }
    }
}

pub(super) fn command_error(error: ExecuteError<Refusal>) -> CommandError {
    match error {
        ExecuteError::Log(StreamError::Append(AppendError::Conflict | AppendError::QueueFull)) => {
            CommandError::Busy { retry_after: BUSY }
        }
        error => {
            tracing::error!(%error, "a command to a reset failed");
            CommandError::Unavailable
        }
    }
}
