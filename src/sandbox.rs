//! Mailgun for one machine: takes mail over its messages API, keeps it in a mailbox of its own, and posts
//! the signed webhooks that Mailgun would, with an outcome chosen by the recipient's name.
//!
//! A stranger that happens to live here: it speaks HTTP to the rest of the program and shares nothing with
//! it. Whoever reads its mailbox owns every account, so it must never listen, answer or post beyond this
//! machine.

mod courier;
mod diagnostics;
mod event;
mod form;
mod guard;
mod inspection;
mod links;
mod mailbox;
mod mailgun_events;
mod mailgun_messages;
mod office;
mod outcome;
mod pages;
mod previews;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use poem::listener::TcpAcceptor;
use poem::{EndpointExt, Route, Server};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::Clock;
use crate::rendering::Renderer;
pub use event::sign;
use mailbox::Mailbox;
use office::Office;

/// How long requests in flight may take once the sandbox was told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Everything the sandbox needs to know.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Where Mailgun's API is served; loopback only, port 0 for any free one.
    pub listen: SocketAddr,
    /// Where webhooks are posted; loopback only.
    pub webhook_url: Url,
    /// The one sending domain that exists.
    pub domain: String,
    /// The one API key that works.
    pub api_key: SecretString,
    /// Signs the webhooks.
    pub signing_key: SecretString,
    /// The mailbox's own file, made when missing.
    pub database: PathBuf,
    /// How fast things happen.
    pub pace: Pace,
}

/// The delays of a provider, scaled to somebody who is watching.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Between acceptance and what becomes of it.
    pub step: Duration,
    /// Between a temporary failure and the next attempt.
    pub deferral: Duration,
    /// Between the posts of a webhook that was not taken; after the last one it is given up.
    pub retries: Vec<Duration>,
}

impl Default for Pace {
    /// Quick to watch; webhooks are retried for about eight hours, as Mailgun does.
    fn default() -> Self {
        let seconds = [1, 2, 5, 15, 60, 300, 600, 900, 3600, 7200, 14400];
        Self {
            step: Duration::from_millis(200),
            deferral: Duration::from_secs(1),
            retries: seconds.map(Duration::from_secs).to_vec(),
        }
    }
}

impl Pace {
    /// For tests: no waiting at all, so that a clock that stands still holds nothing up.
    pub fn quick() -> Self {
        let millis = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
        Self {
            step: Duration::ZERO,
            deferral: Duration::ZERO,
            retries: millis.map(Duration::from_millis).to_vec(),
        }
    }
}

/// Why the sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the sandbox serves this machine only: {0} is not a loopback address")]
    NotLoopback(&'static str),
    #[error("the sandbox cannot listen; another address is set with BACKSTAMP_SANDBOX_LISTEN")]
    Listen(#[from] std::io::Error),
    #[error("the sandbox's mailbox cannot be opened")]
    Mailbox(#[from] sqlx::Error),
    #[error("the sandbox has no HTTP client")]
    Client(#[from] reqwest::Error),
}

/// A running sandbox. Dropping it is a power cut: what was accepted is kept and goes on at the next start.
pub struct Sandbox {
    office: Arc<Office>,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// Opens the mailbox, listens, and goes on posting what was left over.
    pub async fn start(
        settings: SandboxSettings,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> Result<Self, SandboxError> {
        if !settings.listen.ip().is_loopback() {
            return Err(SandboxError::NotLoopback("the listener"));
        }
        if !is_loopback(&settings.webhook_url) {
            return Err(SandboxError::NotLoopback("the webhook URL"));
        }
        let http = courier::client()?;
        let mailbox = Mailbox::open(&settings.database).await?;
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let acceptor = TcpAcceptor::from_tokio(listener)?;
        let office = Arc::new(Office::new(settings, address, mailbox, clock));

        let mut tasks = JoinSet::new();
        let server = Server::new_with_acceptor(acceptor);
        let endpoint = api(&office).nest("/sandbox", routes(&office, None));
        let stopping = stop.clone();
        tasks.spawn(async move {
            let stopped = stopping.cancelled_owned();
            if let Err(error) = server.run_with_graceful_shutdown(endpoint, stopped, Some(DRAIN)).await {
                tracing::error!(%error, "the sandbox no longer listens");
            }
        });
        let posting = Arc::clone(&office);
        tasks.spawn(async move {
            // Cut anywhere: what was not recorded as taken is posted again under the same signature.
            tokio::select! {
                () = courier::run(&posting, &http) => {}
                () = stop.cancelled() => {}
            }
        });
        tracing::info!(%address, "the sandbox takes mail");
        Ok(Self { office, address, tasks })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What a client of Mailgun's API takes as its base URL.
    pub fn base_url(&self) -> Url {
        self.office.base_url()
    }

    /// The mailbox's pages and API, for another server on this machine; their links expect them below
    /// `/sandbox`, so mount them with `nest("/sandbox", …)`. With previews of these mails, where they are given.
    pub fn routes(&self, previews: Option<Renderer>) -> Route {
        routes(&self.office, previews)
    }

    /// Waits until it has stopped, after its token was cancelled.
    pub async fn stopped(mut self) {
        while self.tasks.join_next().await.is_some() {}
        self.office.mailbox.close().await;
    }
}

fn api(office: &Arc<Office>) -> Route {
    let api = Route::new()
        .at("/v3/:domain/messages", poem::post(mailgun_messages::send))
        .at("/v3/:domain/events", poem::get(mailgun_events::first_page))
        .at("/v3/:domain/events/:page", poem::get(mailgun_events::page))
        .data(Arc::clone(office));
    Route::new().nest_no_strip("/v3", api)
}

/// What else the server that serves the mailbox has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Surroundings {
    /// The program whose mails these are: its pages, and previews of its mails.
    Program,
    Nothing,
}

fn routes(office: &Arc<Office>, previews: Option<Renderer>) -> Route {
    let mut routes = Route::new()
        .at("/", poem::get(pages::mailbox))
        .at("/clear", poem::post(pages::clear))
        .at("/style.css", poem::get(pages::style))
        .at("/messages/:id", poem::get(pages::message))
        .at("/messages/:id/html", poem::get(pages::html))
        .at("/messages/:id/links/:index", poem::get(pages::follow))
        .at("/api/messages", poem::get(inspection::list).delete(inspection::clear))
        .at("/api/messages/:id", poem::get(inspection::show))
        .at("/api/messages/:id/open", poem::post(inspection::open))
        .at("/api/messages/:id/click", poem::post(inspection::click));
    let surroundings = if previews.is_some() { Surroundings::Program } else { Surroundings::Nothing };
    if let Some(renderer) = previews {
        routes = routes.nest("/templates", previews::routes(renderer));
    }
    Route::new().nest("/", routes.data(surroundings).data(Arc::clone(office)).around(guard::protect))
}

fn is_loopback(url: &Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    local && matches!(url.scheme(), "http" | "https")
}
