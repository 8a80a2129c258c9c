//! When a link was asked for, find out whose account it is about; issue the link and ask for its mail, or
//! decline. Off the request's path, so that nobody can tell known from unknown addresses by the time it takes.
//!
//! A crash midway: the link, once issued, is not issued again; the mail has a derived id, so asking for it
//! twice makes one. A directory that is away delays nobody else and is asked until the link would expire.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::mails::{CausingEvent, Mails, NewMail, data};
use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of, verdict_of_stream};
use crate::accounts::DirectoryError;
use crate::commands::{Commands, Context, ExecuteError, LinkStreamsOf};
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;
use crate::domain::message::Cause;
use crate::domain::one_time_link::{
    DeclineReason, Link, LinkCommand, LinkEvent, LinkRequest, LinkRequests, Status,
};
use crate::event_log::{Loaded, LoggedLinks, RecordedEvent};

/// Who decides about the requests of one purpose.
#[async_trait]
pub trait LinkIssuer: Send + Sync {
    /// What the links are for.
    type Purpose: LinkStreamsOf + LoggedLinks;

    /// The kind of work. Permanent.
    const KIND: &'static str;
    /// The template of the mail that carries the link.
    const TEMPLATE: &'static str;

    /// What the mail is for.
    fn cause(request: &LinkRequest<Self::Purpose>, stream: &str) -> Cause;

    /// What the mail says besides, about the request whose link it carries.
    fn remarks(_carrier: &LinkRequest<Self::Purpose>) -> Map<String, Value> {
        Map::new()
    }

    /// Whether there is a link, and whose. Asked again after a crash.
    async fn decide(&self, request: &LinkRequest<Self::Purpose>) -> Result<Decision, DirectoryError>;
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// A link for this account.
    Issue {
        account_id: AccountId,
        credential_version: i64,
        /// Where its mail goes.
        to: EmailAddress,
        /// For the salutation.
        name: Option<String>,
    },
    /// No link.
    Decline(DeclineReason),
}

/// Issues links.
pub struct IssueLinks<I> {
    pub issuer: I,
    pub mails: Mails,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Payload<Id: crate::domain::id::TypedId> {
    stream: String,
    request_id: Id,
    #[serde(flatten)]
    cause: CausingEvent,
}

type PayloadOf<I> = Payload<<<I as LinkIssuer>::Purpose as crate::domain::one_time_link::LinkPurpose>::Id>;
type RequestOf<I> = LinkRequest<<I as LinkIssuer>::Purpose>;
type StreamOf<I> = Loaded<LinkRequests<<I as LinkIssuer>::Purpose>>;

#[async_trait]
impl<I: LinkIssuer> Reactor for IssueLinks<I> {
    fn kind(&self) -> &'static str {
        I::KIND
    }

    fn concurrency(&self) -> usize {
        32
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        let (request_id, at) = match I::Purpose::event(&event.event)? {
            LinkEvent::Requested(requested) => (requested.request_id, requested.at),
            LinkEvent::Repeated(repeated) => (repeated.request_id, repeated.at),
            _ => return None,
        };
        let payload =
            Payload { stream: event.stream.clone(), request_id, cause: CausingEvent::of(event, at) };
        Some(NewWork::new(request_id, &payload, event.metadata.recorded_at))
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let Ok(payload) = work.payload::<PayloadOf<I>>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        match self.answer(&payload, work).await {
            Ok(()) => Verdict::Done,
            Err(verdict) => verdict,
        }
    }
}

