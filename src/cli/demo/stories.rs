//! Whole stories: somebody forgets a password, somebody signs up, somebody is told of a change; strangers try
//! addresses, machines look at links, operators step in. What they do has the shape that the program gives it: the
//! same commands, with the times at which they would have been given.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::calendar::Calendar;
use super::mails::{Fate, NewMail, Post, data, link_data};
use super::oddities;
use super::people::{People, Person};
use super::posts::{About, PEOPLE};
use super::sayings::Sayings;
use super::script::{Script, SealedBy, Step, What};
use crate::domain::address::EmailAddress;
use crate::domain::email_verification::{EmailVerificationCommand, Verifies};
use crate::domain::id::{MessageId, RequestId, VerificationId};
use crate::domain::keys::IndexKey;
use crate::domain::mailbox_provider::MailboxProvider;
use crate::domain::message::Cause;
use crate::domain::one_time_link::{DeclineReason, LinkCommand, LinkPolicy, LinkPurpose, VisitKind};
use crate::domain::password_reset::{PasswordResetCommand, ResetDetails};

/// Mails of a story on average, as the shares below make it.
pub const MAILS_PER_STORY: f64 = 1.53;
/// Of all people, those who have accounts from the beginning.
pub const HERE: f64 = 0.55;

const BROWSERS: [&str; 5] =
    ["Chrome on Windows", "Safari on iPhone", "Chrome on Android", "Firefox on Linux", "Edge on Windows"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plot {
    Reset,
    Registration,
    /// A stranger's guess, or a typing error.
    UnknownAddress,
    /// Somebody signs up where they have an account.
    RegisteredAlready,
    /// The password was changed while signed in.
    Change,
}

const PLOTS: &[(f64, Plot)] = &[
    (58.0, Plot::Reset),
    (30.0, Plot::Registration),
    (6.0, Plot::UnknownAddress),
    (2.0, Plot::RegisteredAlready),
    (4.0, Plot::Change),
];

/// Every step of every day, in the order in which they happen.
pub fn tell(
    calendar: &Calendar,
    now: DateTime<Utc>,
    seed: u64,
    people: &mut People,
    index: &IndexKey,
    mail_domain: &str,
) -> Vec<Step> {
    let mut script = Script::new(index.clone(), mail_domain, calendar.start());
    let sayings = Sayings::gather();
    for (day, mut chance) in calendar.days(seed) {
        let mut post = Post {
            script: &mut script,
            chance: &mut chance,
            sayings: &sayings,
            bad_hour: calendar.bad_hour(),
        };
        for (at, is_busy) in &day.beginnings {
            Teller { post: &mut post, at: *at }.story(people, *is_busy);
        }
        if let Some((at, _)) = day.beginnings.first() {
            oddities::of_the_day(&mut post, day.number, *at, people);
        }
    }
    script.until(now)
}

/// Tells one story.
struct Teller<'a, 'b> {
    post: &'a mut Post<'b>,
    /// When it begins.
    at: DateTime<Utc>,
}

impl Teller<'_, '_> {
    fn story(&mut self, people: &mut People, is_busy: bool) {
        let plot = if is_busy { Plot::Reset } else { *self.post.chance.weighted(PLOTS) };
        let person = match plot {
            Plot::UnknownAddress => return self.unknown_address(),
            Plot::Registration => people.newcomer(self.at),
            _ => people.somebody(self.at, self.post.chance),
        };
        let Some(person) = person else { return };
        match plot {
            Plot::Reset => self.reset(person),
            Plot::Registration => self.registration(person),
            Plot::RegisteredAlready => self.registered_already(person),
            Plot::Change => self.change(person),
            Plot::UnknownAddress => {}
        }
    }

    fn reset(&mut self, person: &mut Person) {
        let ttl = LinkPolicy::default().ttl;
        let (first, about, fate) = self.reset_link(person, self.at);
        if self.post.chance.happens(0.03) {
            // Impatient: too soon for another mail.
            let at = self.at + self.post.chance.between(TimeDelta::seconds(5), TimeDelta::seconds(45));
            self.ask_for_reset(person, at);
        }
        if self.post.chance.happens(0.003) {
            let at = self.at + self.post.chance.between(TimeDelta::minutes(2), TimeDelta::minutes(20));
            let by = "operator".to_owned();
            self.reset_step(person, at, LinkCommand::Revoke { request_id: first, by, at });
            return;
        }
        let late = self.at + TimeDelta::minutes(4);
        let is_late = !matches!(fate, Fate::Delivered(at) if at < late);
        if is_late && self.post.chance.happens(0.45) {
            // Nothing came, so they ask again: the newer link takes over.
            let again = late + self.post.chance.between(TimeDelta::minutes(1), TimeDelta::minutes(9));
            let (second, about, fate) = self.reset_link(person, again);
            let at = self.at + ttl;
            self.reset_step(person, at, LinkCommand::Expire { request_id: first, at });
            self.use_reset(person, second, &about, fate, again + ttl);
        } else {
            self.use_reset(person, first, &about, fate, self.at + ttl);
        }
    }

    /// A link is asked for, made and mailed.
    fn reset_link(&mut self, person: &mut Person, at: DateTime<Utc>) -> (RequestId, About, Fate) {
        let expires_at = at + LinkPolicy::default().ttl;
        let (request_id, browser) = self.ask_for_reset(person, at);
        let issued = at + self.post.chance.between(TimeDelta::milliseconds(20), TimeDelta::milliseconds(240));
        let (message_id, issue) = self.link(person, request_id, issued);
        self.reset_step(person, issued, issue);
        let mailed = issued + TimeDelta::milliseconds(6);
        if person.suppressed_at.is_none() {
            let supersede = LinkCommand::SupersedeOlder { request_id, message_id, at: mailed };
            self.reset_step(person, mailed + TimeDelta::milliseconds(1), supersede);
        }
        let mail = NewMail {
            template: "password-reset",
            cause: Cause::PasswordReset { request_id, stream: person.key.clone() },
            data: link_data(person, at, expires_at, browser),
            has_link: true,
            send_before: expires_at,
            sealed: SealedBy::Reset(person.key.clone()),
            failures: 1.3,
            interest: 6.0,
        };
        let about = self.about(message_id, person, "password-reset");
        let fate = self.post.send(message_id, mail, person, mailed);
        (request_id, about, fate)
    }

    /// A link is made, for a mail.
    fn link<P: LinkPurpose>(
        &mut self,
        person: &Person,
        request_id: P::Id,
        at: DateTime<Utc>,
    ) -> (MessageId, LinkCommand<P>) {
        let message_id = self.post.script.id(at);
        let issue = LinkCommand::IssueLink {
            request_id,
            message_id,
            account_id: person.account,
            credential_version: 1,
            salt: self.post.script.salt(),
            email: person.address.clone(),
            name: Some(person.name.clone()),
            at,
        };
        (message_id, issue)
    }

    fn ask_for_reset(&mut self, person: &Person, at: DateTime<Utc>) -> (RequestId, &'static str) {
        let (request_id, browser) = (self.post.script.id(at), *self.post.chance.pick(&BROWSERS));
        let ask = LinkCommand::Request {
            request_id,
            email: person.address.clone(),
            locale: None,
            browser: Some(browser.to_owned()),
            details: ResetDetails::default(),
            at,
        };
        self.reset_step(person, at, ask);
        (request_id, browser)
    }

    /// What comes of a mailed link.
    fn use_reset(
        &mut self,
        person: &mut Person,
        request_id: RequestId,
        about: &About,
        fate: Fate,
        expires_at: DateTime<Utc>,
    ) {
        let visit = self.visits(person, about, fate, expires_at, 0.88);
        for (at, kind, agent) in visit.seen {
            let user_agent = Some(agent.to_owned());
            self.reset_step(person, at, LinkCommand::Visit { request_id, kind, user_agent, at });
        }
        let done = visit.by_person.filter(|_| self.post.chance.happens(0.92));
        let done = done.map(|at| at + self.post.chance.seconds(38.0, 0.6));
        let Some(at) = done.filter(|at| *at < expires_at) else {
            self.reset_step(person, expires_at, LinkCommand::Expire { request_id, at: expires_at });
            return;
        };
        self.reset_step(person, at, LinkCommand::StartCompletion { request_id, at });
        let at = at + TimeDelta::milliseconds(140);
        self.reset_step(person, at, LinkCommand::Complete { request_id, attempt: 1, at });
        let mailed = at + self.post.chance.between(TimeDelta::milliseconds(20), TimeDelta::milliseconds(200));
        let notice = NewMail {
            template: "password-changed",
            cause: Cause::PasswordChanged { request_id },
            data: data([("name", json!(person.name)), ("changed_at", json!(at))]),
            has_link: false,
            send_before: at + TimeDelta::days(2),
            sealed: SealedBy::Reset(person.key.clone()),
            failures: 0.3,
            interest: 45.0,
        };
        let id = self.post.script.id(mailed);
        self.post.send(id, notice, person, mailed);
    }

    fn registration(&mut self, person: &mut Person) {
        let at = self.at;
        let expires_at = at + TimeDelta::hours(24);
        let (request_id, browser) = self.ask_for_verification(person);
        let issued = at + self.post.chance.between(TimeDelta::milliseconds(30), TimeDelta::milliseconds(300));
        let (message_id, issue) = self.link(person, request_id, issued);
        self.verification_step(person, issued, issue);
        let mail = NewMail {
            template: "email-verification",
            cause: Cause::EmailVerification { request_id, stream: person.key.clone() },
            data: link_data(person, at, expires_at, browser),
            has_link: true,
            send_before: expires_at,
            sealed: SealedBy::Verification(person.key.clone()),
            // People mistype their own addresses.
            failures: 3.4,
            interest: 8.0,
        };
        let about = self.about(message_id, person, "email-verification");
        let fate = self.post.send(message_id, mail, person, issued + TimeDelta::milliseconds(6));
        let visit = self.visits(person, &about, fate, expires_at, 0.8);
        for (at, kind, agent) in visit.seen {
            let user_agent = Some(agent.to_owned());
            self.verification_step(person, at, LinkCommand::Visit { request_id, kind, user_agent, at });
        }
        let done = visit.by_person.filter(|_| self.post.chance.happens(0.95));
        let done = done.map(|at| at + self.post.chance.seconds(20.0, 0.5));
        let Some(at) = done.filter(|at| *at < expires_at) else {
            self.verification_step(person, expires_at, LinkCommand::Expire { request_id, at: expires_at });
            return;
        };
        self.verification_step(person, at, LinkCommand::StartCompletion { request_id, at });
        let at = at + TimeDelta::milliseconds(160);
        self.verification_step(person, at, LinkCommand::Complete { request_id, attempt: 1, at });
        let welcome = NewMail {
            template: "welcome",
            cause: Cause::Welcome { request_id },
            data: data([("name", json!(person.name))]),
            has_link: false,
            send_before: at + TimeDelta::days(2),
            sealed: SealedBy::Verification(person.key.clone()),
            failures: 0.2,
            interest: 38.0,
        };
        let mailed = at + TimeDelta::milliseconds(90);
        let id = self.post.script.id(mailed);
        self.post.send(id, welcome, person, mailed);
    }

    fn ask_for_verification(&mut self, person: &Person) -> (VerificationId, &'static str) {
        let (at, browser) = (self.at, *self.post.chance.pick(&BROWSERS));
        let request_id = self.post.script.id(at);
        let ask = LinkCommand::Request {
            request_id,
            email: person.address.clone(),
            locale: None,
            browser: Some(browser.to_owned()),
            details: Verifies::Registration,
            at,
        };
        self.verification_step(person, at, ask);
        (request_id, browser)
    }

    fn registered_already(&mut self, person: &mut Person) {
        let (request_id, browser) = self.ask_for_verification(person);
        let at = self.at + TimeDelta::milliseconds(120);
        let decline = LinkCommand::Decline { request_id, reason: DeclineReason::AlreadyRegistered, at };
        self.verification_step(person, at, decline);
        let told = NewMail {
            template: "already-registered",
            cause: Cause::AlreadyRegistered { request_id },
            data: data([
                ("name", json!(person.name)),
                ("requested_at", json!(self.at)),
                ("browser", json!(browser)),
            ]),
            has_link: false,
            send_before: at + TimeDelta::days(1),
            sealed: SealedBy::Verification(person.key.clone()),
            failures: 0.5,
            interest: 50.0,
        };
        let id = self.post.script.id(at);
        self.post.send(id, told, person, at + TimeDelta::milliseconds(8));
    }

    fn change(&mut self, person: &mut Person) {
        let notice = NewMail {
            template: "password-changed",
            cause: Cause::AccountChanged { account_id: person.account },
            data: data([("name", json!(person.name)), ("changed_at", json!(self.at))]),
            has_link: false,
            send_before: self.at + TimeDelta::days(2),
            sealed: SealedBy::Fresh(person.key.clone()),
            failures: 0.5,
            interest: 42.0,
        };
        let id = self.post.script.id(self.at);
        self.post.send(id, notice, person, self.at);
    }

    fn unknown_address(&mut self) {
        let name = self.post.chance.digits(7);
        let address = EmailAddress::parse(&format!("guest-{name}@example.com"));
        let address = address.expect("digits make an address");
        let stream = self.post.script.index().stream_key(&address).to_string();
        let (request_id, at) = (self.post.script.id(self.at), self.at);
        let ask = LinkCommand::Request {
            request_id,
            email: address,
            locale: None,
            browser: Some((*self.post.chance.pick(&BROWSERS)).to_owned()),
            details: ResetDetails::default(),
            at,
        };
        self.post.script.add(at, What::Reset { stream: stream.clone(), command: ask });
        let at = at + self.post.chance.between(TimeDelta::milliseconds(20), TimeDelta::milliseconds(240));
        let command = LinkCommand::Decline { request_id, reason: DeclineReason::UnknownAddress, at };
        self.post.script.add(at, What::Reset { stream, command });
    }

    /// Who follows the link, and when; a person opens the mail first.
    fn visits(
        &mut self,
        person: &Person,
        about: &About,
        fate: Fate,
        expires_at: DateTime<Utc>,
        likely: f64,
    ) -> Visits {
        let mut visits = Visits::default();
        let Fate::Delivered(delivered_at) = fate else { return visits };
        if person.mailbox == MailboxProvider::Corporate && self.post.chance.happens(0.5) {
            // A scanner looks behind every link before anybody else does.
            let at =
                delivered_at + self.post.chance.between(TimeDelta::milliseconds(300), TimeDelta::seconds(2));
            visits.seen.push((at, VisitKind::Link, "Mozilla/5.0"));
        }
        let at = delivered_at + self.post.chance.seconds(75.0, 1.1).max(TimeDelta::seconds(6));
        if self.post.chance.happens(likely) && at < expires_at {
            let agent = self.post.chance.pick(&PEOPLE[..4]).agent;
            let opened = at - self.post.chance.between(TimeDelta::seconds(2), TimeDelta::seconds(4));
            if self.post.chance.happens(0.8) {
                self.post.open(about, person, opened);
            }
            visits.seen.push((at, VisitKind::Link, agent));
            visits.seen.push((at + TimeDelta::milliseconds(180), VisitKind::Page, agent));
            visits.by_person = Some(at);
        }
        visits
    }

    fn about(&self, message_id: MessageId, person: &Person, template: &'static str) -> About {
        About {
            message_id,
            header: self.post.script.header(message_id),
            recipient: person.address.as_str().to_owned(),
            mx_host: person.mx_host,
            template,
        }
    }

    fn reset_step(&mut self, person: &Person, at: DateTime<Utc>, command: PasswordResetCommand) {
        self.post.script.add(at, What::Reset { stream: person.key.clone(), command });
    }

    fn verification_step(&mut self, person: &Person, at: DateTime<Utc>, command: EmailVerificationCommand) {
        self.post.script.add(at, What::Verification { stream: person.key.clone(), command });
    }
}

/// Who followed a link.
#[derive(Default)]
struct Visits {
    seen: Vec<(DateTime<Utc>, VisitKind, &'static str)>,
    by_person: Option<DateTime<Utc>>,
}
