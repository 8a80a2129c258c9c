//! When a mail was asked for, render it and hand it to the provider: the outbox.
//!
//! `calling` is in the log before the first byte leaves. A crash after it leaves a mail of which nobody knows
//! whether the provider has it: before it is sent again, the provider is asked, with the same Message-ID; and
//! whatever webhook comes meanwhile settles it. The link is made while rendering and is stored nowhere.

mod links;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use url::Url;

use self::links::LiveLink;
use super::breaker::Breaker;
use super::{NewWork, Reactor, Verdict, Work, backoff, verdict_of, verdict_of_stream};
use crate::commands::{Commands, Context, ExecuteError};
use crate::domain::email_verification::Verifying;
use crate::domain::id::MessageId;
use crate::domain::message::{Cause, HandOver, Message, MessageCommand, MessageEvent, Requested};
use crate::domain::password_reset::Resetting;
use crate::domain::provider_event::Diagnostic;
use crate::domain::suppression::Blocks;
use crate::event_log::{LogEvent, RecordedEvent};
use crate::providers::{Accepted, LookUpError, OutgoingMail, Provider, SendError};
use crate::rendering::{Mail, Renderer};

/// The kind of work that a mail is.
pub(super) const KIND: &str = "send_message";
/// The provider's settings must be mended by a person; asking every second does not help.
const CONFIGURATION_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// The share of a pause that is left to chance, so that what failed together does not come back together.
const JITTER_PERCENT: i32 = 20;

/// The pause after a recipient's server said "later": long enough for greylisting after a few doublings, short
/// enough at first for somebody who waits for the mail.
fn deferral(attempt: u32) -> TimeDelta {
    TimeDelta::seconds(5i64 << attempt.saturating_sub(1).min(8)).min(TimeDelta::minutes(15))
}

/// How mails are handed over.
#[derive(Debug, Clone)]
pub struct SendSettings {
    /// The sender, as `Name <address>`.
    pub from: String,
    /// Where links in reset mails lead; `?token=` is appended.
    pub reset_page: Url,
    /// Where links in verification mails lead; `?token=` is appended.
    pub verify_page: Url,
    /// The domain of Message-ID headers.
    pub message_id_domain: String,
    /// After this time without news the provider is asked about a call whose outcome is unknown.
    pub reconcile_after: Duration,
}

/// Hands mails over.
pub struct SendDueMessages {
    commands: Commands,
    provider: Arc<dyn Provider>,
    renderer: Renderer,
    settings: SendSettings,
    breaker: Breaker,
}

impl SendDueMessages {
    /// Through this provider.
    pub fn new(
        commands: Commands,
        provider: Arc<dyn Provider>,
        renderer: Renderer,
        settings: SendSettings,
    ) -> Self {
        Self { commands, provider, renderer, settings, breaker: Breaker::default() }
    }
}

#[async_trait]
impl Reactor for SendDueMessages {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn concurrency(&self) -> usize {
        32
    }

    fn schedule(&self, event: &RecordedEvent) -> Option<NewWork> {
        match &event.event {
            LogEvent::Message(MessageEvent::Requested(_)) => {
                Some(NewWork::new(&event.stream, &event.stream, event.metadata.recorded_at))
            }
            _ => None,
        }
    }

    async fn perform(&self, work: &Work) -> Verdict {
        let Ok(message_id) = work.payload::<MessageId>() else {
            return Verdict::Park { why: "its payload cannot be read".to_owned() };
        };
        match self.hand_over(message_id, work).await {
            Ok(()) => Verdict::Done,
            Err(verdict) => verdict,
        }
    }
}

/// Ends the steps early, with what becomes of the work.
type Step<T> = Result<T, Verdict>;

impl SendDueMessages {
    async fn hand_over(&self, message_id: MessageId, work: &Work) -> Step<()> {
        let message = self
            .commands
            .load_message(message_id)
            .await
            .map_err(|error| verdict_of_stream(error, work, self.now()))?
            .aggregate;
        let Some(requested) = message.request() else { return Ok(()) };
        match message.hand_over() {
            HandOver::Done => return Ok(()),
            // Perhaps it was cut off between the refusal and what follows from it.
            HandOver::Ended => return self.restore_older_links(message_id, requested, work).await,
            HandOver::Unknown { since } => self.look_up(message_id, &message, since, work).await?,
            HandOver::Waiting => self.leave_the_provider_alone()?,
        }
        self.cancel_if_too_late(message_id, requested, &message, work).await?;
        self.suppress_if_held_back(message_id, requested, &message, work).await?;
        let mail = self.render(message_id, requested, &message, work).await?;
        self.supersede_older_links(message_id, requested, &message, work).await?;
        let attempt = self.record_calling(message_id, work).await?;
        self.call(message_id, requested, &mail, attempt, work).await
    }

