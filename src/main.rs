//! Reads the command line and the configuration, starts what was asked for, runs until told to stop.

#![forbid(unsafe_code)]

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use backstamp::accounts::{BuiltInDirectory, PasswordHasher};
use backstamp::api_keys::ApiKeys;
use backstamp::app::{self, App};
use backstamp::cli::doctor::Report;
use backstamp::cli::{self, AccountsCommand, Cli, Command, KeysCommand, TemplatesCommand, WebhooksCommand};
use backstamp::clock::{Clock, SystemClock};
use backstamp::config::{BounceConfig, Config, LogConfig, PresentationConfig, SandboxConfig, Sources};
use backstamp::database::Database;
use backstamp::disclosures::Disclosures;
use backstamp::domain::bounce;
use backstamp::domain::keys::RootKeys;
use backstamp::event_log::{EventLog, Keyring};
use backstamp::queries::{self, Queries};
use backstamp::rendering::{RenderSettings, Renderer};
use backstamp::sandbox::{Pace, Sandbox, SandboxSettings};
use backstamp::telemetry;
use clap::Parser;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("backstamp: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let sources = Sources::of_this_process();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&sources).await,
        Command::Migrate => open_database(&sources).await.map(|_| println!("the tables are up to date")),
        Command::Rebuild { projection } => rebuild(&sources, projection.as_deref()).await,
        Command::Accounts(command) => accounts(&sources, command).await,
        Command::Keys(command) => keys(&sources, command).await,
        Command::Webhooks(WebhooksCommand::Register { url }) => register_webhooks(&sources, url).await,
        Command::Doctor { json } => doctor(&sources, json).await,
        Command::Message(arguments) => message(&sources, &arguments).await,
        Command::Tail(arguments) => tail(&sources, &arguments).await,
        Command::Explain { diagnostic, ndjson } => explain(&sources, diagnostic.as_deref(), ndjson),
        Command::Demo(arguments) => demo(&sources, &arguments).await,
        Command::Sandbox => sandbox(&sources).await,
        Command::Templates(command) => templates(&sources, command),
        Command::Healthcheck => cli::healthcheck::run(Config::load(&sources)?.http.listen).await,
        Command::Completions { shell } => {
            cli::completions(shell);
            Ok(())
        }
    }
}

async fn serve(sources: &Sources) -> anyhow::Result<()> {
    run_server(configuration(sources)?).await
}

/// Tells the stories in silence, then serves them with the log of a server.
async fn demo(sources: &Sources, arguments: &cli::demo::Arguments) -> anyhow::Result<()> {
    let mut config = cli::demo::configure(Config::load(sources)?, arguments)?;
    config.bounce.install()?;
    config.load_or_create_keys(&SystemClock)?;
    cli::demo::fill(&mut config, arguments).await?;
    if arguments.no_serve {
        return Ok(());
    }
    telemetry::init(&config.log)?;
    run_server(config).await
}

async fn run_server(config: Config) -> anyhow::Result<()> {
    let public_url = config.http.public_url.clone();
    let is_sandboxed = config.is_sandboxed();
    let app = App::start(config, Arc::new(SystemClock)).await?;
    tracing::info!(address = %app.address(), %public_url, "backstamp serves");
    if is_sandboxed && std::io::stderr().is_terminal() {
        let url = app.url();
        eprintln!("\n  pages     {url}forgot-password\n  mailbox   {url}sandbox\n  API       {url}docs\n");
    }
    tokio::select! {
        () = told_to_stop() => tracing::info!("stopping"),
        () = app.failed() => {}
    }
    app.stop().await;
    Ok(())
}

async fn rebuild(sources: &Sources, projection: Option<&str>) -> anyhow::Result<()> {
    cli::rebuild::run(&log(&configuration(sources)?).await?, projection).await
}

async fn message(sources: &Sources, arguments: &cli::message::Arguments) -> anyhow::Result<()> {
    let config = configuration(sources)?;
    let (log, clock): (_, Arc<dyn Clock>) = (log(&config).await?, Arc::new(SystemClock));
    let settings = queries::Settings { is_sandbox: config.is_sandboxed() };
    let queries = Queries::new(log.database().clone(), Arc::clone(&clock), settings);
    let disclosures = Disclosures::new(log.database().clone(), clock);
    cli::message::run(&queries, &log, &disclosures, arguments).await
}

async fn tail(sources: &Sources, arguments: &cli::tail::Arguments) -> anyhow::Result<()> {
    let log = log(&configuration(sources)?).await?;
    tokio::select! {
        done = cli::tail::run(&log, arguments) => done,
        () = told_to_stop() => Ok(()),
    }
}

async fn accounts(sources: &Sources, command: AccountsCommand) -> anyhow::Result<()> {
    let config = configuration(sources)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let directory = BuiltInDirectory::new(connect(&config).await?, Arc::clone(&clock));
    match command {
        AccountsCommand::Add(account) => {
            let hasher = PasswordHasher::new(clock);
            cli::accounts::add(&directory, &hasher, &config.password_policy, account).await
        }
        AccountsCommand::List => cli::accounts::list(&directory).await,
        AccountsCommand::Import { file } => cli::accounts::import::run(&directory, &file).await,
        AccountsCommand::Disable(one) => {
            cli::accounts::change(&directory, one, cli::accounts::Change::Disable).await
        }
        AccountsCommand::Enable(one) => {
            cli::accounts::change(&directory, one, cli::accounts::Change::Enable).await
        }
        AccountsCommand::Delete(one) => {
            cli::accounts::change(&directory, one, cli::accounts::Change::Delete).await
        }
    }
}

