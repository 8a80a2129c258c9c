//! `backstamp demo`: a sandbox with thirty days of plausible traffic, so that nobody's first look is at an empty
//! dashboard.
//!
//! The stories are told through the same doors as everything else, events by commands and posts by the inbox, only
//! with times of the past; whatever reads the log finds what it always finds. Must never touch a database that holds
//! anything, and never send anything: whom it invents lives at domains that are reserved for examples.

mod calendar;
mod chance;
mod mails;
mod oddities;
mod people;
mod player;
mod posts;
mod sayings;
mod script;
mod stories;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{BuiltInDirectory, LineFault, NewAccount, PasswordHasher, Report, Role};
use crate::app;
use crate::clock::{Clock, FixedClock, SystemClock};
use crate::config::Config;
use crate::database::{Database, DatabaseError};
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;
use crate::domain::keys::RootKeys;
use crate::event_log::{EventLog, Keyring};
use crate::inbox::Inbox;
use crate::providers::mailgun::SigningKeys;
use crate::telemetry::Metrics;
use calendar::Calendar;
use chance::Chance;
use people::{Invented, People};
use player::Player;

/// Who may look at it.
const OPERATOR: &str = "operator@example.test";
/// Mails for each invented person, about.
const MAILS_PER_PERSON: u32 = 3;

/// What the demo shall be like.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// How many mails, about.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(50..=200_000))]
    pub messages: u32,
    /// Which stories: the same seed tells the same ones of the same days. Ids and keys are new each time.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Another database than a file in the demo's own folder, `sqlite://PATH` or `postgres://…`; it must be empty.
    #[arg(long, value_name = "URL")]
    pub into: Option<String>,
    /// Fill the database and stop.
    #[arg(long)]
    pub no_serve: bool,
}

/// The demo's own configuration: a folder and a database beside the real ones, whatever those are.
pub fn configure(mut config: Config, arguments: &Arguments) -> anyhow::Result<Config> {
    ensure!(
        config.is_sandboxed(),
        "a demo is for the sandbox, and BACKSTAMP_MAIL_PROVIDER is {}; run it with BACKSTAMP_MAIL_PROVIDER=sandbox",
        config.mail.provider.name()
    );
    config.data_dir = config.data_dir.join("demo");
    config.sandbox.mailbox = config.data_dir.join("sandbox.db");
    config.database_url = match &arguments.into {
        Some(url) => url.clone().into(),
        None => own_database(&config.data_dir).into(),
    };
    Ok(config)
}

/// Tells the stories into the database of this configuration, which must have its keys. Afterwards its sandbox signs
/// with the key that has signed the stories' posts.
pub async fn fill(config: &mut Config, arguments: &Arguments) -> anyhow::Result<()> {
    let since = tokio::time::Instant::now();
    let now = SystemClock.now();
    let url = config.database_url.expose_secret().to_owned();
    refuse_unless_empty(&url, config, arguments).await?;
    let database = app::open_database(&url).await?;
    let roots = RootKeys::new(config.keys.secret.iter().map(ExposeSecret::expose_secret))
        .context("there is no secret key")?;
    let signing_key: SecretString = hex::encode(roots.current().derive("demo webhooks").as_slice()).into();
    config.sandbox.signing_keys = vec![signing_key.clone()];

    let calendar = Calendar::new(now, f64::from(arguments.messages) / stories::MAILS_PER_STORY);
    let clock = Arc::new(FixedClock::at(calendar.start()));
    let keyring = Keyring::open(&database, &roots, Arc::new(SystemClock)).await?;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let log = EventLog::start(database.clone(), keyring.clone(), clock.clone(), &tasks, stop.clone());
    let inbox = Inbox::start(
        database.clone(),
        SigningKeys::new(vec![signing_key.clone()]),
        config.webhook_max_age,
        Arc::new(keyring.clone()),
        clock.clone(),
        Metrics::new([]),
        &tasks,
    );

    // Day 0 is told of by nobody: the people are the same whatever the days.
    let invented = people::invent(
        (arguments.messages / MAILS_PER_PERSON).max(10) as usize,
        &mut Chance::of(arguments.seed, 0),
    );
    let accounts = import(&database, &invented, clock.clone()).await?;
    let mut people = People::new(invented, &accounts, keyring.index(), stories::HERE);
    let mail_domain = config.sandbox.domain.clone();
    let steps = stories::tell(&calendar, now, arguments.seed, &mut people, keyring.index(), &mail_domain);

    let player = Player { log: log.clone(), inbox, clock: clock.clone(), signing_key };
    let progress = Progress::new(steps.len());
    let events = player.play(&steps, |played| progress.played(played)).await?;
    clock.set(now);
    player.settle_posts(roots).await?;
    player.fold(|name| progress.folded(name)).await?;
    progress.done();

    stop.cancel();
    drop((player, log));
    tasks.close();
    tasks.wait().await;
    let password = add_operator(&database).await?;
    database.close().await;
    tell_how_to_open(config, arguments, events, since.elapsed(), &password);
    Ok(())
}

