//! What happens inside: mail is taken and its fate planned; a reader's doings become events.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use url::Url;

use super::SandboxSettings;
use super::event::{self, Actor, Engagement};
use super::mailbox::{Mail, Mailbox, Planned};
use super::outcome::Outcome;
use crate::clock::Clock;

/// So long after delivery nobody takes a reader for a scanner.
const HUMAN_DELAY: TimeDelta = TimeDelta::seconds(3);
/// How far ahead of now an event may be dated for that.
const MAX_AHEAD: TimeDelta = TimeDelta::seconds(5);
/// Keeps the events of one mail apart where the pace knows no delay.
const TICK: TimeDelta = TimeDelta::milliseconds(1);

/// One call to the messages API, checked.
pub(super) struct Submission {
    pub(super) message_id: String,
    /// Once each.
    pub(super) recipients: Vec<String>,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) tags: Vec<String>,
    pub(super) variables: Map<String, Value>,
    pub(super) headers: Map<String, Value>,
    pub(super) is_test: bool,
}

/// What API, pages and courier share.
pub(super) struct Office {
    pub(super) settings: SandboxSettings,
    pub(super) mailbox: Mailbox,
    pub(super) clock: Arc<dyn Clock>,
    /// Rung when there is something to post.
    pub(super) bell: Notify,
    address: SocketAddr,
}

impl Office {
    pub(super) fn new(
        settings: SandboxSettings,
        address: SocketAddr,
        mailbox: Mailbox,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { settings, mailbox, clock, bell: Notify::new(), address }
    }

    pub(super) fn base_url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("a socket address is a host and a port")
    }

    /// Takes a mail for each recipient; everything that will happen to it is durable before this returns.
    pub(super) async fn take(&self, submission: &Submission) -> Result<(), sqlx::Error> {
        let now = self.clock.now();
        let mails: Vec<_> =
            submission.recipients.iter().map(|recipient| self.planned(submission, recipient, now)).collect();
        self.mailbox.take(&mails).await?;
        self.bell.notify_one();
        Ok(())
    }

    fn planned(&self, submission: &Submission, to: &str, now: DateTime<Utc>) -> (Mail, Vec<Planned>) {
        let outcome = Outcome::of(to);
        let mail = Mail {
            id: format!("sbx_{}", self.clock.uuid().simple()),
            message_id: submission.message_id.clone(),
            to: to.to_owned(),
            from: submission.from.clone(),
            subject: submission.subject.clone(),
            text: submission.text.clone(),
            html: submission.html.clone(),
            received_at: now,
            tags: submission.tags.clone(),
            variables: submission.variables.clone(),
            headers: submission.headers.clone(),
            outcome: outcome.name().to_owned(),
            is_test: submission.is_test,
        };
        let (mut due, mut at) = (now, now);
        let mut events = Vec::new();
        for step in outcome.steps(&self.settings.pace) {
            due += step.after;
            let data = event::on_the_way(&mail, step.what, at.max(due), &*self.clock);
            let posted_at = (outcome != Outcome::Unreported).then_some(due);
            events.push(Planned { name: event::name(step.what), at: at.max(due), due: posted_at, data });
            at = at.max(due) + TICK;
        }
        (mail, events)
    }

    /// Reports that somebody opened a mail or followed a link; durable when this returns.
    pub(super) async fn report(
        &self,
        mail: &Mail,
        engagement: &Engagement,
        actor: Actor,
    ) -> Result<(), sqlx::Error> {
        let now = self.clock.now();
        let delivered_at = self.mailbox.delivered_at(&mail.id).await?;
        let earliest = delivered_at.map_or(now, |at| match actor {
            Actor::Human => at + HUMAN_DELAY,
            Actor::Machine => at,
        });
        let at = now.max(earliest.min(now + MAX_AHEAD));
        let data = event::engagement(mail, engagement, actor, (delivered_at, at), &*self.clock);
        let name = if *engagement == Engagement::Opened { "opened" } else { "clicked" };
        self.mailbox.plan(mail, &Planned { name, at, due: Some(now), data }).await?;
        self.bell.notify_one();
        Ok(())
    }
}