async fn keys(sources: &Sources, command: KeysCommand) -> anyhow::Result<()> {
    let config = configuration(sources)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = ApiKeys::new(connect(&config).await?, clock);
    match command {
        KeysCommand::Create(key) => cli::keys::create(&keys, key).await,
        KeysCommand::List => cli::keys::list(&keys, SystemClock.now()).await,
        KeysCommand::Revoke { id } => cli::keys::revoke(&keys, id).await,
    }
}

async fn register_webhooks(sources: &Sources, url: Option<String>) -> anyhow::Result<()> {
    let config = configuration(sources)?;
    let account = cli::webhooks::account(&config, Arc::new(SystemClock))?
        .context("webhooks are registered at Mailgun, and BACKSTAMP_MAIL_PROVIDER is not mailgun")?;
    let url = url.unwrap_or_else(|| cli::webhooks::endpoint(&config.http.public_url));
    cli::webhooks::register(&account, &url).await
}

/// Looks at everything, and fails if something does not work.
async fn doctor(sources: &Sources, as_json: bool) -> anyhow::Result<()> {
    let report = Report::new(cli::doctor::examine(Config::load(sources), Arc::new(SystemClock)).await);
    report.print(as_json)?;
    if report.healthy { Ok(()) } else { bail!("something does not work") }
}

fn templates(sources: &Sources, command: TemplatesCommand) -> anyhow::Result<()> {
    let config = PresentationConfig::load(sources)?;
    let folder = match &command {
        TemplatesCommand::Check { folder: Some(folder) } => Some(folder.clone()),
        _ => config.templates,
    };
    let renderer = Renderer::new(&RenderSettings {
        public_url: config.public_url,
        reset_page: config.reset_page,
        brand: config.brand,
        folder: folder.clone(),
    })?;
    match command {
        TemplatesCommand::List => cli::templates::list(&renderer)?,
        TemplatesCommand::Preview(preview) => cli::templates::preview(&renderer, &preview)?,
        TemplatesCommand::Check { .. } => cli::templates::check(&renderer, folder.as_deref())?,
    }
    Ok(())
}

fn explain(sources: &Sources, diagnostic: Option<&str>, ndjson: bool) -> anyhow::Result<()> {
    BounceConfig::load(sources)?.install()?;
    let rules = bounce::installed();
    let mut output = std::io::stdout().lock();
    let done = match diagnostic {
        Some(diagnostic) if !ndjson => cli::explain::one(rules, diagnostic, &mut output),
        _ => cli::explain::lines(rules, std::io::stdin().lock(), output),
    };
    match done {
        // The reader has heard enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

async fn sandbox(sources: &Sources) -> anyhow::Result<()> {
    let config = SandboxConfig::load(sources)?;
    telemetry::init(&LogConfig::load(sources)?)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = sandbox_settings(&config)?;
    let stop = CancellationToken::new();
    let sandbox = Sandbox::start(settings, clock, stop.clone()).await?;
    tracing::info!(url = %sandbox.base_url(), webhooks_to = %config.webhook_url, "the sandbox serves");
    told_to_stop().await;
    stop.cancel();
    sandbox.stopped().await;
    Ok(())
}

fn sandbox_settings(config: &SandboxConfig) -> anyhow::Result<SandboxSettings> {
    let key = |key: Option<&SecretString>, variable: &str| {
        key.cloned().with_context(|| format!("{variable} is required: both sides must know it"))
    };
    Ok(SandboxSettings {
        listen: config.listen_alone(),
        webhook_url: config.webhook_url.clone(),
        domain: config.domain.clone(),
        api_key: key(config.api_key.as_ref(), "BACKSTAMP_MAILGUN_API_KEY")?,
        signing_key: key(config.signing_keys.first(), "BACKSTAMP_MAILGUN_SIGNING_KEY")?,
        database: config.mailbox.clone(),
        pace: Pace::default(),
    })
}

/// Reads the settings, starts the log of what happens, makes the sandbox's keys.
fn configuration(sources: &Sources) -> anyhow::Result<Config> {
    let mut config = Config::load(sources)?;
    telemetry::init(&config.log)?;
    config.bounce.install()?;
    let new = config.load_or_create_keys(&SystemClock)?;
    if let Some(key) = new.admin {
        let file = config.data_dir.join("admin.key");
        if std::io::stderr().is_terminal() {
            // Once, on the terminal, and never in a log.
            eprintln!("\n  operator's key, kept in {}:\n  {}\n", file.display(), key.expose_secret());
        } else {
            tracing::info!(file = %file.display(), "operator's key made");
        }
    }
    Ok(config)
}

async fn connect(config: &Config) -> anyhow::Result<Database> {
    app::open_database(config.database_url.expose_secret()).await
}

/// The log, for commands beside the server.
async fn log(config: &Config) -> anyhow::Result<EventLog> {
    let database = connect(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let roots = RootKeys::new(config.keys.secret.iter().map(ExposeSecret::expose_secret))
        .context("there is no secret key")?;
    let keyring = Keyring::open(&database, &roots, Arc::clone(&clock)).await?;
    Ok(EventLog::start(database, keyring, clock, &TaskTracker::new(), CancellationToken::new()))
}

async fn open_database(sources: &Sources) -> anyhow::Result<Database> {
    connect(&configuration(sources)?).await
}

/// SIGTERM, or Ctrl-C.
async fn told_to_stop() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("the process may handle SIGTERM");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