    /// Nobody knows whether the provider has it: ask before sending it again.
    async fn look_up(
        &self,
        message_id: MessageId,
        message: &Message,
        since: DateTime<Utc>,
        work: &Work,
    ) -> Step<()> {
        let patience = TimeDelta::from_std(self.settings.reconcile_after).unwrap_or(TimeDelta::MAX);
        if self.now() < since + patience {
            return Err(Verdict::Later { at: since + patience, why: "its outcome is unknown".to_owned() });
        }
        let header = self.message_id_header(message_id);
        let asked_from = message.request().map_or(since, |requested| requested.at) - TimeDelta::minutes(5);
        match self.provider.find_accepted(message_id, &header, asked_from).await {
            Ok(None) => Ok(()),
            Ok(Some(accepted)) => {
                let command = MessageCommand::RecordAccepted {
                    provider_message_id: Some(accepted.provider_message_id),
                    at: since,
                };
                self.record(message_id, command, work).await?;
                Err(Verdict::Done)
            }
            // Better a second mail with the same link than none; but a server that takes mails and never
            // says so must not fill the mailbox.
            Err(LookUpError::Unsupported { reason }) => {
                let doublings = message.attempts().saturating_sub(1).min(16);
                let again = since + patience * (1 << doublings);
                if self.now() < again {
                    return Err(Verdict::Later { at: again, why: reason });
                }
                tracing::warn!(%message_id, %reason, "cannot ask about a mail, sending it again");
                Ok(())
            }
            Err(error @ LookUpError::Unavailable { .. }) => {
                Err(Verdict::Later { at: self.now() + backoff(work.attempts), why: error.to_string() })
            }
        }
    }

    fn leave_the_provider_alone(&self) -> Step<()> {
        match self.breaker.open_until(self.now()) {
            None => Ok(()),
            Some(at) => Err(Verdict::Later { at, why: "the provider is left alone for a while".to_owned() }),
        }
    }

    /// Asked before every call. A mail that the provider may have cannot be held back any more.
    async fn suppress_if_held_back(
        &self,
        message_id: MessageId,
        requested: &Requested,
        message: &Message,
        work: &Work,
    ) -> Step<()> {
        if matches!(message.hand_over(), HandOver::Unknown { .. }) {
            return Ok(());
        }
        let held = self.commands.load_suppression(&requested.recipient_key).await;
        let held = held.map_err(|error| verdict_of_stream(error, work, self.now()))?;
        let Some(reason) = held.blocks(Blocks::of(&requested.cause)) else { return Ok(()) };
        let command = MessageCommand::Suppress { reason: reason.of_message(), at: self.now() };
        self.record(message_id, command, work).await?;
        Err(Verdict::Done)
    }

    async fn cancel_if_too_late(
        &self,
        message_id: MessageId,
        requested: &Requested,
        message: &Message,
        work: &Work,
    ) -> Step<()> {
        let is_late = requested.send_before.is_some_and(|end| self.now() >= end);
        if is_late { Err(self.cancel(message_id, message, "too_late", work).await) } else { Ok(()) }
    }

    /// Ends a mail that is of no use any more. One that the provider may have cannot be called back.
    async fn cancel(&self, message_id: MessageId, message: &Message, reason: &str, work: &Work) -> Verdict {
        if matches!(message.hand_over(), HandOver::Unknown { .. }) {
            return Verdict::Done;
        }
        let command = MessageCommand::Cancel { reason: reason.to_owned(), at: self.now() };
        match self.record(message_id, command, work).await {
            Ok(()) => Verdict::Done,
            Err(verdict) => verdict,
        }
    }

    /// Makes subject, text and HTML, with the link in them where there is one.
    async fn render(
        &self,
        message_id: MessageId,
        requested: &Requested,
        message: &Message,
        work: &Work,
    ) -> Step<OutgoingMail> {
        let (Some(to), Some(data)) = (requested.recipient.known(), requested.data.known()) else {
            return Err(self.cancel(message_id, message, "erased", work).await);
        };
        let mut data = data.clone();
        let link = match &requested.cause {
            Cause::PasswordReset { request_id, stream } => {
                Some(self.link::<Resetting>(*request_id, stream, &self.settings.reset_page, work).await?)
            }
            Cause::EmailVerification { request_id, stream } => {
                Some(self.link::<Verifying>(*request_id, stream, &self.settings.verify_page, work).await?)
            }
            _ => None,
        };
        if let Some(link) = link {
            match link {
                Ok(LiveLink { url, minutes }) => {
                    data.insert("link".to_owned(), json!(url.as_str()));
                    data.insert("expires_in_minutes".to_owned(), json!(minutes));
                }
                Err(reason) => return Err(self.cancel(message_id, message, reason, work).await),
            }
        }
        data.entry("name").or_insert(json!(null));
        match self.renderer.mail(&requested.template, requested.locale.as_deref(), data) {
            Ok(mail) => Ok(self.outgoing(message_id, requested, to.clone(), mail)),
            Err(error) => {
                tracing::error!(%message_id, template = %requested.template, %error, "a mail cannot be rendered");
                let command = MessageCommand::RecordRejected { reason: error.to_string(), at: self.now() };
                self.record(message_id, command, work).await?;
                Err(Verdict::Done)
            }
        }
    }

