//! Where else the owner is signed in.

use poem::{Request, Response};

use super::super::super::answers::id;
use super::super::super::problem::Problem;
use super::super::Visit;
use super::super::told::Told;
use super::{OwnForm, done, receive};

/// Ends one session, or all but this one if the form names none. One that has ended already is as well.
pub async fn revoke(visit: Visit, request: Request) -> Result<Response, Problem> {
    let OwnForm { signed_in, mut form, .. } = match receive(&visit, request, "").await {
        Ok(form) => form,
        Err(answered) => return answered.0,
    };
    let (sessions, account) = (&visit.state.sessions, signed_in.account.id);
    match form.take("session") {
        all if all.is_empty() => {
            sessions.revoke_others(account, signed_in.session.id).await?;
            Ok(done(&visit, Told::Sessions))
        }
        one => {
            sessions.revoke(account, id(&one)?).await?;
            Ok(done(&visit, Told::Session))
        }
    }
}
