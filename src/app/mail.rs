//! The mail provider that the configuration names, and the sandbox where there is one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::Clock;
use crate::config::{Config, MailProvider, SmtpConfig, SmtpEncryption};
use crate::database::Database;
use crate::providers::mailgun::{Mailgun, MailgunSettings, SigningKeys};
use crate::providers::smtp::{InvalidSettings, Smtp, SmtpSettings};
use crate::providers::{Counted, Provider};
use crate::rendering::Renderer;
use crate::sandbox::{Pace, Sandbox, SandboxSettings};
use crate::telemetry::Metrics;

/// Of a whole call. Shorter than a worker's lease, so that no second worker can be calling meanwhile.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The same for SMTP, where some servers read a mail with care before they answer to its last dot.
const SMTP_TIMEOUT: Duration = Duration::from_secs(25);

/// Who takes our mails, and who signs what comes back.
pub struct Mail {
    /// Its client.
    pub provider: Arc<dyn Provider>,
    /// The domain of Message-ID headers.
    pub domain: String,
    /// Whether it can see that a mail is opened.
    pub sees_opens: bool,
    /// Whose webhooks count.
    pub signing_keys: Option<SigningKeys>,
    sandbox: Option<Sandbox>,
}

impl Mail {
    /// Starts the sandbox if it is the provider; makes the client.
    pub async fn start(
        config: &Config,
        address: SocketAddr,
        database: &Database,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut mail = Self::of(config, address, database, clock, stop).await?;
        mail.provider = Arc::new(Counted::new(mail.provider, metrics));
        Ok(mail)
    }

    async fn of(
        config: &Config,
        address: SocketAddr,
        database: &Database,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        remember_provider(database, config).await?;
        let signing_keys = || SigningKeys::new(config.mail.signing_keys.clone());
        match &config.mail.provider {
            MailProvider::Sandbox => Self::sandboxed(config, address, clock, stop).await,
            MailProvider::Mailgun { domain, api_key, base_url, require_tls } => {
                let settings = MailgunSettings {
                    base_url: base_url.clone(),
                    domain: domain.clone(),
                    api_key: api_key.clone(),
                    timeout: CALL_TIMEOUT,
                    require_tls: *require_tls,
                };
                Ok(Self {
                    provider: Arc::new(Mailgun::new(settings, "mailgun", clock)?),
                    domain: domain.clone(),
                    sees_opens: true,
                    signing_keys: signing_keys(),
                    sandbox: None,
                })
            }
            MailProvider::Smtp(server) => {
                if server.encryption == SmtpEncryption::Opportunistic && !server.is_loopback() {
                    tracing::warn!(
                        "mails and their links go out unencrypted if the mail server, or somebody on the way, \
                         offers no encryption; tls=required forbids it"
                    );
                }
                Ok(Self {
                    provider: Arc::new(smtp_client(config, server, clock)?),
                    domain: config.mail.from.address.domain().to_owned(),
                    sees_opens: false,
                    signing_keys: signing_keys(),
                    sandbox: None,
                })
            }
        }
    }

    async fn sandboxed(
        config: &Config,
        address: SocketAddr,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() {
            bail!("the sandbox serves this machine only, and {address} is not a loopback address");
        }
        let domain = config.sandbox.domain.clone();
        let api_key = random_key(clock.as_ref());
        let mut signing_keys = config.sandbox.signing_keys.clone();
        if signing_keys.is_empty() {
            signing_keys.push(random_key(clock.as_ref()));
        }
        let settings = SandboxSettings {
            listen: config.sandbox.listen_inside_serve(),
            webhook_url: Url::parse(&format!("http://{address}/webhooks/mailgun"))?,
            domain: domain.clone(),
            api_key: api_key.clone(),
            signing_key: signing_keys[0].clone(),
            database: config.sandbox.mailbox.clone(),
            pace: Pace::default(),
        };
        let sandbox = Sandbox::start(settings, Arc::clone(&clock), stop).await?;
        let settings = MailgunSettings {
            base_url: sandbox.base_url(),
            domain: domain.clone(),
            api_key,
            timeout: CALL_TIMEOUT,
            require_tls: false,
        };
        Ok(Self {
            provider: Arc::new(Mailgun::new(settings, "sandbox", clock)?),
            domain,
            sees_opens: true,
            signing_keys: SigningKeys::new(signing_keys),
            sandbox: Some(sandbox),
        })
    }

    /// The mailbox, for our own listener, with previews of what this renderer makes.
    pub fn sandbox_routes(&self, renderer: &Renderer) -> Option<poem::Route> {
        self.sandbox.as_ref().map(|sandbox| sandbox.routes(Some(renderer.clone())))
    }

    /// Waits until the sandbox has stopped.
    pub async fn stopped(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.stopped().await;
        }
    }
}

/// The client of this mail server.
pub fn smtp_client(
    config: &Config,
    server: &SmtpConfig,
    clock: Arc<dyn Clock>,
) -> Result<Smtp, InvalidSettings> {
    let hello = config.mail.from.address.domain().to_owned();
    Smtp::new(SmtpSettings { server: server.clone(), hello, timeout: SMTP_TIMEOUT }, clock)
}

/// Whoever reads the sandbox's mailbox owns every account, so a database that has sent real mail never goes
/// back to it.
async fn remember_provider(database: &Database, config: &Config) -> anyhow::Result<()> {
    let select = "SELECT value FROM installation WHERE name = 'mail_provider'";
    let known = database.fetch_optional(select, &[]).await?.map(|row| row.text("value")).transpose()?;
    let name = config.mail.provider.name();
    match known.as_deref() {
        Some(known) if known == name => Ok(()),
        Some(known) if name == "sandbox" => bail!(
            "this database has sent mail through {known}; the sandbox would show its links to whoever is on \
             this machine. Set BACKSTAMP_MAIL_PROVIDER={known}, or use another BACKSTAMP_DATABASE_URL"
        ),
        _ => {
            let upsert = "INSERT INTO installation (name, value) VALUES ('mail_provider', $1)
                          ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            database.execute(upsert, &[name.into()]).await.context("the provider cannot be noted").map(|_| ())
        }
    }
}

fn random_key(clock: &dyn Clock) -> SecretString {
    let mut bytes = [0; 24];
    clock.fill(&mut bytes);
    hex::encode(bytes).into()
}