    fn outgoing(
        &self,
        message_id: MessageId,
        requested: &Requested,
        to: crate::domain::address::EmailAddress,
        mail: Mail,
    ) -> OutgoingMail {
        OutgoingMail {
            message_id,
            message_id_header: self.message_id_header(message_id),
            from: self.settings.from.clone(),
            to,
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            tag: requested.template.clone(),
            track_opens: requested.opens_tracked,
        }
    }

    async fn record_calling(&self, message_id: MessageId, work: &Work) -> Step<u32> {
        let command = MessageCommand::RecordCalling { at: self.now() };
        let executed = match self.commands.message(message_id, command, Context::caused_by("outbox")).await {
            Ok(executed) => executed,
            // A webhook was faster: the provider has it.
            Err(ExecuteError::Refused(_)) => return Err(Verdict::Done),
            Err(error) => return Err(verdict_of(&error, work, self.now())),
        };
        match executed.events.first().map(|envelope| &envelope.payload) {
            Some(MessageEvent::Calling { attempt, .. }) => Ok(*attempt),
            // It may be in the log after a lost answer; the next try looks.
            _ => Err(Verdict::Later {
                at: self.now(),
                why: "unknown whether the call was recorded".to_owned(),
            }),
        }
    }

    async fn call(
        &self,
        message_id: MessageId,
        requested: &Requested,
        mail: &OutgoingMail,
        attempt: u32,
        work: &Work,
    ) -> Step<()> {
        let answer = self.provider.send(mail).await;
        let at = self.now();
        match &answer {
            Err(error) if error.is_of_the_provider() => self.breaker.failed(at),
            _ => self.breaker.succeeded(),
        }
        let error = match answer {
            Ok(Accepted { provider_message_id, reply }) => {
                let command = MessageCommand::RecordSent { attempt, provider_message_id, reply, at };
                return self.record(message_id, command, work).await;
            }
            Err(error) => error,
        };
        tracing::warn!(%message_id, attempt, %error, "a mail was not handed over");
        let pause = match &error {
            SendError::Refused { reason } => {
                let command = MessageCommand::RecordRejected { reason: reason.clone(), at };
                return self.give_up(message_id, requested, command, work).await;
            }
            SendError::Bounced { diagnostic } => {
                let diagnostic = Diagnostic { attempt: Some(attempt), ..Diagnostic::clone(diagnostic) };
                let command = MessageCommand::RecordCallBounced { attempt, diagnostic, at };
                return self.give_up(message_id, requested, command, work).await;
            }
            SendError::Deferred { .. } => self.jittered(deferral(attempt)),
            SendError::Configuration { .. } => CONFIGURATION_PAUSE,
            SendError::Throttled { retry_after, .. } => {
                TimeDelta::from_std(*retry_after).unwrap_or(CONFIGURATION_PAUSE)
            }
            SendError::NotSent { .. } => self.jittered(backoff(attempt)),
            SendError::Ambiguous { .. } => {
                TimeDelta::from_std(self.settings.reconcile_after).unwrap_or(CONFIGURATION_PAUSE)
            }
        };
        let ambiguous = matches!(error, SendError::Ambiguous { .. });
        let (retry_at, why) = (at + pause, error.to_string());
        let command = match error {
            SendError::Deferred { diagnostic } => {
                let retry_seconds = u32::try_from(pause.num_seconds()).ok();
                let diagnostic = Diagnostic { attempt: Some(attempt), retry_seconds, ..*diagnostic };
                MessageCommand::RecordCallDeferred { attempt, diagnostic, at }
            }
            _ => MessageCommand::RecordSendFailed { attempt, error: why.clone(), ambiguous, retry_at, at },
        };
        self.record(message_id, command, work).await?;
        if !ambiguous {
            self.restore_older_links(message_id, requested, work).await?;
        }
        Err(Verdict::Later { at: retry_at, why })
    }

    /// The mail will never be handed over.
    async fn give_up(
        &self,
        message_id: MessageId,
        requested: &Requested,
        command: MessageCommand,
        work: &Work,
    ) -> Step<()> {
        self.record(message_id, command, work).await?;
        self.restore_older_links(message_id, requested, work).await
    }

    async fn record(&self, message_id: MessageId, command: MessageCommand, work: &Work) -> Step<()> {
        match self.commands.message(message_id, command, Context::caused_by("outbox")).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Ok(()),
            Err(error) => Err(verdict_of(&error, work, self.now())),
        }
    }

    fn message_id_header(&self, message_id: MessageId) -> String {
        self.commands.index_key().message_id_header(message_id, &self.settings.message_id_domain)
    }

    fn jittered(&self, pause: TimeDelta) -> TimeDelta {
        let mut chance = [0];
        self.commands.clock().fill(&mut chance);
        pause + pause * i32::from(chance[0]) / 255 * JITTER_PERCENT / 100
    }

    fn now(&self) -> DateTime<Utc> {
        self.commands.clock().now()
    }
}
