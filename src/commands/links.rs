//! What can be done with a link, whatever it is for: asked for, shown by its token, followed to its end.

use chrono::{DateTime, Utc};

use super::{Admitted, CommandError, Commands, Context, ExecuteError, Executed, KeyChoice, execute::execute};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::Verifying;
use crate::domain::id::{AccountId, TypedId};
use crate::domain::one_time_link::{
    LinkCommand, LinkEvent, LinkPolicy, LinkPurpose, LinkRefusal as Refusal, LinkRequest, LinkRequests,
    VisitKind,
};
use crate::domain::password_reset::Resetting;
use crate::domain::sealed::Sealed;
use crate::domain::token::Token;
use crate::event_log::append::{Appended, Beside};
use crate::event_log::{AppendError, EventLog, Loaded, StreamError, Streams};

/// Seconds after which a busy stream is worth another try.
const BUSY: u64 = 1;

/// The limits of every purpose.
#[derive(Debug, Clone)]
pub struct LinkPolicies {
    pub resets: LinkPolicy,
    pub verifications: LinkPolicy,
}

impl Default for LinkPolicies {
    fn default() -> Self {
        let verifications = LinkPolicy { ttl: chrono::TimeDelta::hours(24), ..LinkPolicy::default() };
        Self { resets: LinkPolicy::default(), verifications }
    }
}

/// The streams of one purpose, and the limits that hold there.
pub struct LinkStreams<P: LinkPurpose> {
    streams: Streams<LinkRequests<P>>,
    policy: LinkPolicy,
}

/// The streams of every purpose.
pub struct AllLinks {
    resets: LinkStreams<Resetting>,
    verifications: LinkStreams<Verifying>,
}

impl AllLinks {
    /// All that the log holds.
    pub fn new(log: &EventLog, policies: LinkPolicies) -> Self {
        let LinkPolicies { resets, verifications } = policies;
        Self {
            resets: LinkStreams { streams: Streams::new(log.clone()), policy: resets },
            verifications: LinkStreams { streams: Streams::new(log.clone()), policy: verifications },
        }
    }
}

/// A purpose whose links can be asked for here.
pub trait LinkStreamsOf: LinkPurpose {
    /// Its streams.
    fn streams(all: &AllLinks) -> &LinkStreams<Self>;
}

impl LinkStreamsOf for Resetting {
    fn streams(all: &AllLinks) -> &LinkStreams<Self> {
        &all.resets
    }
}

impl LinkStreamsOf for Verifying {
    fn streams(all: &AllLinks) -> &LinkStreams<Self> {
        &all.verifications
    }
}

/// The answer that every well-formed request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkAccepted<Id> {
    /// Names the request.
    pub request_id: Id,
    /// Seconds that a link would work.
    pub expires_in: u64,
    /// Seconds after which asking again can lead to another mail.
    pub resend_after: u64,
    /// Whether it was within the limits. Not for the client's eyes.
    pub is_taken: bool,
}

/// An authentic token whose link can be used now, as far as the log knows.
#[derive(Debug, Clone)]
pub struct UsableLink<P: LinkPurpose> {
    /// The stream of the address.
    pub stream: String,
    /// The request.
    pub request_id: P::Id,
    /// Whose account.
    pub account_id: AccountId,
    /// The version that the account's credentials must still have.
    pub credential_version: i64,
    /// The address that the link was mailed to.
    pub email: EmailAddress,
    /// When the link dies.
    pub expires_at: DateTime<Utc>,
    /// The language that it was asked for in.
    pub locale: Option<String>,
    /// What its purpose knows about it.
    pub details: P::Details,
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
    /// Its password was guessed too often.
    #[error("too many wrong passwords, come back in {retry_after} s")]
    TooManyPasswords {
        /// Seconds.
        retry_after: u64,
        /// Wrong passwords per hour.
        limit: u32,
    },
    /// The link is being used right now, or too much is going on.
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
    /// The limits that links of this purpose are decided under.
    pub fn link_policy<P: LinkStreamsOf>(&self) -> &LinkPolicy {
        &P::streams(&self.inner.links).policy
    }

    /// A command to the links of one address.
    pub async fn links<P: LinkStreamsOf>(
        &self,
        stream: &str,
        command: LinkCommand<P>,
        context: Context,
    ) -> Result<Executed<LinkRequests<P>>, ExecuteError<Refusal>> {
        let (inner, stream) = (self.inner.clone(), stream.to_owned());
        self.run(async move {
            let LinkStreams { streams, policy } = P::streams(&inner.links);
            execute(streams, policy, &inner.locks, inner.clock.as_ref(), &stream, command, context).await
        })
        .await
    }

