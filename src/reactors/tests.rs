//! Events in, verdicts and events out: every reactor on a real log, with a directory and a provider that do
//! as they are told.

mod completions;
mod links;
mod mails;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::work::{self, Settlement};
use super::*;
use crate::accounts::{
    Account, AddressProof, BuiltInDirectory, Directory, DirectoryError, PasswordChange, PasswordWritten,
    Registrations, Role,
};
use crate::clock::{Clock, FixedClock};
use crate::commands::{Commands, Context, LinkPolicies, RequestReset};
use crate::database::DatabaseError;
use crate::database::scratch::Scratch;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, MessageId, RequestId};
use crate::domain::keys::RootKeys;
use crate::domain::message::{HandOver, Message};
use crate::domain::one_time_link::{self, LinkRequestId};
use crate::domain::password_reset::{PasswordReset, PasswordResetCommand, Resetting};
use crate::event_log::{Consumer, EventLog, Keyring, LogEvent};
use crate::providers::{Accepted, LookUpError, OutgoingMail, Provider, SendError};
use crate::rendering::{RenderSettings, Renderer};

type Status = one_time_link::Status<Resetting>;

const ADA: &str = "ada@example.test";
const RECONCILE_AFTER: i64 = 180;

/// A directory that is away when told so.
#[derive(Default)]
struct People(Mutex<PeopleState>);

#[derive(Default)]
struct PeopleState {
    accounts: Vec<Account>,
    is_away: bool,
    applied_attempt: Option<u32>,
    sessions_ended: usize,
}

impl People {
    fn tell(&self, change: impl FnOnce(&mut PeopleState)) {
        change(&mut self.0.lock().unwrap());
    }

    fn ask<T>(&self, answer: impl FnOnce(&mut PeopleState) -> T) -> Result<T, DirectoryError> {
        let mut state = self.0.lock().unwrap();
        if state.is_away {
            return Err(DirectoryError::Unavailable(DatabaseError::Unavailable(sqlx::Error::PoolTimedOut)));
        }
        Ok(answer(&mut state))
    }
}

#[async_trait]
impl Directory for People {
    async fn lookup(&self, address: &EmailAddress) -> Result<Option<Account>, DirectoryError> {
        let is_theirs = |account: &&Account| account.address.normalised() == address.normalised();
        self.ask(|state| state.accounts.iter().find(is_theirs).cloned())
    }

    async fn find(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        self.ask(|state| state.accounts.iter().find(|account| account.id == id).cloned())
    }

    async fn set_password(&self, _: PasswordChange) -> Result<PasswordWritten, DirectoryError> {
        unreachable!("no reactor writes a password")
    }

    async fn prove_address(&self, _: AddressProof) -> Result<PasswordWritten, DirectoryError> {
        unreachable!("no reactor proves an address")
    }

    async fn applied_attempt(&self, _: AccountId, _: LinkRequestId) -> Result<Option<u32>, DirectoryError> {
        self.ask(|state| state.applied_attempt)
    }

    async fn end_sessions(&self, _: AccountId) -> Result<(), DirectoryError> {
        self.ask(|state| state.sessions_ended += 1)
    }

    async fn mark_verified(&self, _: AccountId) -> Result<(), DirectoryError> {
        unreachable!("no reactor verifies an account")
    }
}

/// A provider that answers what it was told to, else that it took the mail.
#[derive(Default)]
struct Post(Mutex<PostState>);

#[derive(Default)]
struct PostState {
    answers: VecDeque<SendError>,
    look_ups: VecDeque<Result<Option<Accepted>, LookUpError>>,
    reply: Option<String>,
    sent: Vec<OutgoingMail>,
}

impl Post {
    fn will_fail(&self, errors: impl IntoIterator<Item = SendError>) {
        self.0.lock().unwrap().answers.extend(errors);
    }

    fn will_reply(&self, reply: &str) {
        self.0.lock().unwrap().reply = Some(reply.into());
    }

    fn will_say(&self, found: Result<Option<Accepted>, LookUpError>) {
        self.0.lock().unwrap().look_ups.push_back(found);
    }

