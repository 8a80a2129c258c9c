//! The composition root: the one place that knows every other, and how to start and stop them.

mod housekeeping;
mod mail;
mod readiness;
mod settings;
mod standing;

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use poem::listener::TcpAcceptor;
use poem::{Endpoint, EndpointExt, Server};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::accounts::{BuiltInDirectory, Directory, FailedLogIns, PasswordHasher, Registrations, Sessions};
use crate::api_keys::ApiKeys;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::Config;
use crate::database::Database;
use crate::dead_letters::DeadLetters;
use crate::disclosures::Disclosures;
use crate::domain::email_verification::Verifying;
use crate::domain::id::WebhookId;
use crate::domain::keys::RootKeys;
use crate::domain::password_reset::Resetting;
use crate::event_log::{EventLog, Keyring, Subscription};
use crate::http::{self, HttpState, Patient, Scrape};
use crate::idempotency::{self, IdempotencyKeys};
use crate::inbox::{self, BodySealer, Inbox, InboxWorker};
use crate::projections;
use crate::queries::{self, Feed, Queries};
use crate::reactors::{
    self, AskAboutSilentMessages, ExpireLinks, ForgetUnknownAddresses, ForgetUnverifiedAddresses, IssueLinks,
    LiftAfterProof, Mails, NotifyAfterAccountChange, NotifyAfterPasswordChange, Reactor, ResetLinks,
    ScheduleAccountChanges, ScheduleWork, SendDueMessages, SendSettings, SettleCompletions,
    SuppressAfterHardBounce, TellOwnerOfRegistration, VerificationLinks, WelcomeAfterVerification, Workers,
};
use crate::rendering::{RenderSettings, Renderer};
use crate::telemetry::Metrics;
use mail::Mail;
pub use mail::smtp_client;
use settings::{http_settings, policies, session_policy};

/// How long a start waits for a database that is away.
const DATABASE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a stop waits for requests in flight, and then for workers.
const DRAIN: Duration = Duration::from_secs(10);

/// A running program.
pub struct App {
    address: SocketAddr,
    database: Database,
    commands: Commands,
    log: EventLog,
    tasks: TaskTracker,
    stop: CancellationToken,
    mail: Mail,
    /// Held for as long as the program runs on SQLite, so that no second one does.
    _lock: Option<File>,
}

impl App {
    /// Starts everything. The configuration must have its keys.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let database_url = config.database_url.expose_secret();
        let database = open_database(database_url).await?;
        let lock = lock_sqlite(database_url)?;
        if lock.is_some() {
            // The only process: whatever was leased belongs to one that is gone.
            reactors::release_leases(&database).await?;
            inbox::release_all(&database).await?;
            idempotency::release_all(&database).await?;
        }
        let roots = RootKeys::new(config.keys.secret.iter().map(ExposeSecret::expose_secret))
            .context("there is no secret key")?;
        let keyring = Keyring::open(&database, &roots, Arc::clone(&clock)).await?;
        let log =
            EventLog::start(database.clone(), keyring.clone(), Arc::clone(&clock), &tasks, stop.clone());
        let per_client = config.http.requests_per_ip_per_hour;
        let commands = Commands::new(
            log.clone(),
            Arc::clone(&clock),
            roots.clone(),
            policies(&config)?,
            per_client,
            tasks.clone(),
        );

