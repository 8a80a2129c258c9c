//! When a reset was requested, ask the directory whose address it is; issue a link and ask for its mail, or
//! decline. Off the request's path, so that nobody can tell known from unknown addresses by the time it takes.
//!
//! A crash midway: the link, once issued, is not issued again; the mail has a derived id, so asking for it
//! twice makes one. A directory that is away delays nobody else and is asked until the link would expire.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of, verdict_of_stream};
use crate::accounts::{Account, Directory};
use crate::commands::{Commands, Context, KeyChoice};
use crate::domain::id::{EventId, MessageId, RequestId};
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::{Cause, MessageCommand, Requested};
use crate::domain::password_reset::{
    DeclineReason, PasswordResetCommand, PasswordResetEvent, ResetRequest, Status,
};
use crate::domain::sealed::Sealed;
use crate::event_log::{LogEvent, RecordedEvent};

/// The template of the mail that carries the link.
pub const TEMPLATE: &str = "password-reset";

/// Issues links.
pub struct IssueResetLinks {
    pub commands: Commands,
    pub directory: Arc<dyn Directory>,
    /// The mail provider's name, as mails record it.
    pub provider: &'static str,
    /// Whether opens are tracked.
    pub track_opens: bool,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    stream: String,
    request_id: RequestId,
    caused_by: EventId,
    requested_at: DateTime<Utc>,
}

#[async_trait]
impl Reactor for IssueResetLinks {
    fn kind(&self) -> &'static str {
        "issue_reset_link"
    }

    fn concurrency(&self) -> usize {
        32
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let LogEvent::PasswordReset(PasswordResetEvent::Requested(requested)) = &event.event else {
            return None;
        };
        let payload = Payload {
            stream: event.stream.clone(),
            request_id: requested.request_id,
            caused_by: event.metadata.event_id,
            requested_at: requested.at,
        };
        Some(NewWork::new(requested.request_id, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let now = self.commands.clock().now();
        let Ok(payload) = work.payload::<Payload>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        let loaded = match self.commands.load_resets(&payload.stream).await {
            Ok(loaded) => loaded,
            Err(error) => return verdict_of_stream(error, work, now),
        };
        let Some(request) = loaded.aggregate.request(payload.request_id).cloned() else {
            return Verdict::Done;
        };
        let request = match request.status {
            Status::Pending => match self.decide(&payload, request, work).await {
                Ok(Some(request)) => request,
                Ok(None) => return Verdict::Done,
                Err(verdict) => return verdict,
            },
            Status::Live => request,
            _ => return Verdict::Done,
        };
        self.request_mail(&payload, &request, work).await
    }
}

impl IssueResetLinks {
    /// Issues the link, or declines. `None`: there will be no mail.
    async fn decide(
        &self,
        payload: &Payload,
        request: ResetRequest,
        work: &Work,
    ) -> Result<Option<ResetRequest>, Verdict> {
        let at = self.commands.clock().now();
        let account = match request.email.known() {
            // Erased before anyone looked: there is nobody to write to.
            None => None,
            Some(email) => match self.directory.lookup(email).await {
                Ok(account) => account,
                Err(error) if at < request.expires_at => {
                    return Err(Verdict::Later { at: at + backoff(work.attempts), why: error.to_string() });
                }
                Err(_) => {
                    self.decline(payload, DeclineReason::Expired, work).await?;
                    return Ok(None);
                }
            },
        };
        let account = match account {
            Some(account) if !account.disabled => account,
            Some(_) => {
                self.decline(payload, DeclineReason::AccountDisabled, work).await?;
                return Ok(None);
            }
            None => {
                self.decline(payload, DeclineReason::UnknownAddress, work).await?;
                return Ok(None);
            }
        };
        self.issue(payload, account, work).await?;
        let loaded = self.commands.load_resets(&payload.stream).await;
        let loaded = loaded.map_err(|error| verdict_of_stream(error, work, at))?;
        let issued = loaded.aggregate.request(payload.request_id).cloned();
        Ok(issued.filter(|request| request.status == Status::Live))
    }

    async fn issue(&self, payload: &Payload, account: Account, work: &Work) -> Result<(), Verdict> {
        let clock = self.commands.clock();
        let at = clock.now();
        let mut salt = [0; 16];
        clock.fill(&mut salt);
        let command = PasswordResetCommand::IssueLink {
            request_id: payload.request_id,
            message_id: self.message_id(payload),
            account_id: account.id,
            credential_version: account.credential_version,
            salt,
            email: account.address,
            name: account.name,
            at,
        };
        self.send(payload, command, work).await
    }

    async fn decline(&self, payload: &Payload, reason: DeclineReason, work: &Work) -> Result<(), Verdict> {
        let at = self.commands.clock().now();
        let command = PasswordResetCommand::Decline { request_id: payload.request_id, reason, at };
        self.send(payload, command, work).await
    }

    async fn send(
        &self,
        payload: &Payload,
        command: PasswordResetCommand,
        work: &Work,
    ) -> Result<(), Verdict> {
        let context = Context::caused_by(payload.caused_by);
        match self.commands.password_reset(&payload.stream, command, context).await {
            Ok(_) => Ok(()),
            Err(error) => Err(verdict_of(&error, work, self.commands.clock().now())),
        }
    }

    async fn request_mail(&self, payload: &Payload, request: &ResetRequest, work: &Work) -> Verdict {
        let at = self.commands.clock().now();
        let Some((link, email)) = request.link.as_ref().and_then(|link| Some((link, link.email.known()?)))
        else {
            return Verdict::Done;
        };
        let mut data = Map::new();
        data.insert("requested_at".to_owned(), json!(request.requested_at));
        data.insert("expires_at".to_owned(), json!(request.expires_at));
        if let Some(Some(name)) = link.name.known() {
            data.insert("name".to_owned(), json!(name));
        }
        let requested = Requested {
            template: TEMPLATE.to_owned(),
            recipient: Sealed::Known(email.clone()),
            recipient_key: self.commands.index_key().stream_key(email).to_string(),
            mailbox_provider: MailboxProvider::of_domain(email.domain()).as_str().to_owned(),
            provider: self.provider.to_owned(),
            cause: Cause::PasswordReset { request_id: request.request_id, stream: payload.stream.clone() },
            locale: request.locale.clone(),
            data: Sealed::Known(data),
            opens_tracked: self.track_opens,
            clicks_tracked: true,
            send_before: Some(request.expires_at),
            at,
        };
        let key = match self.commands.load_resets(&payload.stream).await {
            Ok(loaded) => loaded.data_key,
            Err(error) => return verdict_of_stream(error, work, at),
        };
        let context = Context {
            causation: payload.caused_by.to_string(),
            key: KeyChoice::Given(key),
            ..Context::default()
        };
        let command = MessageCommand::Request(Box::new(requested));
        match self.commands.message(link.message_id, command, context).await {
            Ok(_) => Verdict::Done,
            Err(error) => verdict_of(&error, work, at),
        }
    }

    fn message_id(&self, payload: &Payload) -> MessageId {
        self.commands.index_key().message_id(payload.caused_by, payload.requested_at, TEMPLATE)
    }
}
