//! One thing after the other; what depends on something that failed is not looked at.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::database::Pipeline;
use super::{Finding, mailgun, program, smtp};
use crate::cli::webhooks;
use crate::clock::Clock;
use crate::config::{Config, Faults, MailProvider};
use crate::database::Database;
use crate::domain::keys::RootKeys;
use crate::event_log::{EventLog, Keyring};

/// Everything that mail depends on, with these settings.
pub async fn examine(config: Result<Config, Faults>, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let config = match config {
        Ok(config) => config,
        Err(Faults(faults)) => {
            let told = faults.iter().map(ToString::to_string);
            return told
                .map(|fault| Finding::failed("settings", fault, ".env.sample explains each"))
                .collect();
        }
    };
    let mut findings = vec![Finding::good("settings", "complete and well-formed")];
    findings.push(program::disk(&config.data_dir));
    findings.extend(examine_database(config.clone(), Arc::clone(&clock)).await);
    let endpoint = webhooks::endpoint(&config.http.public_url);
    findings.push(program::reachable(&endpoint).await);
    match webhooks::account(&config, Arc::clone(&clock)) {
        Ok(Some(account)) => findings.extend(mailgun::provider(&account, &endpoint).await),
        Ok(None) => findings.push(match &config.mail.provider {
            MailProvider::Smtp(server) => smtp::provider(&config, server, clock).await,
            MailProvider::Mailgun { .. } | MailProvider::Sandbox => {
                Finding::good("provider", "not Mailgun: nothing is asked outside")
            }
        }),
        Err(error) => {
            findings.push(Finding::failed("provider", format!("{error:#}"), "correct Mailgun's settings"));
        }
    }
    findings
}

async fn examine_database(mut config: Config, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let url = config.database_url.expose_secret().to_owned();
    let file = url.strip_prefix("sqlite://").map(|path| path.split('?').next().unwrap_or(path));
    // Looking must not make one.
    if file.is_some_and(|file| !Path::new(file).exists()) {
        return vec![Finding::failed("database", "there is none yet", "start the server once")];
    }
    let database = match Database::connect(&url).await {
        Ok(database) => database,
        Err(error) => {
            let next = "start it, or correct BACKSTAMP_DATABASE_URL";
            return vec![Finding::failed("database", error.to_string(), next)];
        }
    };
    let mut findings = vec![Finding::good("database", "answers")];
    if config.data_dir.join("secret.key").exists()
        && let Err(error) = config.load_or_create_keys(clock.as_ref())
    {
        findings.push(Finding::failed("keys", error.to_string(), "restore it from where you keep keys"));
        return findings;
    }
    match open_log(&config, database, clock).await {
        Ok(log) => {
            findings.push(Finding::good("keys", "the root key opens the stored keys"));
            let has_webhooks =
                matches!(config.mail.provider, MailProvider::Mailgun { .. } | MailProvider::Sandbox);
            match Pipeline::look(&log).await {
                Ok(pipeline) => findings.extend(pipeline.findings(log.clock().now(), has_webhooks)),
                Err(error) => findings.push(Finding::failed(
                    "pipeline",
                    error.to_string(),
                    "run `backstamp migrate` if the tables are of an older version",
                )),
            }
        }
        Err(error) => findings.push(Finding::failed(
            "keys",
            format!("{error:#}"),
            "put the key that wrote this database into BACKSTAMP_SECRET_KEY, behind the current one",
        )),
    }
    findings
}

async fn open_log(config: &Config, database: Database, clock: Arc<dyn Clock>) -> anyhow::Result<EventLog> {
    let secrets = config.keys.secret.iter().map(ExposeSecret::expose_secret);
    let roots = RootKeys::new(secrets).context("there is no secret key")?;
    let keyring = Keyring::open(&database, &roots, Arc::clone(&clock)).await?;
    Ok(EventLog::start(database, keyring, clock, &TaskTracker::new(), CancellationToken::new()))
}