/// What holds anything stays as it is: not even its tables are brought up to date.
async fn refuse_unless_empty(url: &str, config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let database = Database::connect(url).await?;
    let is_empty = is_empty(&database).await;
    database.close().await;
    match (is_empty.context("the database cannot be looked at")?, &arguments.into) {
        (true, _) => Ok(()),
        (false, Some(_)) => bail!("the database is not empty, and a demo is told only into an empty one"),
        (false, None) => bail!(
            "there is a demo in {folder} already. Look at it again:\n\n  {again}\n\nor remove the folder and begin \
             anew: rm -r {folder}",
            folder = config.data_dir.display(),
            again = reopen(config, arguments),
        ),
    }
}

/// Whether it has no tables, or ours with nothing in them: where a server has run, there are checkpoints.
async fn is_empty(database: &Database) -> Result<bool, DatabaseError> {
    let sql = database.dialect().pick(
        "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = current_schema()",
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    );
    let rows = database.fetch_all(sql, &[]).await?;
    let tables = rows.iter().map(|row| row.text("name")).collect::<Result<Vec<_>, _>>()?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if !tables.is_empty() && !has("_sqlx_migrations") {
        return Ok(false);
    }
    for table in ["events", "accounts", "webhooks", "checkpoints"] {
        let sql = format!("SELECT 1 AS one FROM {table} LIMIT 1");
        if has(table) && database.fetch_optional(&sql, &[]).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Accounts for everybody; nobody knows their passwords.
async fn import(
    database: &Database,
    people: &[Invented],
    clock: Arc<FixedClock>,
) -> anyhow::Result<HashMap<String, AccountId>> {
    let directory = BuiltInDirectory::new(database.clone(), clock);
    let lines: String = people
        .iter()
        .map(|person| {
            format!(
                "{}\n",
                json!({ "email": person.address.as_str(), "name": person.name, "verified": true })
            )
        })
        .collect();
    directory.import(lines.as_bytes(), &mut Strict).await?;
    let mut accounts = HashMap::new();
    let mut last = None;
    loop {
        let page = directory.list(last, 500).await?;
        let Some(account) = page.last() else { return Ok(accounts) };
        last = Some(account.id);
        accounts.extend(page.iter().map(|account| (account.address.normalised().to_owned(), account.id)));
    }
}

/// Nothing that was invented can be refused.
struct Strict;

impl Report for Strict {
    fn fault(&mut self, fault: LineFault) {
        tracing::error!(line = fault.line, reason = %fault.reason, "an invented account was refused");
    }
}

async fn add_operator(database: &Database) -> anyhow::Result<SecretString> {
    let mut bytes = [0; 12];
    SystemClock.fill(&mut bytes);
    let password: SecretString = URL_SAFE_NO_PAD.encode(bytes).into();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let hasher = PasswordHasher::new(Arc::clone(&clock));
    let account = NewAccount {
        address: EmailAddress::parse(OPERATOR).context("the operator's address")?,
        name: Some("Operator".to_owned()),
        role: Role::Admin,
        verified: true,
        password_hash: hasher.hash(password.clone()).await?,
    };
    BuiltInDirectory::new(database.clone(), clock)
        .add(account)
        .await
        .context("the operator was not added")?;
    Ok(password)
}

fn tell_how_to_open(
    config: &Config,
    arguments: &Arguments,
    events: i64,
    took: Duration,
    password: &SecretString,
) {
    let dashboard = config.http.public_url.join("dashboard").map(String::from).unwrap_or_default();
    println!("\n  {events} events of {} days, told in {:.1} s", calendar::DAYS, took.as_secs_f64());
    println!("\n  dashboard  {dashboard}");
    println!("  log in as  {OPERATOR}");
    println!("  password   {}   (shown this once)", password.expose_secret());
    println!("\n  open it again with\n  {}\n", reopen(config, arguments));
}

/// The command that serves it.
fn reopen(config: &Config, arguments: &Arguments) -> String {
    let folder: &Path = &config.data_dir;
    let url = match &arguments.into {
        // It may hold a password.
        Some(url) if url.starts_with("postgres") => "…".to_owned(),
        Some(url) => url.clone(),
        None => own_database(folder),
    };
    format!("BACKSTAMP_DATA_DIR={} BACKSTAMP_DATABASE_URL={url} backstamp", folder.display())
}

/// In its folder. The path stands in a URL: what has a meaning there is percent-encoded.
fn own_database(folder: &Path) -> String {
    let path = folder.join("backstamp.db").display().to_string();
    format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F"))
}

/// A bar on a terminal, lines elsewhere.
struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    fn new(steps: usize) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        if !is_terminal {
            eprintln!("telling {steps} steps");
        }
        let style = ProgressStyle::with_template("{msg:14} {bar:40} {pos}/{len} steps, {eta} left")
            .expect("the template is well-formed");
        let bar = ProgressBar::new(steps as u64).with_style(style).with_message("stories");
        Self { bar, is_terminal }
    }

    fn played(&self, steps: usize) {
        let before = self.quarter();
        self.bar.inc(steps as u64);
        if !self.is_terminal && self.quarter() > before {
            eprintln!("{} % told", self.quarter() * 25);
        }
    }

    fn folded(&self, name: &'static str) {
        self.bar.set_message(name);
        if !self.is_terminal {
            eprintln!("{name} folded");
        }
    }

    fn quarter(&self) -> u64 {
        self.bar.position() * 4 / self.bar.length().unwrap_or(1).max(1)
    }

    fn done(&self) {
        self.bar.finish_and_clear();
    }
}
