//! What becomes of one mail on its way: handed over, delayed, refused, taken, read, called spam.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::people::Person;
use super::posts::{APPLE_PROXY, About, GMAIL_PROXY, PEOPLE, Reader, SCANNER, Told};
use super::sayings::Sayings;
use super::script::{Again, Script, SealedBy, What};
use crate::domain::bounce::Category;
use crate::domain::id::MessageId;
use crate::domain::mailbox_provider::MailboxProvider as P;
use crate::domain::message::{Cause, MessageCommand, Requested};
use crate::domain::provider_event::SuppressionReason;
use crate::domain::suppression::{Added, Blocks, Reason, SuppressionCommand};

/// Why mails fail for good, and how often.
pub const FAILURES: &[(f64, Category)] = &[
    (45.0, Category::InvalidRecipient),
    (14.0, Category::MailboxFull),
    (11.0, Category::InactiveRecipient),
    (7.0, Category::InvalidDomain),
    (6.0, Category::PolicyRefused),
    (5.0, Category::SpamContent),
    (4.0, Category::AuthFailed),
    (3.0, Category::ReputationBlock),
    (3.0, Category::ServerError),
    (2.0, Category::RelayDenied),
];

/// Who asks to come back later, how often, and why.
pub const DELAYS: &[(P, f64, Category)] = &[
    (P::Yahoo, 0.12, Category::RateLimited),
    (P::Corporate, 0.07, Category::Greylisted),
    (P::Other, 0.05, Category::Greylisted),
    (P::Gmx, 0.03, Category::Greylisted),
    (P::Microsoft, 0.02, Category::ServerError),
    (P::Gmail, 0.006, Category::RateLimited),
];

/// A mail that shall go out.
pub struct NewMail {
    pub template: &'static str,
    pub cause: Cause,
    pub data: Map<String, Value>,
    pub has_link: bool,
    pub send_before: DateTime<Utc>,
    pub sealed: SealedBy,
    /// Of a hundred such mails, how many fail for good.
    pub failures: f64,
    /// Of a hundred, how many are opened by whoever gets them, link or not.
    pub interest: f64,
}

/// What became of it, as far as the rest of its story depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Delivered(DateTime<Utc>),
    /// It did not arrive, or nobody knows.
    Lost,
}

/// Tells what becomes of mails.
pub struct Post<'a> {
    pub script: &'a mut Script,
    pub chance: &'a mut Chance,
    pub sayings: &'a Sayings,
    /// When Microsoft's servers take nothing.
    pub bad_hour: (DateTime<Utc>, DateTime<Utc>),
}