    /// The links of one address as they stand now, whoever wrote last.
    pub async fn load_links<P: LinkStreamsOf>(
        &self,
        stream: &str,
    ) -> Result<Loaded<LinkRequests<P>>, StreamError> {
        P::streams(&self.inner.links).streams.reload(stream).await
    }

    /// The links of one address from the very first, also those that no newer request carries forward.
    pub async fn load_all_links<P: LinkStreamsOf>(
        &self,
        stream: &str,
    ) -> Result<Loaded<LinkRequests<P>>, StreamError> {
        P::streams(&self.inner.links).streams.load_all(stream).await
    }

    /// Takes a request. What it costs and answers is the same for every address.
    pub(super) async fn request_link<P: LinkStreamsOf>(
        &self,
        email: &EmailAddress,
        request_id: P::Id,
        command: LinkCommand<P>,
        admitted: &Admitted<'_>,
    ) -> Result<LinkAccepted<P::Id>, CommandError> {
        let stream = self.index_key().stream_key(email).to_string();
        let context = Context {
            causation: "http".to_owned(),
            key: KeyChoice::Fresh { event_types: P::BEGINNINGS, subject: stream.clone() },
            // Also when a limit holds: then this is all that is written, and costs as much.
            beside: Beside { client: Some(admitted.request.clone()), ..Beside::default() },
        };
        let executed = self.links(&stream, command, context).await.map_err(command_error)?;
        let declined = |event: &LinkEvent<P>| matches!(event, LinkEvent::Declined { .. });
        let policy = self.link_policy::<P>();
        Ok(LinkAccepted {
            request_id,
            expires_in: policy.ttl.num_seconds().unsigned_abs(),
            resend_after: policy.cooldown.num_seconds().unsigned_abs(),
            is_taken: match executed.appended {
                // Written by a try whose answer was lost; what was written is not told.
                Some(Appended::Duplicate) => true,
                _ => executed.events.first().is_some_and(|envelope| !declined(&envelope.payload)),
            },
        })
    }

    /// Authenticates a token and says whether its link can be used now.
    pub async fn find_link<P: LinkStreamsOf>(&self, token: &str) -> Result<UsableLink<P>, TokenError> {
        let token = Token::parse(token).map_err(|_| TokenError::Invalid)?;
        let stream = token.stream_key().to_string();
        let request_id = P::Id::from_uuid(token.request_id());
        let mut loaded = self.load_links::<P>(&stream).await.map_err(stream_error)?;
        if loaded.aggregate.request(request_id).is_none() && loaded.sequence > 0 {
            // Older than what the newest request carries forward: expired, but worth the right answer.
            loaded = self.load_all_links(&stream).await.map_err(stream_error)?;
        }
        let request = loaded.aggregate.request(request_id).ok_or(TokenError::Invalid)?;
        let (salt, link) = request
            .link
            .as_ref()
            .and_then(|link| Some((salt_of(&link.salt)?, link)))
            .ok_or(TokenError::Invalid)?;
        token.authenticate(self.root_keys(), P::TOKEN, &salt).map_err(|_| TokenError::Invalid)?;
        let now = self.clock().now();
        loaded
            .aggregate
            .usable_link(request_id, now, self.link_policy::<P>())
            .map_err(|refusal| self.token_error::<P>(refusal))?;
        let email = link.email.known().cloned().ok_or(TokenError::Revoked)?;
        Ok(UsableLink {
            stream,
            request_id,
            account_id: link.account_id,
            credential_version: link.credential_version,
            email,
            expires_at: request.expires_at,
            locale: request.locale.clone(),
            details: request.details.clone(),
        })
    }

    /// The token of a request's link, for the mail that carries it and nothing else. `None` if the request
    /// has no link, or its person was erased.
    pub fn token_of<P: LinkPurpose>(&self, stream: &str, request: &LinkRequest<P>) -> Option<Token> {
        let salt = salt_of(&request.link.as_ref()?.salt)?;
        let stream = crate::domain::keys::StreamKey(hex::decode(stream).ok()?.try_into().ok()?);
        let root = self.root_keys().current();
        Some(Token::derive(root, P::TOKEN, stream, request.request_id.uuid(), &salt))
    }

