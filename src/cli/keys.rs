//! `backstamp keys`: keys of the API from the operator's terminal. A new key's text is the only line on
//! standard output, so that it can be piped to where it belongs.

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;

use super::CreateKey;
use super::output::{say, show};
use super::table::{aligned, printable};
use crate::api_keys::{ApiKey, ApiKeys, NewApiKey};
use crate::domain::id::ApiKeyId;

/// Keys that are read at a time.
const PAGE: usize = 500;

/// Makes a key and shows it, this once.
pub async fn create(keys: &ApiKeys, new: CreateKey) -> anyhow::Result<()> {
    let new = NewApiKey::new(&new.name, new.scopes.into_iter().collect(), new.expires, "cli")?;
    let (key, text) = keys.create(new).await.context("the key was not made")?;
    let end = key.expires_at.map_or("until it is revoked".to_owned(), |at| format!("until {}", minute(at)));
    eprintln!("{} ({}), good {end}. It is shown this once:", key.id, key.scopes);
    say(text.expose_secret())?;
    Ok(())
}

/// Prints every key, the newest first.
pub async fn list(keys: &ApiKeys, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut all: Vec<ApiKey> = Vec::new();
    loop {
        let page = keys.list(all.last().map(|last| last.id), PAGE).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    if all.is_empty() {
        say("There are no keys yet: backstamp keys create NAME --scope SCOPE")?;
    } else {
        let header = ["ID", "NAME", "SCOPES", "STATE", "CREATED", "BY", "EXPIRES", "LAST USED"];
        show(aligned(header, all.iter().map(|key| cells(key, now))))?;
    }
    Ok(())
}

/// Ends a key.
pub async fn revoke(keys: &ApiKeys, id: ApiKeyId) -> anyhow::Result<()> {
    if !keys.revoke(id).await.context("the key was not revoked")? {
        bail!("there is no key {id}; `backstamp keys list` shows them all");
    }
    say(format_args!("{id} is revoked"))?;
    Ok(())
}

/// Of a span; calendars end, too.
const LONGEST: TimeDelta = TimeDelta::days(36_525);

/// A span of time such as `90d`: a number, and `s`, `m`, `h`, `d` or `w`.
pub(super) fn span(text: &str) -> Result<TimeDelta, String> {
    let unit = text.chars().last().map_or(0, char::len_utf8);
    let (number, unit) = text.split_at(text.len() - unit);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 0,
    };
    // Digits alone: `parse` would take a sign.
    let count = number.parse::<i64>().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()));
    let span = count.and_then(|count| count.checked_mul(seconds)).and_then(TimeDelta::try_seconds);
    let span = span.filter(|span| *span > TimeDelta::zero());
    let span = span.ok_or_else(|| "a span is a number with s, m, h, d or w, such as 90d".to_owned())?;
    if span > LONGEST { Err("a span has a hundred years at most".to_owned()) } else { Ok(span) }
}

fn cells(key: &ApiKey, now: DateTime<Utc>) -> [String; 8] {
    [
        key.id.to_string(),
        printable(&key.name),
        key.scopes.to_string(),
        key.status(now).to_owned(),
        minute(key.created_at),
        key.created_by.clone(),
        key.expires_at.map_or("never".to_owned(), minute),
        key.last_used_at.map_or("never".to_owned(), minute),
    ]
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%MZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_a_number_with_a_unit() {
        assert_eq!(span("90d"), Ok(TimeDelta::days(90)));
        assert_eq!(span("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(span("2w"), Ok(TimeDelta::weeks(2)));
        for wrong in ["", "d", "90", "0d", "-1d", "+1d", "1.5h", "90 d", "1y", "9999999999999999999d", "1é"]
        {
            assert!(span(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_span_panics(text in "\\PC{0,24}", count in any::<u64>()) {
            let _ = span(&text);
            let _ = span(&format!("{count}w"));
        }
    }
}
