//! The owner's own change of password.

use poem::{Request, Response};

use super::super::super::change_password::{self, NewPassword, Refused};
use super::super::super::client_address::client_key;
use super::super::super::log_in;
use super::super::super::problem::Problem;
use super::super::form::{Refusal, Wrong};
use super::super::told::Told;
use super::super::{Visit, login, new_password};
use super::{OwnForm, Shown, Typed, current_password, done, page, receive};

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies);
    let OwnForm { signed_in, mut form, .. } = match receive(&visit, request, "").await {
        Ok(form) => form,
        Err(answered) => return answered.0,
    };
    let again = |refusal| page(&visit, &signed_in, Shown::default(), refusal);

    let current = current_password(&mut form, "current_password");
    let new = new_password::take(&mut form, "new_password", "new_password_again");
    let (current, new) = match (current, new) {
        (Ok(current), Ok(new)) => (current, new),
        (current, new) => {
            let faults = current.err().into_iter().chain(new.err()).collect();
            return again(Refusal::wrong(faults)).await;
        }
    };
    let locale = Some(visit.language.tag().to_owned());
    let wanted = NewPassword { current, new, client, locale };
    match change_password::change(visit.state.clone(), signed_in.clone(), wanted).await {
        Ok(()) => Ok(done(&visit, Told::Password)),
        Err(Refused::Current(log_in::Refused::InvalidCredentials)) => {
            again(Refusal::wrong(vec![Wrong::wrong_password("current_password")])).await
        }
        Err(Refused::Password(rejections)) => {
            again(Refusal::wrong(new_password::rejected(&visit, "new_password", &rejections))).await
        }
        Err(Refused::Ended) => login::ended(&visit, Typed::default()),
        Err(refused @ (Refused::Current(_) | Refused::Later(_))) => {
            again(Refusal::problem(&refused.into())).await
        }
    }
}