impl Post<'_> {
    /// Asks for the mail, and tells what becomes of it.
    pub fn send(&mut self, id: MessageId, mail: NewMail, to: &mut Person, at: DateTime<Utc>) -> Fate {
        let about = About {
            message_id: id,
            header: self.script.header(id),
            recipient: to.address.as_str().to_owned(),
            mx_host: to.mx_host,
            template: mail.template,
        };
        let (failures, interest, sealed) = (mail.failures, mail.interest, mail.sealed.clone());
        let requested = Box::new(requested(mail, to, at));
        if to.suppressed_at.is_some_and(|since| since <= at) {
            let command = MessageCommand::RequestSuppressed { requested, reason: SuppressionReason::Bounce };
            self.message(at, id, command, sealed);
            return Fate::Lost;
        }
        self.message(at, id, MessageCommand::Request(requested), sealed);
        match self.hand_over(id, &about, at) {
            Some(sent_at) => self.receive(&about, to, sent_at, failures, interest),
            None => Fate::Lost,
        }
    }

    /// Calls the provider; answers when it took the mail.
    fn hand_over(&mut self, id: MessageId, about: &About, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let calling = at + self.chance.between(TimeDelta::milliseconds(8), TimeDelta::milliseconds(60));
        self.message(calling, id, MessageCommand::RecordCalling { at: calling }, SealedBy::Stream);
        let answered = calling + self.chance.seconds(0.31, 0.45);
        let (mut attempt, mut sent_at) = (1, answered);
        if self.chance.happens(0.001) {
            let reason = "400: to parameter is not a valid address. please check documentation".to_owned();
            self.message(
                answered,
                id,
                MessageCommand::RecordRejected { reason, at: answered },
                SealedBy::Stream,
            );
            return None;
        }
        if self.chance.happens(0.004) {
            let retry_at = answered + self.chance.between(TimeDelta::seconds(1), TimeDelta::seconds(4));
            let error = "503: Service Unavailable".to_owned();
            let failed =
                MessageCommand::RecordSendFailed { attempt, error, ambiguous: false, retry_at, at: answered };
            self.message(answered, id, failed, SealedBy::Stream);
            self.message(retry_at, id, MessageCommand::RecordCalling { at: retry_at }, SealedBy::Stream);
            (attempt, sent_at) = (2, retry_at + self.chance.seconds(0.3, 0.4));
        }
        let provider_message_id = about.header.clone();
        let sent = MessageCommand::RecordSent { attempt, provider_message_id, reply: None, at: sent_at };
        self.message(sent_at, id, sent, SealedBy::Stream);
        Some(sent_at)
    }

    /// What the receiving server makes of it.
    fn receive(
        &mut self,
        about: &About,
        to: &mut Person,
        sent_at: DateTime<Utc>,
        failures: f64,
        interest: f64,
    ) -> Fate {
        let mut at = sent_at + self.travel(to.mailbox);
        let is_bad_hour = to.mailbox == P::Microsoft && (self.bad_hour.0..self.bad_hour.1).contains(&sent_at);
        if is_bad_hour && self.chance.happens(0.75) {
            return self.refuse(about, to, at, 1, Category::Blocklisted);
        }
        if self.chance.happens(0.001) {
            self.post(about, at, Told::NotTried);
            return Fate::Lost;
        }
        if self.chance.happens(0.0025) {
            // Taken, and never heard of again.
            return Fate::Lost;
        }
        let mut attempt = 1;
        let delay = DELAYS.iter().find(|(mailbox, ..)| *mailbox == to.mailbox);
        let (likely, why) = match delay {
            _ if is_bad_hour => (1.0, Category::RateLimited),
            Some((_, likely, why)) => (*likely, *why),
            None => (0.004, Category::ServerError),
        };
        let mut again = likely;
        while attempt <= 4 && self.chance.happens(again) {
            let Some(saying) = self.sayings.of(why, false, to.mailbox, self.chance).cloned() else { break };
            let retry = self.chance.between(TimeDelta::seconds(240), TimeDelta::seconds(900)) * attempt;
            let retry_seconds = retry.num_seconds();
            self.post(about, at, Told::Deferred { saying, attempt: attempt.unsigned_abs(), retry_seconds });
            at += retry + self.travel(to.mailbox);
            attempt += 1;
            again = 0.35;
        }
        let attempt = attempt.unsigned_abs();
        if self.chance.happens(failures / 100.0) {
            let why = *self.chance.weighted(FAILURES);
            return self.refuse(about, to, at, attempt, why);
        }
        self.post(about, at, Told::Delivered { attempt });
        if self.chance.happens(0.0012) {
            let later = at + self.chance.between(TimeDelta::minutes(4), TimeDelta::minutes(50));
            if let Some(saying) =
                self.sayings.of(Category::InvalidRecipient, true, to.mailbox, self.chance).cloned()
            {
                self.post(about, later, Told::Bounced { saying, attempt: 1, delayed: true });
                self.suppress(about, to, later, Reason::HardBounce, Some(Category::InvalidRecipient));
                return Fate::Lost;
            }
        }
        self.look(about, to, at, interest);
        Fate::Delivered(at)
    }

    /// How long a mail is on its way, with a few that take far longer.
    fn travel(&mut self, mailbox: P) -> TimeDelta {
        let (median, spread) = match mailbox {
            P::Gmail => (1.3, 0.5),
            P::Apple => (1.9, 0.5),
            P::Gmx => (2.2, 0.6),
            P::Yahoo => (2.6, 0.7),
            P::Microsoft => (3.4, 0.8),
            P::Corporate => (5.5, 1.0),
            _ => (3.0, 0.9),
        };
        let slow = if self.chance.happens(0.012) { 25.0 } else { 1.0 };
        self.chance.seconds(median * slow, spread)
    }

    fn refuse(
        &mut self,
        about: &About,
        to: &mut Person,
        at: DateTime<Utc>,
        attempt: u32,
        why: Category,
    ) -> Fate {
        if let Some(saying) = self.sayings.of(why, true, to.mailbox, self.chance).cloned() {
            self.post(about, at, Told::Bounced { saying, attempt, delayed: false });
            if matches!(
                why,
                Category::InvalidRecipient | Category::InactiveRecipient | Category::InvalidDomain
            ) {
                self.suppress(about, to, at, Reason::HardBounce, Some(why));
            }
        }
        Fate::Lost
    }

    /// Machines look at once, people later, and few call it spam.
    fn look(&mut self, about: &About, to: &mut Person, delivered_at: DateTime<Utc>, interest: f64) {
        let soon = delivered_at + self.chance.seconds(6.0, 0.8);
        match to.mailbox {
            P::Apple if self.chance.happens(0.7) => self.post(about, soon, Told::Opened(&APPLE_PROXY)),
            P::Corporate if self.chance.happens(0.4) => self.post(about, soon, Told::Opened(&SCANNER)),
            _ => {}
        }
        if self.chance.happens(interest / 100.0) {
            let mut at = delivered_at + self.chance.seconds(240.0, 1.5);
            self.open(about, to, at);
            if self.chance.happens(0.15) {
                at += self.chance.seconds(3_000.0, 1.0);
                self.open(about, to, at);
            }
        }
        if self.chance.happens(0.0006) {
            let at = delivered_at + self.chance.seconds(9_000.0, 0.8);
            self.post(about, at, Told::Complained);
            self.suppress(about, to, at, Reason::Complaint, None);
        }
    }

    /// A person opens it; some mailboxes let their own machine fetch the pixel.
    pub fn open(&mut self, about: &About, to: &Person, at: DateTime<Utc>) {
        let by_proxy = to.mailbox == P::Gmail && self.chance.happens(0.6);
        let reader: &'static Reader = if by_proxy { &GMAIL_PROXY } else { self.chance.pick(&PEOPLE) };
        self.post(about, at, Told::Opened(reader));
    }

    fn suppress(
        &mut self,
        about: &About,
        to: &mut Person,
        evidence_at: DateTime<Utc>,
        reason: Reason,
        category: Option<Category>,
    ) {
        let at = evidence_at + self.chance.between(TimeDelta::seconds(4), TimeDelta::seconds(9));
        let blocks = if reason == Reason::HardBounce { Blocks::Everything } else { Blocks::Bulk };
        let added = Added {
            reason,
            blocks,
            address: to.address.clone().into(),
            category,
            message_id: Some(about.message_id),
            by: "provider".to_owned(),
            at: evidence_at,
        };
        let command = SuppressionCommand::Add(Box::new(added));
        let message = Some(about.message_id);
        self.script.add(at, What::Suppression { stream: to.key.clone(), command, message });
        if blocks == Blocks::Everything {
            to.suppressed_at.get_or_insert(at);
        }
    }

    /// Mailgun's post arrives a moment after what it tells of.
    fn post(&mut self, about: &About, happened_at: DateTime<Utc>, told: Told) {
        let event_data = told.event_data(about, happened_at, self.chance);
        let at = happened_at + self.chance.seconds(0.7, 0.5).min(TimeDelta::seconds(3));
        let also = if self.chance.happens(0.006) { Again::Same } else { Again::Nothing };
        self.script.add(at, What::Post { event_data, on: Some(about.message_id), also });
    }

    fn message(&mut self, at: DateTime<Utc>, id: MessageId, command: MessageCommand, sealed: SealedBy) {
        self.script.add(at, What::Message { id, command, sealed });
    }
}

fn requested(mail: NewMail, to: &Person, at: DateTime<Utc>) -> Requested {
    Requested {
        template: mail.template.to_owned(),
        recipient_key: to.key.clone(),
        mailbox_provider: P::of_domain(to.address.domain()).as_str().to_owned(),
        recipient: to.address.clone().into(),
        provider: "sandbox".to_owned(),
        cause: mail.cause,
        locale: None,
        data: mail.data.into(),
        opens_tracked: true,
        clicks_tracked: mail.has_link,
        send_before: Some(mail.send_before),
        at,
    }
}

/// Values for a template.
pub fn data<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What every mail of a link says.
pub fn link_data(
    to: &Person,
    requested_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    browser: &str,
) -> Map<String, Value> {
    data([
        ("name", json!(to.name)),
        ("requested_at", json!(requested_at)),
        ("expires_at", json!(expires_at)),
        ("browser", json!(browser)),
    ])
}