    /// Records that the link was followed.
    pub async fn record_visit<P: LinkStreamsOf>(
        &self,
        link: &UsableLink<P>,
        kind: VisitKind,
        user_agent: Option<String>,
    ) -> Result<(), CommandError> {
        let at = self.clock().now();
        let command = LinkCommand::<P>::Visit { request_id: link.request_id, kind, user_agent, at };
        match self.links(&link.stream, command, Context::caused_by("http")).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Ok(()),
            Err(error) => Err(command_error(error)),
        }
    }

    /// Claims the link for one attempt at changing the account; answers its number.
    pub async fn start_completion<P: LinkStreamsOf>(&self, link: &UsableLink<P>) -> Result<u32, TokenError> {
        let command =
            LinkCommand::<P>::StartCompletion { request_id: link.request_id, at: self.clock().now() };
        let executed = self
            .links(&link.stream, command, Context::caused_by("http"))
            .await
            .map_err(|error| self.token_command_error::<P>(error))?;
        match executed.events.first().map(|envelope| &envelope.payload) {
            Some(LinkEvent::CompletionStarted(completion)) => Ok(completion.attempt),
            // Written, but the answer was lost on the way: somebody has to wait for the patience to run out.
            _ => Err(TokenError::Busy { retry_after: BUSY }),
        }
    }

    /// Records that the directory took this attempt.
    pub async fn complete<P: LinkStreamsOf>(
        &self,
        link: &UsableLink<P>,
        attempt: u32,
    ) -> Result<(), TokenError> {
        let at = self.clock().now();
        let command = LinkCommand::<P>::Complete { request_id: link.request_id, attempt, at };
        self.links(&link.stream, command, Context::caused_by("http"))
            .await
            .map(|_| ())
            .map_err(|error| self.token_command_error::<P>(error))
    }

    /// Records that the directory definitely did not take it; the link is free again.
    pub async fn fail_completion<P: LinkStreamsOf>(
        &self,
        link: &UsableLink<P>,
        attempt: u32,
    ) -> Result<(), CommandError> {
        let at = self.clock().now();
        let command = LinkCommand::<P>::FailCompletion { request_id: link.request_id, attempt, at };
        self.links(&link.stream, command, Context::caused_by("http")).await.map(|_| ()).map_err(command_error)
    }

    /// Records that whoever made this attempt did not know the password; the link is free again, and the
    /// attempt counts.
    pub async fn refuse_completion<P: LinkStreamsOf>(
        &self,
        link: &UsableLink<P>,
        attempt: u32,
    ) -> Result<(), CommandError> {
        let at = self.clock().now();
        let command = LinkCommand::<P>::RefuseCompletion { request_id: link.request_id, attempt, at };
        self.links(&link.stream, command, Context::caused_by("http")).await.map(|_| ()).map_err(command_error)
    }

    fn token_command_error<P: LinkStreamsOf>(&self, error: ExecuteError<Refusal>) -> TokenError {
        match error {
            ExecuteError::Refused(refusal) => self.token_error::<P>(refusal),
            ExecuteError::NewerCode => TokenError::Unavailable,
            ExecuteError::Log(error) => stream_error(error),
        }
    }

    fn token_error<P: LinkStreamsOf>(&self, refusal: Refusal) -> TokenError {
        match refusal {
            Refusal::NoLink => TokenError::Invalid,
            Refusal::Used => TokenError::Used,
            Refusal::Superseded | Refusal::StaleAttempt => TokenError::Superseded,
            Refusal::Expired => TokenError::Expired,
            Refusal::Revoked => TokenError::Revoked,
            Refusal::Completing => TokenError::Busy { retry_after: BUSY },
            Refusal::TooManyPasswords { until } => {
                let seconds = (until - self.clock().now()).num_seconds() + 1;
                TokenError::TooManyPasswords {
                    retry_after: u64::try_from(seconds).unwrap_or(1).max(1),
                    limit: u32::try_from(self.link_policy::<P>().wrong_passwords_per_hour)
                        .unwrap_or(u32::MAX),
                }
            }
            Refusal::NewerCode => TokenError::Unavailable,
        }
    }
}

fn salt_of(salt: &Sealed<String>) -> Option<[u8; 16]> {
    hex::decode(salt.known()?).ok()?.try_into().ok()
}

fn stream_error(error: StreamError) -> TokenError {
    match error {
        StreamError::Append(AppendError::Conflict | AppendError::QueueFull) => {
            TokenError::Busy { retry_after: BUSY }
        }
        error => {
            tracing::error!(%error, "a link could not be read or written");
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
            tracing::error!(%error, "a command about a link failed");
            CommandError::Unavailable
        }
    }
}
