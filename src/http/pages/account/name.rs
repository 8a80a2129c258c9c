//! What the owner is called.

use poem::{Request, Response};

use super::super::super::fields;
use super::super::super::problem::Problem;
use super::super::form::{Refusal, Wrong};
use super::super::told::Told;
use super::super::{Visit, login};
use super::{OwnForm, Shown, Typed, done, page, receive};

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let OwnForm { signed_in, typed, .. } = match receive(&visit, request, "").await {
        Ok(form) => form,
        Err(answered) => return answered.0,
    };
    let name = match fields::name(typed.name.as_deref().unwrap_or_default()) {
        Ok(name) => name,
        Err(fault) => {
            let shown = Shown { typed, ..Shown::default() };
            return page(&visit, &signed_in, shown, Refusal::wrong(vec![Wrong::value("name", &fault)])).await;
        }
    };
    if visit.state.accounts.set_name(signed_in.account.id, name).await? {
        Ok(done(&visit, Told::Name))
    } else {
        login::ended(&visit, Typed::default())
    }
}
