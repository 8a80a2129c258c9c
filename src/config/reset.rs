//! Password resets and e-mail verifications.

use std::time::Duration;

use url::Url;

use super::reader::{DAY, NOT_AVAILABLE, Reader, is_private, web_url};

/// The life and the limits of a reset.
#[derive(Debug, Clone)]
pub struct ResetConfig {
    /// `BACKSTAMP_RESET_TTL`, seconds, default 3600.
    pub ttl: Duration,
    /// `BACKSTAMP_RESET_COOLDOWN`, seconds between two requests for one address, default 60.
    pub cooldown: Duration,
    /// `BACKSTAMP_RESETS_PER_HOUR`, per address, default 3.
    pub per_hour: u32,
    /// `BACKSTAMP_RESET_PAGE`, default `{PUBLIC_URL}/reset-password`: where links lead; `token` is appended
    /// to its query.
    pub page: Url,
}

impl ResetConfig {
    pub(super) fn read(reader: &mut Reader, public_url: &Url) -> Self {
        // The only policy so far: a newer link takes the place of an older one.
        reader.parsed("BACKSTAMP_REPEAT_REQUEST", |text| match text {
            "supersede" => Ok(()),
            "resend" => Err(format!("resend {NOT_AVAILABLE}: use supersede")),
            _ => Err("must be supersede".to_owned()),
        });
        Self {
            ttl: reader.seconds("BACKSTAMP_RESET_TTL", 3_600, 1..=DAY * 7),
            cooldown: reader.seconds("BACKSTAMP_RESET_COOLDOWN", 60, 0..=DAY),
            per_hour: reader.number("BACKSTAMP_RESETS_PER_HOUR", 3, 1..=1_000),
            page: page(reader, public_url),
        }
    }
}

fn page(reader: &mut Reader, public_url: &Url) -> Url {
    let parse = |text: &str| {
        let page = web_url(text)?;
        if is_private(&page) { Ok(page) } else { Err("must be https unless it is a loopback URL".to_owned()) }
    };
    reader.parsed("BACKSTAMP_RESET_PAGE", parse).unwrap_or_else(|| {
        public_url.join("reset-password").expect("a relative path can be joined to a base")
    })
}

/// The life of a verification.
#[derive(Debug, Clone)]
pub struct VerificationConfig {
    /// `BACKSTAMP_VERIFICATION_TTL`, seconds, default 86400.
    pub ttl: Duration,
    /// `BACKSTAMP_VERIFY_WITH_PASSWORD`, default true: the link alone does not activate an account.
    pub with_password: bool,
}

impl VerificationConfig {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            ttl: reader.seconds("BACKSTAMP_VERIFICATION_TTL", DAY, 1..=DAY * 30),
            with_password: reader.flag("BACKSTAMP_VERIFY_WITH_PASSWORD", true),
        }
    }
}