impl<I: LinkIssuer> IssueLinks<I> {
    async fn answer(&self, payload: &PayloadOf<I>, work: &Work) -> Result<(), Verdict> {
        let loaded = self.load(payload, work).await?;
        let Some(request) = loaded.aggregate.request(payload.request_id) else { return Ok(()) };
        if matches!(request.status, Status::Pending | Status::Repeats { .. }) {
            self.decide(payload, &loaded, request, work).await?;
        }
        let loaded = self.load(payload, work).await?;
        let Some(request) = loaded.aggregate.request(payload.request_id) else { return Ok(()) };
        let carrier = match request.status {
            Status::Live => request,
            Status::Repeats { of } => match loaded.aggregate.request(of) {
                Some(repeated) if repeated.status == Status::Live => repeated,
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.request_mail(payload, request, carrier, &loaded, work).await
    }

    /// Issues the link, mails the one that there is once more, or declines.
    async fn decide(
        &self,
        payload: &PayloadOf<I>,
        loaded: &StreamOf<I>,
        request: &RequestOf<I>,
        work: &Work,
    ) -> Result<(), Verdict> {
        let (request_id, at) = (request.request_id, self.commands().clock().now());
        let decision = match self.issuer.decide(request).await {
            Ok(decision) => decision,
            Err(error) if at < request.expires_at => {
                return Err(Verdict::Later { at: at + backoff(work.attempts), why: error.to_string() });
            }
            Err(_) => Decision::Decline(DeclineReason::Expired),
        };
        let message_id = self.mails.id(payload.cause, I::TEMPLATE);
        let command = match decision {
            Decision::Decline(reason) => LinkCommand::Decline { request_id, reason, at },
            Decision::Issue { account_id, credential_version, to, name } => {
                if let Status::Repeats { of } = request.status
                    && loaded.aggregate.usable_link(of, at, self.policy()).is_ok_and(|link: &Link| {
                        link.account_id == account_id && link.credential_version == credential_version
                    })
                {
                    LinkCommand::ResendLink { request_id, message_id, at }
                } else {
                    let mut salt = [0; 16];
                    self.commands().clock().fill(&mut salt);
                    LinkCommand::IssueLink {
                        request_id,
                        message_id,
                        account_id,
                        credential_version,
                        salt,
                        email: to,
                        name,
                        at,
                    }
                }
            }
        };
        let context = Context::caused_by(payload.cause.id);
        match self.commands().links::<I::Purpose>(&payload.stream, command, context).await {
            Ok(_) => Ok(()),
            // The link that should have been mailed again was used or ended meanwhile: decide anew.
            Err(ExecuteError::Refused(refusal)) => Err(Verdict::Later { at, why: refusal.to_string() }),
            Err(error) => Err(verdict_of(&error, work, at)),
        }
    }

    /// `carrier` is the request whose link the mail carries; mostly the request itself.
    async fn request_mail(
        &self,
        payload: &PayloadOf<I>,
        request: &RequestOf<I>,
        carrier: &RequestOf<I>,
        loaded: &StreamOf<I>,
        work: &Work,
    ) -> Result<(), Verdict> {
        let Some((link, to)) = carrier.link.as_ref().and_then(|link| Some((link, link.email.known()?)))
        else {
            return Ok(());
        };
        let mut data = data([
            ("name", json!(link.name.known())),
            ("requested_at", json!(request.requested_at)),
            ("expires_at", json!(carrier.expires_at)),
            ("browser", json!(request.browser)),
        ]);
        data.extend(I::remarks(carrier));
        let mail = NewMail {
            template: I::TEMPLATE,
            to: to.clone(),
            cause: I::cause(carrier, &payload.stream),
            locale: request.locale.clone(),
            data,
            has_link: true,
            send_before: carrier.expires_at,
            data_key: loaded.data_key,
        };
        // The first mail of a link has the id that was written down with it.
        let message_id = if carrier.request_id == request.request_id {
            link.message_id
        } else {
            self.mails.id(payload.cause, I::TEMPLATE)
        };
        match self.mails.request_as(message_id, mail, payload.cause, work).await {
            Verdict::Done => Ok(()),
            verdict => Err(verdict),
        }
    }

    async fn load(&self, payload: &PayloadOf<I>, work: &Work) -> Result<StreamOf<I>, Verdict> {
        let loaded = self.commands().load_links::<I::Purpose>(&payload.stream).await;
        loaded.map_err(|error| verdict_of_stream(error, work, self.commands().clock().now()))
    }

    fn policy(&self) -> &crate::domain::one_time_link::LinkPolicy {
        self.commands().link_policy::<I::Purpose>()
    }

    fn commands(&self) -> &Commands {
        &self.mails.commands
    }
}