        let renderer = renderer(&config)?;
        let metrics = Metrics::new(renderer.mail_names());
        let scrape: Arc<dyn Scrape> =
            Arc::new(standing::Observer::new(metrics.clone(), database.clone(), log.clone()));
        let listener = bind(config.http.listen, "BACKSTAMP_LISTEN and BACKSTAMP_PUBLIC_URL").await?;
        let metrics_listener = match config.http.metrics_listen {
            Some(address) => Some(bind(address, "BACKSTAMP_METRICS_LISTEN").await?),
            None => None,
        };
        let address = listener.local_addr()?;
        let clock_of_mail = Arc::clone(&clock);
        let mail =
            Mail::start(&config, address, &database, clock_of_mail, metrics.clone(), stop.clone()).await?;
        let inbox = Inbox::start(
            database.clone(),
            mail.signing_keys.clone(),
            config.webhook_max_age,
            Arc::new(keyring.clone()),
            Arc::clone(&clock),
            metrics.clone(),
            &tasks,
        );
        let accounts = BuiltInDirectory::new(database.clone(), Arc::clone(&clock));
        let sessions = Sessions::new(database.clone(), Arc::clone(&clock), session_policy(&config)?);
        let failed_log_ins =
            FailedLogIns::new(database.clone(), Arc::clone(&clock), keyring.index().clone(), per_client);
        let registrations = Registrations::new(accounts.clone());
        let app = Self {
            address,
            database: database.clone(),
            commands: commands.clone(),
            log: log.clone(),
            tasks,
            stop,
            mail,
            _lock: lock,
        };
        app.follow_the_log(&config, &accounts, &registrations, &renderer, &inbox, &clock);
        let volume = Arc::new(projections::Volume::new(metrics.clone(), log.clone()));
        app.tasks.spawn(Subscription::new(log.clone(), volume).run(app.stop.clone()));
        let worker = InboxWorker::new(database.clone(), inbox.clone(), commands.clone());
        app.tasks.spawn(worker.run(app.stop.clone()));
        let chores = housekeeping::Chores {
            log: log.clone(),
            registrations: registrations.clone(),
            sessions: sessions.clone(),
            failed_log_ins: failed_log_ins.clone(),
        };
        app.tasks.spawn(chores.run(app.stop.clone()));
        let sandbox = app.mail.sandbox_routes(&renderer).map(|routes| routes.boxed());
        let state = HttpState {
            commands,
            queries: Queries::new(
                database.clone(),
                Arc::clone(&clock),
                queries::Settings { is_sandbox: config.is_sandboxed() },
            ),
            feed: Feed::new(log.clone()),
            stop: app.stop.clone(),
            inbox,
            dead_letters: DeadLetters::new(database.clone(), Arc::clone(&clock)),
            disclosures: Disclosures::new(database.clone(), Arc::clone(&clock)),
            directory: Arc::new(accounts.clone()),
            accounts,
            sessions,
            failed_log_ins,
            api_keys: ApiKeys::new(database.clone(), Arc::clone(&clock)),
            registrations,
            idempotency_keys: IdempotencyKeys::new(
                database.clone(),
                log.keyring().index().clone(),
                Arc::clone(&clock),
            ),
            hasher: PasswordHasher::new(Arc::clone(&clock)),
            policy: config.password_policy,
            renderer,
            settings: http_settings(&config, &roots, app.mail.provider.name())?,
            clock,
            readiness: Arc::new(readiness::Dependencies::new(database, log)),
            metrics: metrics.clone(),
            scrape: Arc::clone(&scrape),
            sandbox,
        };
        let patient = |listener| -> anyhow::Result<Patient> {
            let proxies = config.http.trusted_proxies.clone();
            Ok(Patient::new(TcpAcceptor::from_tokio(listener)?, proxies, metrics.clone()))
        };
        app.serve(patient(listener)?, http::routes(state));
        if let Some(listener) = metrics_listener {
            app.serve(patient(listener)?, http::metrics_routes(scrape));
        }
        Ok(app)
    }

    /// Projections and reactors, each from where it stands.
    fn follow_the_log(
        &self,
        config: &Config,
        accounts: &BuiltInDirectory,
        registrations: &Registrations,
        renderer: &Renderer,
        inbox: &Inbox,
        clock: &Arc<dyn Clock>,
    ) {
        for projection in projections::all() {
            let subscription = Subscription::new(self.log.clone(), projection);
            self.tasks.spawn(subscription.run(self.stop.clone()));
        }
        let scheduled = watch::Sender::new(());
        let workers = Workers::new(
            self.database.clone(),
            Arc::clone(clock),
            scheduled.clone(),
            self.tasks.clone(),
            self.stop.clone(),
        );
        let reactors = self.reactors(config, accounts, registrations, renderer, inbox);
        for reactor in &reactors {
            workers.start(Arc::clone(reactor));
        }
        let changes = ScheduleAccountChanges::new(
            self.database.clone(),
            accounts.clone(),
            Arc::clone(clock),
            scheduled.clone(),
        );
        self.tasks.spawn(changes.run(self.stop.clone()));
        let schedule = Arc::new(ScheduleWork::new(reactors, Arc::clone(clock), scheduled));
        self.tasks.spawn(Subscription::new(self.log.clone(), schedule).run(self.stop.clone()));
    }

    fn reactors(
        &self,
        config: &Config,
        accounts: &BuiltInDirectory,
        registrations: &Registrations,
        renderer: &Renderer,
        inbox: &Inbox,
    ) -> Vec<Arc<dyn Reactor>> {
        let commands = || self.commands.clone();
        let directory = || -> Arc<dyn Directory> { Arc::new(accounts.clone()) };
        let mails = || Mails {
            commands: commands(),
            provider: self.mail.provider.name(),
            track_opens: config.mail.track_opens && self.mail.sees_opens,
        };
        let settings = SendSettings {
            from: config.mail.from.to_string(),
            reset_page: config.reset.page.clone(),
            verify_page: config.verification.page.clone(),
            message_id_domain: self.mail.domain.clone(),
            reconcile_after: config.mail.reconcile_after,
        };
        let silence = AskAboutSilentMessages {
            commands: commands(),
            provider: Arc::clone(&self.mail.provider),
            inbox: inbox.clone(),
            silent_after: config.mail.silent_after,
            message_id_domain: self.mail.domain.clone(),
        };
        let provider_client = Arc::clone(&self.mail.provider);
        vec![
            Arc::new(silence),
            Arc::new(IssueLinks { issuer: ResetLinks { directory: directory() }, mails: mails() }),
            Arc::new(IssueLinks {
                issuer: VerificationLinks { directory: directory(), registrations: registrations.clone() },
                mails: mails(),
            }),
            Arc::new(SendDueMessages::new(commands(), provider_client, renderer.clone(), settings)),
            Arc::new(SettleCompletions::<Resetting>::new(commands(), directory())),
            Arc::new(SettleCompletions::<Verifying>::new(commands(), directory())),
            Arc::new(ExpireLinks::<Resetting>::new(commands())),
            Arc::new(ExpireLinks::<Verifying>::new(commands())),
            Arc::new(SuppressAfterHardBounce { commands: commands() }),
            Arc::new(LiftAfterProof { commands: commands() }),
            Arc::new(ForgetUnknownAddresses { commands: commands() }),
            Arc::new(ForgetUnverifiedAddresses { commands: commands() }),
            Arc::new(NotifyAfterPasswordChange { mails: mails(), directory: directory() }),
            Arc::new(TellOwnerOfRegistration { mails: mails(), directory: directory() }),
            Arc::new(WelcomeAfterVerification { mails: mails(), directory: directory() }),
            Arc::new(NotifyAfterAccountChange { mails: mails(), accounts: accounts.clone() }),
        ]
    }

    fn serve(&self, acceptor: Patient, routes: impl Endpoint + 'static) {
        let server = Server::new_with_acceptor(acceptor);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let stopped = stop.clone().cancelled_owned();
            if let Err(error) = server.run_with_graceful_shutdown(routes, stopped, Some(DRAIN)).await {
                tracing::error!(%error, "the server no longer listens");
                stop.cancel();
            }
        });
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of its URLs on this machine.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("an address makes a URL")
    }

    /// The write side, for whoever feeds the log directly.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// The log.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Ends when something inside makes going on impossible.
    pub async fn failed(&self) {
        self.stop.cancelled().await;
    }

    /// Refuses new work, finishes what is in flight, writes what is queued.
    pub async fn stop(self) {
        let Self { database, tasks, stop, mail, commands, log, .. } = self;
        stop.cancel();
        // The writers end when nobody can hand them anything any more.
        drop((commands, log));
        tasks.close();
        if tokio::time::timeout(DRAIN * 2, tasks.wait()).await.is_err() {
            tracing::warn!("not everything in flight was finished in time");
        }
        mail.stopped().await;
        database.close().await;
    }
}

