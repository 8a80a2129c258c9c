//! What Mailgun posts about a mail, in its words, signed. The program takes it like any other post.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::sayings::Saying;
use crate::domain::id::MessageId;

/// What a post needs to know of the mail that it is about.
#[derive(Debug, Clone)]
pub struct About {
    pub message_id: MessageId,
    /// By which Mailgun knows it.
    pub header: String,
    pub recipient: String,
    pub mx_host: &'static str,
    pub template: &'static str,
}

/// What has happened.
#[derive(Debug, Clone)]
pub enum Told {
    Delivered {
        attempt: u32,
    },
    Deferred {
        saying: Saying,
        attempt: u32,
        retry_seconds: i64,
    },
    Bounced {
        saying: Saying,
        attempt: u32,
        delayed: bool,
    },
    /// Mailgun has the address on its own list.
    NotTried,
    Opened(&'static Reader),
    Complained,
    /// A kind of event that the program does not know.
    Strange,
}

/// Who opens a mail.
#[derive(Debug, PartialEq)]
pub struct Reader {
    name: &'static str,
    os: &'static str,
    class: &'static str,
    device: &'static str,
    pub agent: &'static str,
    /// Which machine Mailgun thinks it is; empty for none.
    bot: &'static str,
}

const fn person(
    name: &'static str,
    os: &'static str,
    class: &'static str,
    device: &'static str,
    agent: &'static str,
) -> Reader {
    Reader { name, os, class, device, agent, bot: "" }
}

pub static PEOPLE: [Reader; 5] = [
    person(
        "Chrome",
        "Windows",
        "browser",
        "desktop",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    person(
        "Mobile Safari",
        "iOS",
        "mobile browser",
        "mobile",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    ),
    person(
        "Chrome Mobile",
        "Android",
        "mobile browser",
        "mobile",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    ),
    person(
        "Firefox",
        "Linux",
        "browser",
        "desktop",
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ),
    person(
        "Thunderbird",
        "Windows",
        "email client",
        "desktop",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
    ),
];

pub static APPLE_PROXY: Reader = Reader {
    name: "unknown",
    os: "unknown",
    class: "robot",
    device: "unknown",
    agent: "Mozilla/5.0",
    bot: "apple",
};
pub static GMAIL_PROXY: Reader = Reader {
    name: "Gmail",
    os: "unknown",
    class: "robot",
    device: "unknown",
    agent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    bot: "gmail",
};
pub static SCANNER: Reader = Reader {
    name: "unknown",
    os: "unknown",
    class: "robot",
    device: "unknown",
    agent: "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
    bot: "generic",
};

const COUNTRIES: &[(f64, &str)] = &[
    (30.0, "DE"),
    (18.0, "GB"),
    (12.0, "FR"),
    (10.0, "US"),
    (8.0, "NL"),
    (6.0, "AT"),
    (6.0, "CH"),
    (5.0, "PL"),
    (5.0, "IT"),
];

impl Told {
    /// Mailgun's object for it.
    pub fn event_data(&self, about: &About, at: DateTime<Utc>, chance: &mut Chance) -> Value {
        let mut event = frame(about, self.name(), at, chance);
        let mut add = |members: Value| {
            if let Value::Object(members) = members {
                event.extend(members);
            }
        };
        match self {
            Self::Delivered { attempt } => add(json!({ "delivery-status": {
                "attempt-no": attempt, "code": 250, "message": "OK", "description": "", "enhanced-code": "",
                "session-seconds": 0.41, "mx-host": about.mx_host, "certificate-verified": true, "tls": true,
                "utf8": true } })),
            Self::Deferred { saying, attempt, retry_seconds } => {
                let mut status = status(saying, about, *attempt);
                status["retry-seconds"] = (*retry_seconds).into();
                add(json!({ "log-level": "warn", "severity": "temporary", "reason": "generic",
                            "delivery-status": status }));
            }
            Self::Bounced { saying, attempt, delayed } => {
                let reason = if saying.category.class().as_str() == "hard" { "bounce" } else { "generic" };
                add(json!({ "log-level": "error", "severity": "permanent", "reason": reason,
                            "delivery-status": status(saying, about, *attempt),
                            "flags": { "is-authenticated": true, "is-test-mode": false,
                                       "is-delayed-bounce": delayed } }));
            }
            Self::NotTried => add(json!({ "log-level": "error", "severity": "permanent",
                "reason": "suppress-bounce", "delivery-status": { "attempt-no": 1, "code": 605, "message": "",
                    "description": "Not delivering to previously bounced address" } })),
            Self::Opened(reader) => {
                let country = *chance.weighted(COUNTRIES);
                let ip = format!("203.0.113.{}", 1 + chance.below(250));
                add(
                    json!({ "ip": ip, "geolocation": { "country": country, "region": "Unknown", "city": "Unknown" },
                    "client-info": { "client-name": reader.name, "client-os": reader.os, "client-type": reader.class,
                        "device-type": reader.device, "user-agent": reader.agent, "bot": reader.bot } }),
                );
            }
            Self::Complained => add(json!({ "log-level": "warn" })),
            Self::Strange => {}
        }
        Value::Object(event)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Deferred { .. } | Self::Bounced { .. } | Self::NotTried => "failed",
            Self::Opened(_) => "opened",
            Self::Complained => "complained",
            Self::Strange => "list_member_uploaded",
        }
    }
}

/// The post of an event, under a signature that was made for whatever.
pub fn under(signature: &str, event_data: &Value) -> Bytes {
    Bytes::from(format!(r#"{{"signature":{signature},"event-data":{event_data}}}"#))
}

fn frame(about: &About, name: &str, at: DateTime<Utc>, chance: &mut Chance) -> Map<String, Value> {
    let domain = about.recipient.rsplit_once('@').map_or("", |(_, domain)| domain);
    let event = json!({
        "event": name,
        "id": chance.digits(22),
        // Whole microseconds of this century fit an f64.
        "timestamp": at.timestamp_micros() as f64 / 1e6,
        "log-level": "info",
        "recipient": about.recipient,
        "recipient-domain": domain,
        "recipient-provider": "Other",
        "tags": [about.template],
        "campaigns": [],
        "user-variables": { "delivery_id": about.message_id },
        "flags": { "is-authenticated": true, "is-test-mode": false, "is-routed": false },
        "message": { "headers": { "message-id": about.header }, "attachments": [] },
    });
    let Value::Object(event) = event else { unreachable!("written as an object") };
    event
}

fn status(saying: &Saying, about: &About, attempt: u32) -> Value {
    json!({ "attempt-no": attempt, "code": saying.code, "enhanced-code": saying.enhanced, "message": saying.text,
            "description": "", "session-seconds": 0.87, "mx-host": about.mx_host,
            "bounce-type": if saying.code >= 500 { "hard" } else { "soft" } })
}
