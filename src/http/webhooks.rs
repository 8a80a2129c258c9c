//! Where Mailgun reports. 200 once the webhook is durable, 406 when it is refused for good, 503 when it
//! should come again. The body is taken as raw bytes; what it means is decided later.

use std::sync::Arc;

use poem::endpoint::make;
use poem::{Request, Response, Result};

use super::HttpState;
use super::json::{is_json, read};
use super::problem::{Code, Problem};
use super::resource::Resource;
use crate::inbox::Receipt;

/// Bytes of a webhook at most; real ones have a few thousand.
const MAX_WEBHOOK: usize = 256 * 1024;

/// `POST /webhooks/mailgun`.
pub fn mailgun(state: Arc<HttpState>) -> Resource {
    Resource::post_only(make(move |request| receive(state.clone(), request)))
}

async fn receive(state: Arc<HttpState>, request: Request) -> Result<Response> {
    if !is_json(request.content_type()) {
        return Err(Problem::new(Code::UnsupportedMediaType).into());
    }
    let (_, mut body) = request.split();
    let bytes = read(&mut body, MAX_WEBHOOK).await?;
    // Apart, so that a sender who hangs up cuts nothing in half.
    let receipt = tokio::spawn(async move { state.inbox.receive(bytes).await }).await;
    match receipt.unwrap_or(Receipt::Unavailable) {
        Receipt::Stored(_) | Receipt::Duplicate => Ok(Response::default()),
        Receipt::Contested => Err(refused("the signature was seen with another content")),
        Receipt::Refused(reason) => Err(refused(reason)),
        Receipt::NoSigningKey => {
            Err(Problem::new(Code::Unavailable).detail("No signing key is configured.").into())
        }
        Receipt::Unavailable => Err(Problem::busy(5).into()),
    }
}

fn refused(reason: &str) -> poem::Error {
    Problem::new(Code::WebhookRefused).detail(reason).into()
}
