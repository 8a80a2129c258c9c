//! What an operator can do about a mail. Each names who did it, and comes from our own form.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde::Serialize;

use super::super::super::problem::{Code, Problem};
use super::super::desk::Desk;
use super::super::notice::{self, Sent};
use super::{id, missing, page};
use crate::commands::SupportError;
use crate::disclosures::Kind;
use crate::domain::address::EmailAddress;
use crate::domain::id::MessageId;
use crate::domain::suppression::Blocks;

/// What was just done, by the word in the address.
pub fn told(done: &str) -> Option<&'static str> {
    match done {
        "resent" => Some("A fresh mail was asked for."),
        "suppressed" => Some("From now on the address gets no such mail."),
        _ => None,
    }
}

#[derive(Serialize)]
struct Confirm {
    recipient: String,
    template: String,
    here: String,
}

/// Asks whether it shall be sent again.
pub async fn confirm_resend(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    let here = format!("messages/{id}");
    match desk.state().commands.check_resend(id).await {
        Ok(()) => {}
        Err(SupportError::Impossible(why)) => return impossible(&desk, &here, why),
        Err(error) => return Err(error.into()),
    }
    let Some(message) = desk.state().queries.message(id).await? else { return missing(&desk) };
    let page = Confirm {
        recipient: message.recipient.unwrap_or_else(|| "erased".to_owned()),
        template: message.template,
        here: desk.link(&here, []),
    };
    desk.render("resend", page)
}

/// Sends it again.
pub async fn resend(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    let here = format!("messages/{id}");
    if let Sent::Stale(answer) = notice::receive(&desk, request, &here).await? {
        return Ok(answer);
    }
    match desk.state().commands.resend(id, &desk.operator.by).await {
        Ok(fresh) => {
            let queries = &desk.state().queries;
            desk.until(|| async { Ok(queries.message(fresh).await?.is_some()) }).await?;
            let fresh = fresh.to_string();
            Ok(desk.visit.redirect(&desk.link(&here, [("done", "resent"), ("at", &fresh)])))
        }
        Err(SupportError::Impossible(why)) => impossible(&desk, &here, why),
        Err(error) => Err(error.into()),
    }
}

fn impossible(desk: &Desk, here: &str, why: &str) -> Result<Response, Problem> {
    let steps = [("Back to the mail", desk.link(here, []))];
    notice::page(desk, StatusCode::CONFLICT, "It cannot be sent again", why, &steps)
}

/// Shows the address, once it is written down that it was shown.
pub async fn reveal(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    let here = format!("messages/{id}");
    if let Sent::Stale(answer) = notice::receive(&desk, request, &here).await? {
        return Ok(answer);
    }
    let Some(recipient) = recipient(&desk, id).await? else { return erased(&desk, &here) };
    desk.state().disclosures.record(&desk.operator.by, Kind::Message, &id.to_string()).await?;
    page(&desk, id, Some(recipient.as_str().to_owned())).await
}

/// Holds mail back from its recipient.
pub async fn suppress(desk: Desk, request: Request) -> Result<Response, Problem> {
    let id = id(&request)?;
    let here = format!("messages/{id}");
    let mut form = match notice::receive(&desk, request, &here).await? {
        Sent::Form(form) => form,
        Sent::Stale(answer) => return Ok(answer),
    };
    let blocks = if form.take("blocks") == Blocks::Bulk.as_str() { Blocks::Bulk } else { Blocks::Everything };
    let Some(recipient) = recipient(&desk, id).await? else { return erased(&desk, &here) };
    desk.state().commands.suppress(recipient, blocks, &desk.operator.by).await?;
    Ok(desk.visit.redirect(&desk.link(&here, [("done", "suppressed")])))
}

async fn recipient(desk: &Desk, id: MessageId) -> Result<Option<EmailAddress>, Problem> {
    desk.state().commands.recipient_of(id).await?.ok_or_else(|| Problem::new(Code::NotFound))
}

fn erased(desk: &Desk, here: &str) -> Result<Response, Problem> {
    let steps = [("Back to the mail", desk.link(here, []))];
    let words = "Everything that named the recipient was erased on request.";
    notice::page(desk, StatusCode::CONFLICT, "The address was erased", words, &steps)
}
