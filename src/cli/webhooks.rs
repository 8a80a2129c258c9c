//! `backstamp webhooks register`: tells Mailgun where to post what becomes of mails, for every event type.
//! URLs of others stay as they are.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use url::Url;

use super::output::say;
use crate::clock::Clock;
use crate::config::{Config, MailProvider};
use crate::providers::mailgun::{EVENT_TYPES, MailgunAccount, MailgunSettings, Registered};

const PATIENCE: Duration = Duration::from_secs(15);

/// The account that the configuration names, if mail goes through Mailgun.
pub fn account(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<MailgunAccount>> {
    let MailProvider::Mailgun { domain, api_key, base_url, require_tls, .. } = &config.mail.provider else {
        return Ok(None);
    };
    let settings = MailgunSettings {
        base_url: base_url.clone(),
        domain: domain.clone(),
        api_key: api_key.clone(),
        timeout: PATIENCE,
        require_tls: *require_tls,
    };
    Ok(Some(MailgunAccount::new(settings, clock)?))
}

/// Where Mailgun's webhooks go, below the public URL.
pub fn endpoint(public_url: &Url) -> String {
    format!("{}/webhooks/mailgun", public_url.as_str().trim_end_matches('/'))
}

/// Registers the URL for every event type, and says what that came to.
pub async fn register(account: &MailgunAccount, url: &str) -> anyhow::Result<()> {
    let is_reachable = Url::parse(url).is_ok_and(|url| url.scheme() == "https");
    if !is_reachable {
        bail!("{url} is no https URL, and Mailgun must reach it from outside; give one with --url");
    }
    let known = account.webhooks().await.context("the registered webhooks cannot be read")?;
    let mut full = Vec::new();
    for event_type in EVENT_TYPES {
        let outcome = account
            .register(event_type, url, &known)
            .await
            .with_context(|| format!("{event_type} was not registered"))?;
        let told = match outcome {
            Registered::AsItWas => "registered already",
            Registered::Created => "registered",
            Registered::Added => "registered beside others",
            Registered::Full => "NOT registered: there are three URLs already",
        };
        say(format_args!("{event_type:15} {told}"))?;
        if outcome == Registered::Full {
            full.push(event_type);
        }
    }
    if !full.is_empty() {
        bail!("remove a URL at Mailgun for {}, then run this again", full.join(", "));
    }
    say(format_args!("Mailgun posts to {url}"))?;
    Ok(())
}
