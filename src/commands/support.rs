//! What support can do about a mail or a reset of somebody else. Every act names who did it.

use super::links::command_error;
use super::sending::message_error;
use super::{CommandError, Commands, Context, ExecuteError, KeyChoice, LinkStreamsOf};
use crate::domain::email_verification::Verifying;
use crate::domain::id::{EventId, MessageId, RequestId};
use crate::domain::message::{Cause, HandOver, Message, MessageCommand, Requested};
use crate::domain::one_time_link::{LinkCommand, LinkRefusal, Status};
use crate::domain::password_reset::{PasswordResetCommand, Resetting};
use crate::domain::suppression::Blocks;

/// Why support could not do it.
#[derive(Debug, thiserror::Error)]
pub enum SupportError {
    /// There is no such thing.
    #[error("there is no such thing")]
    NotFound,
    /// It cannot be done as things stand; says what can.
    #[error("{0}")]
    Impossible(&'static str),
    /// The command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

const IN_USE: &str =
    "The password is being changed through this link right now. Wait a minute and look again.";
const USED: &str = "The password was changed through this link already. If it was not the owner, let them ask \
                    for a new link: it ends every session and replaces the password.";

const STILL_WAITING: &str = "This mail is still on its way to the provider, and is tried again by itself.";
const ERASED: &str = "What the mail said and to whom was erased.";
const TOO_LATE: &str = "The mail is of no use any more. Let the person ask for a new one.";
const SUPPRESSED: &str = "The address gets no mail of this kind. Lift its suppression first.";
const DEAD_LINK: &str = "The link in this mail does not work any more. Let the person ask for a new one.";

impl Commands {
    /// Whether the same mail could be asked for again now, or why not.
    pub async fn check_resend(&self, message_id: MessageId) -> Result<(), SupportError> {
        let loaded = self.load_message(message_id).await.map_err(|error| message_error(error.into()))?;
        self.need_resendable(&loaded.aggregate).await
    }

    async fn need_resendable(&self, message: &Message) -> Result<(), SupportError> {
        let original = message.request().ok_or(SupportError::NotFound)?;
        if original.recipient.known().is_none() || original.data.known().is_none() {
            return Err(SupportError::Impossible(ERASED));
        }
        if matches!(message.hand_over(), HandOver::Waiting | HandOver::Unknown { .. }) {
            return Err(SupportError::Impossible(STILL_WAITING));
        }
        if original.send_before.is_some_and(|end| self.clock().now() >= end) {
            return Err(SupportError::Impossible(TOO_LATE));
        }
        match &original.cause {
            Cause::PasswordReset { request_id, stream } => {
                self.need_live_link::<Resetting>(stream, *request_id).await?;
            }
            Cause::EmailVerification { request_id, stream } => {
                self.need_live_link::<Verifying>(stream, *request_id).await?;
            }
            _ => {}
        }
        let held = self.load_suppression(&original.recipient_key).await;
        let held = held.map_err(|error| message_error(error.into()))?;
        if held.blocks(Blocks::of(&original.cause)).is_some() {
            return Err(SupportError::Impossible(SUPPRESSED));
        }
        Ok(())
    }

    /// Asks for the same mail again, as a fresh message: the same link, if it carries one that still works.
    pub async fn resend(&self, message_id: MessageId, by: &str) -> Result<MessageId, SupportError> {
        let at = self.clock().now();
        let loaded = self.load_message(message_id).await.map_err(|error| message_error(error.into()))?;
        self.need_resendable(&loaded.aggregate).await?;
        let original = loaded.aggregate.request().ok_or(SupportError::NotFound)?;
        let again = EventId::from_uuid(self.clock().uuid());
        let fresh = self.index_key().message_id(again, at, "resend");
        let command = MessageCommand::Request(Box::new(Requested { at, ..original.clone() }));
        let context = Context {
            causation: by.to_owned(),
            key: KeyChoice::Given(loaded.data_key),
            ..Context::default()
        };
        self.message(fresh, command, context).await.map_err(message_error)?;
        match &original.cause {
            Cause::PasswordReset { request_id, stream } => {
                self.note_resent::<Resetting>(stream, *request_id, fresh, by).await?;
            }
            Cause::EmailVerification { request_id, stream } => {
                self.note_resent::<Verifying>(stream, *request_id, fresh, by).await?;
            }
            _ => {}
        }
        Ok(fresh)
    }

    async fn need_live_link<P: LinkStreamsOf>(
        &self,
        stream: &str,
        request_id: P::Id,
    ) -> Result<(), SupportError> {
        let links = self.load_links::<P>(stream).await.map_err(|error| command_error(error.into()))?;
        let usable = links.aggregate.usable_link(request_id, self.clock().now(), self.link_policy::<P>());
        usable.map(|_| ()).map_err(|_| SupportError::Impossible(DEAD_LINK))
    }

    /// Whatever comes of the link from now on counts for the newest mail that carries it. A link that has died
    /// in this moment is no loss: its mail will be canceled.
    async fn note_resent<P: LinkStreamsOf>(
        &self,
        stream: &str,
        request_id: P::Id,
        message_id: MessageId,
        by: &str,
    ) -> Result<(), SupportError> {
        let command = LinkCommand::<P>::ResendLink { request_id, message_id, at: self.clock().now() };
        match self.links(stream, command, Context::caused_by(by)).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Ok(()),
            Err(error) => Err(command_error(error).into()),
        }
    }

    /// Ends the link of a request, or keeps it from being made. Answers where the request stands then:
    /// `revoked`, or what had ended it before.
    pub async fn revoke_reset(
        &self,
        stream: &str,
        request_id: RequestId,
        by: &str,
    ) -> Result<&'static str, SupportError> {
        let command = PasswordResetCommand::Revoke { request_id, by: by.to_owned(), at: self.clock().now() };
        match self.links(stream, command, Context::caused_by(by)).await {
            Ok(_) => {}
            Err(ExecuteError::Refused(LinkRefusal::Completing)) => {
                return Err(SupportError::Impossible(IN_USE));
            }
            // Older than everything that can still matter.
            Err(ExecuteError::Refused(LinkRefusal::NoLink)) => return Ok("expired"),
            Err(error) => return Err(command_error(error).into()),
        }
        let resets = self.load_links::<Resetting>(stream).await;
        let resets = resets.map_err(|error| command_error(error.into()))?.aggregate;
        match resets.request(request_id).map(|request| request.status) {
            Some(Status::Completing { .. }) => Err(SupportError::Impossible(IN_USE)),
            Some(Status::Completed) => Err(SupportError::Impossible(USED)),
            Some(Status::Declined) => Ok("declined"),
            Some(Status::Expired) | None => Ok("expired"),
            Some(
                Status::Pending
                | Status::Repeats { .. }
                | Status::Live
                | Status::Superseded { .. }
                | Status::Revoked,
            ) => Ok("revoked"),
        }
    }
}