    fn sent(&self) -> Vec<OutgoingMail> {
        self.0.lock().unwrap().sent.clone()
    }
}

#[async_trait]
impl Provider for Post {
    fn name(&self) -> &'static str {
        "post"
    }

    async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let mut state = self.0.lock().unwrap();
        state.sent.push(mail.clone());
        let taken =
            Accepted { provider_message_id: mail.message_id_header.clone(), reply: state.reply.clone() };
        state.answers.pop_front().map_or(Ok(taken), Err)
    }

    async fn find_accepted(
        &self,
        _: MessageId,
        _: &str,
        _: DateTime<Utc>,
    ) -> Result<Option<Accepted>, LookUpError> {
        self.0.lock().unwrap().look_ups.pop_front().expect("nobody expected the provider to be asked")
    }
}

struct Bench {
    scratch: Scratch,
    clock: Arc<FixedClock>,
    log: EventLog,
    commands: Commands,
    people: Arc<People>,
    post: Arc<Post>,
    reactors: Vec<Arc<dyn Reactor>>,
    schedule: ScheduleWork,
    scheduled_to: AtomicI64,
}

impl Bench {
    async fn new() -> Self {
        let scratch = Scratch::new().await;
        let fixed = Arc::new(FixedClock::at(DateTime::from_timestamp(1_767_607_200, 0).unwrap()));
        let clock: Arc<dyn Clock> = fixed.clone();
        let roots = RootKeys::new(["a-root-key-for-tests-a-root-key-for-tests"]).unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let keyring = Keyring::open(&scratch.database, &roots, Arc::clone(&clock)).await.unwrap();
        let log = EventLog::start(scratch.database.clone(), keyring, Arc::clone(&clock), &tasks, stop);
        let commands =
            Commands::new(log.clone(), Arc::clone(&clock), roots, LinkPolicies::default(), 1000, tasks);
        let (people, post) = (Arc::<People>::default(), Arc::<Post>::default());
        let registrations =
            Registrations::new(BuiltInDirectory::new(scratch.database.clone(), Arc::clone(&clock)));
        let reactors = reactors(&commands, &people, &registrations, &post);
        let schedule = ScheduleWork::new(reactors.clone(), clock, watch::Sender::new(()));
        let scheduled_to = AtomicI64::new(0);
        Self { scratch, clock: fixed, log, commands, people, post, reactors, schedule, scheduled_to }
    }

    /// One with an account for Ada.
    async fn with_ada() -> Self {
        let bench = Self::new().await;
        let account = bench.account("Ada@Example.TEST");
        bench.people.tell(|state| state.accounts.push(account));
        bench
    }

