//! What support can do about a mail or a reset of somebody else. Every act names who did it.

use super::links::command_error;
use super::{CommandError, Commands, Context, ExecuteError};
use crate::domain::id::RequestId;
use crate::domain::one_time_link::{LinkRefusal, Status};
use crate::domain::password_reset::{PasswordResetCommand, Resetting};

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

impl Commands {
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
