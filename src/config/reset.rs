//! Password resets and e-mail verifications.

use std::time::Duration;

use url::Url;

use super::reader::{DAY, Reader, is_private, web_url};
use crate::domain::one_time_link::RepeatRequest;

/// The life and the limits of a reset.
#[derive(Debug, Clone)]
pub struct ResetConfig {
    /// `BACKSTAMP_RESET_TTL`, seconds, default 3600.
    pub ttl: Duration,
    /// `BACKSTAMP_RESET_COOLDOWN`, seconds between two requests for one address, default 60.
    pub cooldown: Duration,
    /// `BACKSTAMP_RESETS_PER_HOUR`, per address, default 3.
    pub per_hour: u32,
    /// `BACKSTAMP_REPEAT_REQUEST`, `supersede` or `resend`, default `supersede`: what a second request does
    /// while the first link works.
    pub repeat: RepeatRequest,
    /// `BACKSTAMP_RESET_PAGE`, default `{PUBLIC_URL}/reset-password`: where links lead; `token` is appended
    /// to its query.
    pub page: Url,
}

impl ResetConfig {
    pub(super) fn read(reader: &mut Reader, public_url: &Url) -> Self {
        let repeat = reader.parsed("BACKSTAMP_REPEAT_REQUEST", |text| match text {
            "supersede" => Ok(RepeatRequest::Supersede),
            "resend" => Ok(RepeatRequest::Resend),
            _ => Err("must be supersede or resend".to_owned()),
        });
        Self {
            ttl: reader.seconds("BACKSTAMP_RESET_TTL", 3_600, 1..=DAY * 7),
            cooldown: reader.seconds("BACKSTAMP_RESET_COOLDOWN", 60, 0..=DAY),
            per_hour: reader.number("BACKSTAMP_RESETS_PER_HOUR", 3, 1..=1_000),
            repeat: repeat.unwrap_or(RepeatRequest::Supersede),
            page: page(reader, public_url),
        }
    }
}

pub(super) fn page(reader: &mut Reader, public_url: &Url) -> Url {
    let parse = |text: &str| {
        let page = web_url(text)?;
        if is_private(&page) { Ok(page) } else { Err("must be https unless it is a loopback URL".to_owned()) }
    };
    reader.parsed("BACKSTAMP_RESET_PAGE", parse).unwrap_or_else(|| below(public_url, "reset-password"))
}

fn below(public_url: &Url, path: &str) -> Url {
    public_url.join(path).expect("a relative path can be joined to a base")
}

/// The life of a verification.
#[derive(Debug, Clone)]
pub struct VerificationConfig {
    /// `BACKSTAMP_VERIFICATION_TTL`, seconds, default 86400.
    pub ttl: Duration,
    /// `BACKSTAMP_VERIFY_WITH_PASSWORD`, default true: the link alone does not activate an account.
    pub with_password: bool,
    /// `{PUBLIC_URL}/verify-email`: where links lead; `token` is appended to its query.
    pub page: Url,
}

impl VerificationConfig {
    pub(super) fn read(reader: &mut Reader, public_url: &Url) -> Self {
        Self {
            ttl: reader.seconds("BACKSTAMP_VERIFICATION_TTL", DAY, 1..=DAY * 30),
            with_password: reader.flag("BACKSTAMP_VERIFY_WITH_PASSWORD", true),
            page: below(public_url, "verify-email"),
        }
    }
}
