//! Posts webhooks when they are due, and again until they are taken: with 200, or refused for good with 406.
//!
//! A webhook is signed once, just before its first attempt, and goes out unchanged ever after. Those of one
//! mail go one after the other, `accepted` first.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use reqwest::{Client, header, redirect};

use super::event;
use super::mailbox::Due;
use super::office::Office;

/// Read at once; signed and settled in one transaction each.
const BATCH: i64 = 256;
/// Mails whose webhooks are posted at the same time.
const CONCURRENCY: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between looks at the queue while something is planned: the clock may be moved by hand.
const LOOK: Duration = Duration::from_millis(100);
/// The same while nothing is planned.
const IDLE: Duration = Duration::from_secs(5);

/// A post that was made, and when to make it again.
type Post = (i64, Option<DateTime<Utc>>);

/// The one client of all posts.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).no_proxy().build()
}

/// Posts for as long as it is polled.
pub(super) async fn run(office: &Office, http: &Client) {
    loop {
        let wait = match work(office, http).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "the sandbox's queue cannot be read or written");
                IDLE
            }
        };
        tokio::select! {
            () = office.bell.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Posts one batch; answers how long to wait for the next.
async fn work(office: &Office, http: &Client) -> Result<Duration, sqlx::Error> {
    let due = office.mailbox.due(office.clock.now(), BATCH).await?;
    if due.is_empty() {
        let planned = office.mailbox.next_due().await?;
        return Ok(planned.map_or(IDLE, |at| {
            at.signed_duration_since(office.clock.now()).to_std().unwrap_or_default().min(LOOK)
        }));
    }
    let due = signed(office, due).await?;
    let mut mails: BTreeMap<String, Vec<Due>> = BTreeMap::new();
    for webhook in due {
        mails.entry(webhook.mail_id.clone()).or_default().push(webhook);
    }
    let posts: Vec<Vec<Post>> = stream::iter(mails.into_values())
        .map(|webhooks| async move {
            let mut posts = Vec::with_capacity(webhooks.len());
            for webhook in webhooks {
                posts.push(post(office, http, &webhook).await);
            }
            posts
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    office.mailbox.settle(&posts.concat()).await?;
    Ok(Duration::ZERO)
}

/// Makes the signatures that are missing, and keeps them before anyone sees them.
async fn signed(office: &Office, mut due: Vec<Due>) -> Result<Vec<Due>, sqlx::Error> {
    let mut fresh = Vec::new();
    for webhook in due.iter_mut().filter(|webhook| webhook.signature.is_none()) {
        let signature = event::sign(&office.settings.signing_key, &*office.clock);
        fresh.push((webhook.sequence, signature.clone()));
        webhook.signature = Some(signature);
    }
    let fresh: Vec<_> = fresh.iter().map(|(sequence, signature)| (*sequence, signature.as_str())).collect();
    office.mailbox.keep_signatures(&fresh).await?;
    Ok(due)
}

async fn post(office: &Office, http: &Client, webhook: &Due) -> Post {
    let signature = webhook.signature.as_deref().unwrap_or("null");
    let body = format!(r#"{{"signature":{signature},"event-data":{}}}"#, webhook.data);
    let request = http
        .post(office.settings.webhook_url.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body);
    let answer = request.send().await.map(|response| response.status().as_u16());
    if matches!(answer, Ok(200 | 406)) {
        return (webhook.sequence, None);
    }
    let attempt = usize::try_from(webhook.attempts).unwrap_or(usize::MAX);
    let again = office.settings.pace.retries.get(attempt).map(|delay| office.clock.now() + *delay);
    tracing::debug!(status = answer.ok(), attempt, given_up = again.is_none(), "webhook not taken");
    (webhook.sequence, again)
}
