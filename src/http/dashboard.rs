//! `/dashboard`: what operators see of mail, and what they can do about it. Every page is made by the server,
//! keeps what it shows in its address, and works without script. One module per page.
//!
//! Numbers come from the queries that answer the API, and each leads to the messages that it counts. Must never
//! show a whole address, but where somebody asks to be shown it, which is recorded.

mod address;
mod bounces;
mod cut;
mod desk;
mod frame;
mod guard;
mod listing;
mod message;
mod messages;
mod notice;
mod number;
mod overview;
mod suppressions;
mod webhooks;
mod words;

use std::sync::Arc;

use poem::endpoint::make;
use poem::{Request, Response, Result};

use self::desk::Desk;
use super::problem::Problem;
use super::resource::Resource;
use super::{HttpState, pages};
use crate::api_keys::Scope;

/// Every page with its path.
pub fn all(state: &Arc<HttpState>) -> Vec<(String, Resource)> {
    let at = |path: &str, resource| (format!("/dashboard{path}"), resource);
    vec![
        at("", seen(state, overview::show)),
        at("/messages", seen(state, messages::show)),
        at("/messages/export.csv", seen(state, messages::csv)),
        at("/messages/export.ndjson", seen(state, messages::ndjson)),
        at("/messages/requests/:id", seen(state, message::request)),
        at("/messages/:id", seen(state, message::show)),
        at("/messages/:id/preview", seen(state, message::preview)),
        at("/messages/:id/resend", seen(state, message::confirm_resend).post(act(state, message::resend))),
        at("/messages/:id/reveal", done(state, message::reveal)),
        at("/messages/:id/suppress", done(state, message::suppress)),
        at("/bounces", seen(state, bounces::show)),
        at("/webhooks", seen(state, webhooks::show)),
        at("/webhooks/replay", seen(state, webhooks::confirm).post(act(state, webhooks::submit))),
        at("/webhooks/dead-letters", seen(state, webhooks::dead_letters)),
        at("/webhooks/dead-letters/replay", done(state, webhooks::replay_dead_letter)),
        at(
            "/webhooks/dead-letters/replay-all",
            seen(state, webhooks::all_dead_letters).post(act(state, webhooks::replay_dead_letters)),
        ),
        at("/webhooks/:id", seen(state, webhooks::one)),
        at("/webhooks/:id/replay", done(state, webhooks::replay)),
        at("/webhooks/:id/reveal", done(state, webhooks::reveal)),
        at("/suppressions", seen(state, suppressions::show).post(act(state, suppressions::add))),
        at("/suppressions/lift", seen(state, suppressions::confirm).post(act(state, suppressions::lift))),
        at("/", anything_else(state)),
        at("/*rest", anything_else(state)),
    ]
}

/// A page that can be looked at.
fn seen<F, Fut>(state: &Arc<HttpState>, handler: F) -> Resource
where
    F: Fn(Desk, Request) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Resource::get(page(state, Scope::SupportRead, handler))
}

/// Where no page is, whatever is done there.
fn anything_else(state: &Arc<HttpState>) -> Resource {
    seen(state, notice::nowhere).post(page(state, Scope::SupportRead, notice::nowhere))
}

/// A form that does something, at a path of its own.
fn done<F, Fut>(state: &Arc<HttpState>, handler: F) -> Resource
where
    F: Fn(Desk, Request) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    Resource::post_only(act(state, handler))
}

/// What only those may do who may act.
fn act<F, Fut>(state: &Arc<HttpState>, handler: F) -> impl poem::Endpoint + use<F, Fut>
where
    F: Fn(Desk, Request) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    page(state, Scope::SupportAct, handler)
}

/// A handler behind the guard: only operators who may do this get to it. What it does not find is told to browsers
/// within the frame; anything else that it refuses is worded as everywhere.
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
                    let is_person = pages::visitor(&state, &request).is_some();
                    match handler(desk.clone(), request).await {
                        Err(problem) if is_person => Ok(notice::of(&desk, problem)?),
                        answer => Ok::<_, poem::Error>(answer?),
                    }
                }
                guard::Admission::Refused(answer) => Ok(answer),
            }
        }
    })
}
