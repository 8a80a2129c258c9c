//! Events in the shape of Mailgun's `event-data`, and the signature of the webhook that carries one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::diagnostics::Diagnostic;
use super::mailbox::Mail;
use super::outcome::What;
use crate::clock::Clock;

/// A browser that somebody could be sitting at.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Safari/537.36";

/// Who reads a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// A person with a browser.
    Human,
    /// A scanner in front of the mailbox.
    Machine,
}

/// What a reader did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Engagement {
    Opened,
    /// Followed this link.
    Clicked(Option<String>),
}

/// Something that happened to a mail on its way.
pub(super) fn on_the_way(mail: &Mail, what: What, at: DateTime<Utc>, clock: &dyn Clock) -> Value {
    let mut event = frame(mail, name(what), at, clock);
    event.insert(
        "flags".into(),
        json!({ "is-authenticated": true, "is-test-mode": mail.is_test, "is-routed": false }),
    );
    event.insert("envelope".into(), json!({ "sender": mail.from, "targets": mail.to, "transport": "smtp" }));
    event.insert("storage".into(), json!({ "key": mail.id, "env": "sandbox" }));
    event.insert(
        "message".into(),
        json!({ "headers": { "to": mail.to, "from": mail.from, "subject": mail.subject,
            "message-id": mail.message_id }, "attachments": [], "size": mail.text.len() + mail.html.len() }),
    );
    let details = match what {
        What::Accepted => json!({ "method": "HTTP", "originating-ip": "127.0.0.1" }),
        What::Delivered(attempt) => json!({ "delivery-status": { "attempt-no": attempt, "code": 250,
            "message": "OK", "description": "", "enhanced-code": null, "session-seconds": 0.21,
            "mx-host": mx_host(mail), "certificate-verified": true, "tls": true, "utf8": true } }),
        What::Deferred(attempt) => json!({ "log-level": "warn", "severity": "temporary", "reason": "generic",
            "delivery-status": { "attempt-no": attempt, "code": 451, "enhanced-code": "4.3.2",
                "message": "4.3.2 Storage back end restarting, try again later", "description": "",
                "session-seconds": 1.12, "retry-seconds": 600, "bounce-type": "soft", "mx-host": mx_host(mail) } }),
        What::Bounced(diagnostic) => json!({ "log-level": "error", "severity": "permanent",
            "reason": diagnostic.reason, "delivery-status": delivery_status(mail, diagnostic) }),
        What::Complained => json!({ "log-level": "warn" }),
    };
    merge(event, details)
}

/// Somebody read a mail. The target's query is left out: it carries tokens, and a real provider, told not to
/// track clicks, would not even know of the click.
pub(super) fn engagement(
    mail: &Mail,
    engagement: &Engagement,
    actor: Actor,
    (delivered_at, at): (Option<DateTime<Utc>>, DateTime<Utc>),
    clock: &dyn Clock,
) -> Value {
    let name = if *engagement == Engagement::Opened { "opened" } else { "clicked" };
    let mut event = frame(mail, name, at, clock);
    event.insert("message".into(), json!({ "headers": { "message-id": mail.message_id } }));
    event.insert("ip".into(), "127.0.0.1".into());
    event.insert(
        "geolocation".into(),
        json!({ "country": "Unknown", "region": "Unknown", "city": "Unknown" }),
    );
    event.insert("delivered-at".into(), delivered_at.map(|at| at.timestamp()).into());
    let client = match actor {
        Actor::Human => json!({ "client-name": "Chrome", "client-os": "Linux", "client-type": "browser",
            "device-type": "desktop", "user-agent": BROWSER, "bot": "" }),
        Actor::Machine => json!({ "client-name": "unknown", "client-os": "unknown", "client-type": "robot",
            "device-type": "unknown", "user-agent": "Mozilla/5.0", "bot": "generic" }),
    };
    event.insert("client-info".into(), client);
    if let Engagement::Clicked(Some(link)) = engagement {
        let target = link.split(['?', '#']).next().unwrap_or_default();
        event.insert("url".into(), target.into());
    }
    Value::Object(event)
}

/// A signature block over a fresh token, as JSON.
pub fn sign(key: &SecretString, clock: &dyn Clock) -> String {
    let timestamp = clock.now().timestamp().to_string();
    let mut random = [0; 25];
    clock.fill(&mut random);
    let token = hex::encode(random);
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(token.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    json!({ "timestamp": timestamp, "token": token, "signature": signature }).to_string()
}

/// Mailgun's name of the event.
pub(super) fn name(what: What) -> &'static str {
    match what {
        What::Accepted => "accepted",
        What::Delivered(_) => "delivered",
        What::Deferred(_) | What::Bounced(_) => "failed",
        What::Complained => "complained",
    }
}

fn frame(mail: &Mail, name: &str, at: DateTime<Utc>, clock: &dyn Clock) -> Map<String, Value> {
    let mut id = [0; 16];
    clock.fill(&mut id);
    let event = json!({
        "event": name,
        "id": URL_SAFE_NO_PAD.encode(id),
        // Whole microseconds of this century fit an f64.
        "timestamp": at.timestamp_micros() as f64 / 1e6,
        "log-level": "info",
        "recipient": mail.to,
        "recipient-domain": domain(&mail.to),
        "recipient-provider": "Other",
        "tags": mail.tags,
        "campaigns": [],
        "user-variables": mail.variables,
    });
    let Value::Object(event) = event else { unreachable!("written as an object") };
    event
}

fn merge(mut event: Map<String, Value>, details: Value) -> Value {
    if let Value::Object(details) = details {
        event.extend(details);
    }
    Value::Object(event)
}

fn delivery_status(mail: &Mail, diagnostic: &Diagnostic) -> Value {
    let mut status = json!({ "attempt-no": 1, "code": diagnostic.code,
        "message": Diagnostic::tell(diagnostic.message, &mail.to), "description": diagnostic.description,
        "session-seconds": 0.42 });
    if let Some(enhanced) = diagnostic.enhanced {
        status["enhanced-code"] = enhanced.into();
    }
    if let Some(bounce_type) = diagnostic.bounce_type() {
        status["bounce-type"] = bounce_type.into();
        status["mx-host"] = mx_host(mail).into();
    }
    if let Some((code, message)) = diagnostic.last {
        status["last-code"] = code.into();
        status["last-message"] = Diagnostic::tell(message, &mail.to).into();
    }
    status
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

fn mx_host(mail: &Mail) -> String {
    format!("mx1.{}", domain(&mail.to))
}