impl BodySealer for Keyring {
    fn seal(&self, id: WebhookId, body: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.seal_once(&id.to_string(), body)
    }

    fn open(&self, id: WebhookId, body: &[u8], wrapped_key: &[u8]) -> Option<Vec<u8>> {
        self.open_once(&id.to_string(), body, wrapped_key)
    }
}

/// Pages and mails, as configured.
fn renderer(config: &Config) -> anyhow::Result<Renderer> {
    let renderer = Renderer::new(&RenderSettings {
        public_url: config.http.public_url.clone(),
        reset_page: config.reset.page.clone(),
        brand: config.brand.clone(),
        folder: config.templates.clone(),
    })?;
    for stranger in renderer.strangers() {
        tracing::warn!("{stranger}");
    }
    Ok(renderer)
}

/// Connects and brings the tables up to date, waiting a while for a database that is away.
pub async fn open_database(url: &str) -> anyhow::Result<Database> {
    let since = tokio::time::Instant::now();
    let mut told = false;
    loop {
        let opened = async {
            let database = Database::connect(url).await?;
            database.migrate().await.map(|()| database)
        };
        match opened.await {
            Ok(database) => return Ok(database),
            Err(error) if error.is_transient() && since.elapsed() < DATABASE_PATIENCE => {
                if !told {
                    tracing::warn!(%error, "waiting for the database");
                    told = true;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error).context("the database cannot be used"),
        }
    }
}

/// Whoever finds the port taken is told what sets another.
async fn bind(address: SocketAddr, settings: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; another address is set with {settings}"))
}

/// Keeps a second `serve` off a SQLite file; other subcommands may run beside it.
fn lock_sqlite(url: &str) -> anyhow::Result<Option<File>> {
    let Some(path) = url.strip_prefix("sqlite://") else { return Ok(None) };
    let path = format!("{}.lock", path.split('?').next().unwrap_or(path));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {path}"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!("another backstamp serves this database already ({path} is locked); stop it first")
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {path}")),
    }
}
