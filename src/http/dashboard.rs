//! `/dashboard`: what operators see of mail, and what they can do about it. Every page is made by the server,
//! keeps what it shows in its address, and works without script. One module per page.
//!
//! Numbers come from the queries that answer the API, and each leads to the messages that it counts. Must never
//! show a whole address, but where somebody asks to be shown it, which is recorded.

#[allow(dead_code, reason = "what the pages need of it grows with them")]
mod cut;
mod desk;
mod frame;
mod guard;
#[allow(dead_code, reason = "what the pages need of it grows with them")]
mod number;
mod overview;

use std::sync::Arc;

use poem::endpoint::make;
use poem::{Request, Response, Result};

use self::desk::Desk;
use super::HttpState;
use super::problem::Problem;
use super::resource::Resource;
use crate::api_keys::Scope;

/// Every page with its path.
pub fn all(state: &Arc<HttpState>) -> Vec<(String, Resource)> {
    let at = |path: &str, resource| (format!("/dashboard{path}"), resource);
    vec![at("", Resource::get(page(state, Scope::SupportRead, overview::show)))]
}

/// A handler behind the guard: only operators who may do this get to it. What it refuses is worded as everywhere,
/// for browsers in HTML.
fn page<F, Fut>(state: &Arc<HttpState>, needed: Scope, handler: F) -> impl poem::Endpoint + use<F, Fut>
where
    F: Fn(Desk, Request) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let state = state.clone();
    make(move |request| {
        let state = state.clone();
        async move {
            match guard::admit(&state, &request, needed).await? {
                guard::Admission::Operator(operator) => {
                    let desk = Desk::of(&state, &request, operator);
                    Ok::<_, poem::Error>(handler(desk, request).await?)
                }
                guard::Admission::ToSignIn(answer) => Ok(answer),
            }
        }
    })
}
