//! The configuration, as the parts that it is for take it.

use url::Url;

use crate::accounts::SessionPolicy;
use crate::commands::LinkPolicies;
use crate::config::Config;
use crate::domain::keys::RootKeys;
use crate::domain::one_time_link::LinkPolicy;
use crate::http::HttpSettings;

/// The limits of resets and of verifications.
pub fn policies(config: &Config) -> anyhow::Result<LinkPolicies> {
    let resets = LinkPolicy {
        ttl: chrono::TimeDelta::from_std(config.reset.ttl)?,
        cooldown: chrono::TimeDelta::from_std(config.reset.cooldown)?,
        per_hour: usize::try_from(config.reset.per_hour)?,
        repeat: config.reset.repeat,
        ..LinkPolicy::default()
    };
    let ttl = chrono::TimeDelta::from_std(config.verification.ttl)?;
    Ok(LinkPolicies { verifications: LinkPolicy { ttl, ..resets.clone() }, resets })
}

/// How long sessions live.
pub fn session_policy(config: &Config) -> anyhow::Result<SessionPolicy> {
    Ok(SessionPolicy {
        idle: chrono::TimeDelta::from_std(config.session.idle_ttl)?,
        lifetime: chrono::TimeDelta::from_std(config.session.ttl)?,
    })
}

/// What of it matters to the server.
pub fn http_settings(
    config: &Config,
    roots: &RootKeys,
    mail_provider: &'static str,
) -> anyhow::Result<HttpSettings> {
    let origins = |list: &[String]| -> anyhow::Result<Vec<url::Origin>> {
        list.iter().map(|origin| Ok(Url::parse(origin)?.origin())).collect()
    };
    Ok(HttpSettings {
        public_url: config.http.public_url.clone(),
        allowed_redirects: origins(&config.http.allowed_redirects)?,
        allowed_origins: origins(&config.http.allowed_origins)?,
        trusted_proxies: config.http.trusted_proxies.clone(),
        admin_key: config.keys.admin.clone(),
        answer_deadline_ms: config
            .http
            .answer_deadline
            .map_or(0, |deadline| u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX)),
        verify_with_password: config.verification.with_password,
        mail_provider,
        track_opens: config.mail.track_opens,
        csrf_key: *roots.current().derive("csrf"),
    })
}
