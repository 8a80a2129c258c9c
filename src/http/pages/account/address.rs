//! Where the owner is reached.

use poem::{Request, Response};

use super::super::super::address_changes::{self, Moving, Refused};
use super::super::super::browser::browser;
use super::super::super::client_address::client_key;
use super::super::super::problem::Problem;
use super::super::super::{fields, log_in};
use super::super::Visit;
use super::super::form::{Refusal, Wrong};
use super::super::told::Told;
use super::{OwnForm, Shown, current_password, done, page, receive};
use crate::rendering::Text;

pub const OPEN: &str = "address";
const EMAIL: &str = "new_email";
const PASSWORD: &str = "address_password";

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies);
    let browser = browser(request.headers());
    let OwnForm { signed_in, mut form, typed } = match receive(&visit, request, OPEN).await {
        Ok(form) => form,
        Err(answered) => return answered.0,
    };
    let given = typed.new_email.clone().unwrap_or_default();
    let again = |refusal| page(&visit, &signed_in, Shown { typed, open: OPEN, ..Shown::default() }, refusal);

    let email = fields::email(&given).map_err(|fault| Wrong::value(EMAIL, &fault));
    let current = current_password(&mut form, PASSWORD);
    let (email, current_password) = match (email, current) {
        (Ok(email), Ok(current)) => (email, current),
        (email, current) => {
            let faults = email.err().into_iter().chain(current.err()).collect();
            return again(Refusal::wrong(faults)).await;
        }
    };
    let locale = Some(visit.language.tag().to_owned());
    let moving = Moving { email, current_password, locale, browser, client };
    match address_changes::change(&visit.state, signed_in.clone(), moving).await {
        Ok(_) => Ok(done(&visit, Told::Address)),
        Err(Refused::Unchanged) => {
            again(Refusal::wrong(vec![Wrong::field(EMAIL, Text::new("fault-same-address"))])).await
        }
        Err(Refused::Current(log_in::Refused::InvalidCredentials)) => {
            again(Refusal::wrong(vec![Wrong::wrong_password(PASSWORD)])).await
        }
        Err(refused @ (Refused::Current(_) | Refused::Later(_))) => {
            again(Refusal::problem(&refused.into())).await
        }
    }
}