    fn account(&self, address: &str) -> Account {
        Account {
            id: AccountId::from_uuid(self.clock.uuid()),
            address: EmailAddress::parse(address).unwrap(),
            name: Some("Ada".into()),
            role: Role::User,
            credential_version: 1,
            disabled: false,
            verified_at: Some(self.clock.now()),
            created_at: self.clock.now(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    async fn request(&self, email: &str) -> RequestId {
        let email = EmailAddress::parse(email).unwrap();
        let request = RequestReset {
            email,
            locale: None,
            redirect_to: None,
            browser: None,
            client: "192.0.2.1".into(),
        };
        self.commands.request_reset(request).await.unwrap().request_id
    }

    /// A request for Ada's password whose link was issued and whose mail is due.
    async fn link(&self) -> (RequestId, MessageId) {
        let request_id = self.request(ADA).await;
        assert_eq!(self.work("issue_reset_link").await, [Verdict::Done]);
        let resets = self.resets().await;
        (request_id, resets.request(request_id).unwrap().link.as_ref().unwrap().message_id)
    }

    /// The same, with its mail handed over.
    async fn mailed_link(&self) -> (RequestId, MessageId) {
        let link = self.link().await;
        assert_eq!(self.work("send_message").await, [Verdict::Done]);
        link
    }

    /// Writes down what the log asks for since last time, and leases what is due of one kind.
    async fn lease(&self, kind: &str) -> Vec<Work> {
        let position = self.scheduled_to.load(Ordering::SeqCst);
        let events = self.log.read_after(position, 1000).await.unwrap().events;
        let mut transaction = self.scratch.database.begin().await.unwrap();
        self.schedule.handle(&events, &mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let last = events.last().map_or(position, |event| event.position);
        self.scheduled_to.store(last, Ordering::SeqCst);
        work::claim(&self.scratch.database, kind, 100, self.now()).await.unwrap()
    }

    /// Does what is due of one kind.
    async fn work(&self, kind: &str) -> Vec<Verdict> {
        let mut verdicts = vec![];
        for work in self.lease(kind).await {
            let id = work.id.clone();
            let verdict = self.reactor(kind).perform(&work).await;
            let settlement = match verdict.clone() {
                Verdict::Done => Settlement::Done { id },
                Verdict::Later { at, why } => Settlement::Later { id, due_at: at, why },
                Verdict::Park { why } => Settlement::Parked { id, at: self.now(), why },
            };
            work::settle(&self.scratch.database, &[settlement]).await.unwrap();
            verdicts.push(verdict);
        }
        verdicts
    }

    fn reactor(&self, kind: &str) -> &dyn Reactor {
        self.reactors.iter().find(|reactor| reactor.kind() == kind).expect("a reactor of this kind").as_ref()
    }

    async fn command(&self, command: PasswordResetCommand) {
        self.commands.links(&self.stream(), command, Context::caused_by("test")).await.unwrap();
    }

    fn stream(&self) -> String {
        self.commands.index_key().stream_key(&EmailAddress::parse(ADA).unwrap()).to_string()
    }

    async fn resets(&self) -> PasswordReset {
        self.commands.load_links(&self.stream()).await.unwrap().aggregate
    }

    async fn status(&self, request_id: RequestId) -> Status {
        self.resets().await.request(request_id).unwrap().status
    }

    async fn message(&self, message_id: MessageId) -> Message {
        self.commands.load_message(message_id).await.unwrap().aggregate
    }

    async fn events(&self) -> Vec<LogEvent> {
        let stretch = self.log.read_after(0, 1000).await.unwrap();
        stretch.events.into_iter().map(|event| event.event).collect()
    }

    /// Types of the events after the first `known`.
    async fn kinds_after(&self, known: i64) -> Vec<String> {
        let stretch = self.log.read_after(known, 1000).await.unwrap();
        stretch.events.into_iter().map(|event| event.event_type).collect()
    }

    async fn position(&self) -> i64 {
        self.log.last_position().await.unwrap()
    }
}

fn reactors(
    commands: &Commands,
    people: &Arc<People>,
    registrations: &Registrations,
    post: &Arc<Post>,
) -> Vec<Arc<dyn Reactor>> {
    let commands = || commands.clone();
    let directory = || -> Arc<dyn Directory> { people.clone() };
    let public_url = Url::parse("https://accounts.example.test").unwrap();
    let reset_page = public_url.join("/reset-password").unwrap();
    let renderer = Renderer::new(&RenderSettings::new(public_url.clone())).unwrap();
    let settings = SendSettings {
        from: "Backstamp <no-reply@example.test>".into(),
        reset_page,
        verify_page: public_url.join("/verify-email").unwrap(),
        message_id_domain: "mail.example.test".into(),
        reconcile_after: Duration::from_secs(RECONCILE_AFTER.unsigned_abs()),
    };
    let mails = || Mails { commands: commands(), provider: "post", track_opens: true };
    vec![
        Arc::new(IssueLinks { issuer: ResetLinks { directory: directory() }, mails: mails() }),
        Arc::new(IssueLinks {
            issuer: VerificationLinks { directory: directory(), registrations: registrations.clone() },
            mails: mails(),
        }),
        Arc::new(SendDueMessages::new(commands(), post.clone(), renderer, settings)),
        Arc::new(SettleCompletions::<Resetting>::new(commands(), directory())),
        Arc::new(ExpireLinks::<Resetting>::new(commands())),
        Arc::new(NotifyAfterPasswordChange { mails: mails(), directory: directory() }),
    ]
}

/// The text after `token=` in the mail's link.
fn token_in(mail: &OutgoingMail) -> String {
    let (_, rest) = mail.text.split_once("?token=").expect("the mail has a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}
