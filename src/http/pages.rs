//! The pages people meet: ask for a link, choose a new password. Every one works without script, loads
//! nothing from elsewhere, and tells the same to everybody about whether an account exists.

mod forgot_password;
mod form;
mod notice;
mod reset_password;

use std::sync::Arc;

use poem::endpoint::make;
use poem::http::{HeaderName, StatusCode, header};
use poem::{Request, Response, Result};
use serde::Serialize;

use super::HttpState;
use super::fields::Fault;
use super::problem::{Code, Problem};
use super::resource::Resource;
use crate::rendering::{Language, Text};

const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// Names change with content, so what was loaded once is right forever.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Every page with its path.
pub fn all(state: &Arc<HttpState>) -> Vec<(String, Resource)> {
    let stylesheet = state.renderer.stylesheet().clone();
    let style = move |_| {
        let answer = Response::builder().content_type("text/css; charset=utf-8");
        let answer = answer.header(header::CACHE_CONTROL, FOREVER).body(stylesheet.content.clone());
        async move { Ok::<_, poem::Error>(answer) }
    };
    vec![
        (
            "/forgot-password".into(),
            Resource::get(page(state, forgot_password::show)).post(page(state, forgot_password::submit)),
        ),
        (
            "/reset-password".into(),
            Resource::get(page(state, reset_password::show)).post(page(state, reset_password::submit)),
        ),
        ("/login".into(), Resource::get(page(state, login))),
        (format!("/assets/{}", state.renderer.stylesheet().name), Resource::get(make(style))),
    ]
}

/// A handler of a page: what it refuses is told in HTML.
fn page<F, Fut>(state: &Arc<HttpState>, handler: F) -> impl poem::Endpoint + use<F, Fut>
where
    F: Fn(Arc<HttpState>, Request) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let state = state.clone();
    make(move |request| {
        let state = state.clone();
        async move {
            let language = language(&state, &request);
            match handler(state.clone(), request).await {
                Ok(response) => Ok::<_, poem::Error>(response),
                Err(problem) => Ok(notice::of(&state, &language, &problem)?),
            }
        }
    })
}

/// What the visitor's browser asks for, of what there is.
fn language(state: &HttpState, request: &Request) -> Language {
    state.renderer.negotiate(request.header(header::ACCEPT_LANGUAGE.as_str()))
}

async fn login(state: Arc<HttpState>, request: Request) -> Result<Response, Problem> {
    render(&state, &language(&state, &request), StatusCode::OK, "login", ())
}

/// What is wrong with a field, for the one who typed it.
fn fault_text(fault: &Fault) -> Text {
    Text::new(format!("fault-{}", fault.0.replace('_', "-")))
}

/// Renders a page under the headers that every page carries.
fn render(
    state: &HttpState,
    language: &Language,
    status: StatusCode,
    name: &str,
    context: impl Serialize,
) -> Result<Response, Problem> {
    let html = state.renderer.page(name, language, context).map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::new(Code::Internal)
    })?;
    let response = Response::builder().status(status).content_type("text/html; charset=utf-8").body(html);
    let mut response = guarded(response);
    let headers = response.headers_mut();
    headers.insert(header::VARY, poem::http::HeaderValue::from_static("accept-language"));
    if let Ok(tag) = language.tag().parse() {
        headers.insert(header::CONTENT_LANGUAGE, tag);
    }
    Ok(response)
}

fn guarded(mut response: Response) -> Response {
    let guards: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in guards {
        response.headers_mut().insert(name, poem::http::HeaderValue::from_static(value));
    }
    response
}
