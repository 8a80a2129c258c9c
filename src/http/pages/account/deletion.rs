//! The end of an account.

use poem::{Request, Response};

use super::super::super::client_address::client_key;
use super::super::super::log_in::{Refused, confirm_password};
use super::super::super::problem::Problem;
use super::super::super::session;
use super::super::form::{Refusal, Wrong};
use super::super::told::Told;
use super::super::{Visit, cookie};
use super::{OwnForm, Shown, current_password, page, receive};

const OPEN: &str = "delete";
const FIELD: &str = "delete_password";

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies);
    let OwnForm { signed_in, mut form, .. } = match receive(&visit, request, OPEN).await {
        Ok(form) => form,
        Err(answered) => return answered.0,
    };
    let again = |refusal| page(&visit, &signed_in, Shown { open: OPEN, ..Shown::default() }, refusal);

    let current = match current_password(&mut form, FIELD) {
        Ok(current) => current,
        Err(wrong) => return again(Refusal::wrong(vec![wrong])).await,
    };
    match confirm_password(&visit.state, &signed_in.account, current, &client).await {
        Ok(()) => {}
        Err(Refused::InvalidCredentials) => {
            return again(Refusal::wrong(vec![Wrong::wrong_password(FIELD)])).await;
        }
        Err(refused) => return again(Refusal::problem(&refused.into())).await,
    }
    visit.state.accounts.delete(signed_in.account.id).await?;
    let mut response = visit.go_to("login");
    cookie::set(&mut response, &cookie::expired(&visit.state.settings, session::COOKIE));
    cookie::set(&mut response, &Told::Deleted.cookie(&visit));
    Ok(response)
}
