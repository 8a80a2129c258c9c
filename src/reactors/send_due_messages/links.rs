//! The link that a mail carries: made while the mail is rendered, looked at once more before it leaves.

use url::Url;

use super::{SendDueMessages, Step};
use crate::commands::{Context, ExecuteError, LinkStreamsOf};
use crate::domain::email_verification::Verifying;
use crate::domain::id::MessageId;
use crate::domain::message::{Cause, Message, Requested};
use crate::domain::one_time_link::{LinkCommand, LinkRefusal};
use crate::domain::password_reset::Resetting;
use crate::reactors::{Work, verdict_of, verdict_of_stream};

impl SendDueMessages {
    /// The link as it works now, or why it does not.
    pub(super) async fn link<P: LinkStreamsOf>(
        &self,
        request_id: P::Id,
        stream: &str,
        page: &Url,
        work: &Work,
    ) -> Step<Result<LiveLink, &'static str>> {
        let now = self.now();
        let loaded = self.commands.load_links::<P>(stream).await;
        let links = loaded.map_err(|error| verdict_of_stream(error, work, now))?.aggregate;
        if let Err(refusal) = links.usable_link(request_id, now, self.commands.link_policy::<P>()) {
            return Ok(Err(reason_of(refusal)));
        }
        let token = links.request(request_id).and_then(|request| self.commands.token_of(stream, request));
        let (Some(token), Some(request)) = (token, links.request(request_id)) else {
            return Ok(Err("erased"));
        };
        let mut url = page.clone();
        url.query_pairs_mut().append_pair("token", &token.reveal());
        // Rounded up: what was promised for an hour says an hour, not 59 minutes.
        let minutes = ((request.expires_at - now).num_seconds() + 59) / 60;
        Ok(Ok(LiveLink { url, minutes }))
    }

    /// The older links end only now, when the new one is about to reach its owner; and the last look at the
    /// link itself.
    pub(super) async fn supersede_older_links(
        &self,
        message_id: MessageId,
        requested: &Requested,
        message: &Message,
        work: &Work,
    ) -> Step<()> {
        let (at, context) = (self.now(), Context::caused_by(message_id));
        let outcome = match &requested.cause {
            Cause::PasswordReset { request_id, stream } => {
                let command =
                    LinkCommand::<Resetting>::SupersedeOlder { request_id: *request_id, message_id, at };
                self.commands.links(stream, command, context).await.map(|_| ())
            }
            Cause::EmailVerification { request_id, stream } => {
                let command =
                    LinkCommand::<Verifying>::SupersedeOlder { request_id: *request_id, message_id, at };
                self.commands.links(stream, command, context).await.map(|_| ())
            }
            _ => Ok(()),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(ExecuteError::Refused(refusal)) => {
                Err(self.cancel(message_id, message, reason_of(refusal), work).await)
            }
            Err(error) => Err(verdict_of(&error, work, self.now())),
        }
    }

    /// The mail definitely failed: the links that it had ended work again.
    pub(super) async fn restore_older_links(
        &self,
        message_id: MessageId,
        requested: &Requested,
        work: &Work,
    ) -> Step<()> {
        let Cause::PasswordReset { request_id, stream } = &requested.cause else { return Ok(()) };
        let command =
            LinkCommand::<Resetting>::RestoreOlder { request_id: *request_id, message_id, at: self.now() };
        match self.commands.links(stream, command, Context::caused_by("failed hand-over")).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Ok(()),
            Err(error) => Err(verdict_of(&error, work, self.now())),
        }
    }
}

/// A link that works now.
pub(super) struct LiveLink {
    pub(super) url: Url,
    /// Until it dies.
    pub(super) minutes: i64,
}

/// Why a mail is not sent any more, for the timeline.
fn reason_of(refusal: LinkRefusal) -> &'static str {
    match refusal {
        LinkRefusal::Used | LinkRefusal::Completing => "link_used",
        LinkRefusal::Superseded | LinkRefusal::StaleAttempt => "link_superseded",
        LinkRefusal::Expired => "too_late",
        LinkRefusal::Revoked => "link_revoked",
        LinkRefusal::NoLink | LinkRefusal::TooManyPasswords { .. } | LinkRefusal::NewerCode => "no_link",
    }
}
