//! The API and the pages; poem stays in here.
//!
//! Handlers check a request's form, ask one other module, and word its answer. They look nothing up to
//! decide about form, take no link, host or scheme from a header, and change nothing on a GET.

mod accounts;
mod address_changes;
mod answers;
mod auth;
mod browser;
mod change_password;
mod client_address;
mod confirm;
mod cors;
mod dashboard;
mod dead_letters;
mod docs;
mod edge;
mod email_verifications;
mod events;
mod export;
mod fields;
mod health;
mod inbox;
mod json;
mod keys;
mod listener;
mod log_in;
mod me;
mod messages;
mod metrics;
mod negotiation;
mod pages;
mod parameters;
mod password_resets;
mod problem;
mod prometheus;
mod registrations;
mod resource;
mod sending;
mod session;
mod sessions;
mod shares;
mod suppressions;
mod verify;
mod webhooks;

use std::sync::Arc;

use ipnet::IpNet;
use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, EndpointExt, Response, Route};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::{Origin, Url};

use self::auth::Gate;
use self::edge::Edge;
use self::parameters::Parameters;
use self::resource::{AtRoot, WithAllow};
use crate::accounts::{BuiltInDirectory, Directory, FailedLogIns, PasswordHasher, Registrations, Sessions};
use crate::api_keys::ApiKeys;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::dead_letters::DeadLetters;
use crate::disclosures::Disclosures;
use crate::domain::password::PasswordPolicy;
use crate::idempotency::IdempotencyKeys;
use crate::inbox::Inbox;
use crate::queries::{Feed, Queries};
use crate::rendering::Renderer;
use crate::telemetry::Metrics;

pub use self::health::{Dependency, Readiness};
pub use self::listener::Patient;
pub use self::prometheus::{Scrape, metrics_routes};

/// What of the configuration matters here.
pub struct HttpSettings {
    /// Base of every link; never taken from a request.
    pub public_url: Url,
    /// Where a frontend may send people after a reset.
    pub allowed_redirects: Vec<Origin>,
    /// Whose scripts may call the public API.
    pub allowed_origins: Vec<Origin>,
    /// Whose forwarding headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// The key with every scope; without one, operators' calls are refused.
    pub admin_key: Option<SecretString>,
    /// Milliseconds after which requests that could betray an account are answered; 0 is at once.
    pub answer_deadline_ms: u64,
    /// Whether a verification link alone is not enough: it asks for the password of its registration.
    pub verify_with_password: bool,
    /// The mail provider's name, as mails record it.
    pub mail_provider: &'static str,
    /// Whether opens of mails are tracked.
    pub track_opens: bool,
    /// Binds the tokens of forms to their cookies.
    pub csrf_key: [u8; 32],
}

impl HttpSettings {
    /// Whether browsers come over TLS, so that cookies can be `Secure`.
    fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// A link below the public URL.
    fn link(&self, path: &str) -> String {
        format!("{}/{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// Everything that the handlers need.
pub struct HttpState {
    pub commands: Commands,
    pub queries: Queries,
    pub feed: Feed,
    /// Cancelled when the server stops: streams without end end then.
    pub stop: CancellationToken,
    pub inbox: Inbox,
    pub dead_letters: DeadLetters,
    pub disclosures: Disclosures,
    /// Whoever owns the users, as resets see it.
    pub directory: Arc<dyn Directory>,
    /// The same where it is the built-in one: log-in and accounts are about it alone.
    pub accounts: BuiltInDirectory,
    pub sessions: Sessions,
    pub failed_log_ins: FailedLogIns,
    pub api_keys: ApiKeys,
    pub registrations: Registrations,
    pub idempotency_keys: IdempotencyKeys,
    pub hasher: PasswordHasher,
    pub policy: PasswordPolicy,
    pub renderer: Renderer,
    pub settings: HttpSettings,
    pub clock: Arc<dyn Clock>,
    pub readiness: Arc<dyn Readiness>,
    pub metrics: Metrics,
    pub scrape: Arc<dyn Scrape>,
    /// The sandbox's mailbox, where it runs; lives under `/sandbox`.
    pub sandbox: Option<BoxEndpoint<'static>>,
}

/// The whole server: API, pages, webhooks, documentation.
pub fn routes(mut state: HttpState) -> impl Endpoint<Output = Response> {
    let sandbox = state.sandbox.take();
    let state = Arc::new(state);
    let start = pages::start(&state, sandbox.is_some());
    let public = (
        password_resets::PasswordResetsApi(state.clone()),
        email_verifications::EmailVerificationsApi(state.clone()),
        sessions::SessionsApi(state.clone()),
        me::MeApi(state.clone()),
        address_changes::AddressChangesApi(state.clone()),
    );
    let operators = (
        messages::MessagesApi(state.clone()),
        metrics::MetricsApi(state.clone()),
        events::EventsApi::new(state.clone()),
        inbox::InboxApi(state.clone()),
        inbox::DisclosuresApi(state.clone()),
        dead_letters::DeadLettersApi(state.clone()),
        accounts::AccountsApi(state.clone()),
        keys::KeysApi(state.clone()),
        suppressions::SuppressionsApi(state.clone()),
    );
    let running =
        (health::HealthApi(state.readiness.clone()), prometheus::PrometheusApi(state.scrape.clone()));
    let api = docs::service((public, operators, running));

    let mut route = Route::new()
        .at("/webhooks/mailgun", webhooks::mailgun(state.clone()))
        .at("/docs", docs::page(&api))
        .at("/openapi.json", docs::document(&api));
    for (path, page) in pages::all(&state).into_iter().chain(dashboard::all(&state)) {
        route = route.at(path, page);
    }
    if let Some(sandbox) = sandbox {
        route = route.nest("/sandbox", sandbox);
    }
    let document = api.spec();
    let parameters = Parameters::of_document(&document);
    let api = WithAllow::new(&document, api);
    let gate = Gate::new(state.settings.admin_key.as_ref(), state.api_keys.clone());
    let route = route.nest("/", AtRoot::new(start, api)).data(gate).data(parameters).data(state.clone());
    Edge::new(route, state)
}
