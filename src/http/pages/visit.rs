//! One request for a page, and what every page of it needs: the language, the visitor's own number that forms
//! are bound to, and where the visitor is.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};
use serde::Serialize;
use url::form_urlencoded;

use super::super::HttpState;
use super::super::problem::{Code, Problem};
use super::form::{self, Refusal, Wrong};
use super::{cookie, guarded};
use crate::rendering::Language;

/// What was chosen at the foot of a page goes before what the browser asks for.
const LANGUAGE_COOKIE: &str = "backstamp-language";
const LANGUAGE_PARAMETER: &str = "lang";
const LANGUAGE_LIVES: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A visitor's request.
#[derive(Clone)]
pub struct Visit {
    pub state: Arc<HttpState>,
    pub language: Language,
    /// The path below the public URL, without a slash before it, and what was asked for there.
    path: String,
    query: Vec<(String, String)>,
    nonce: form::Nonce,
    /// Whether another language can be chosen here: only pages of ours know how.
    has_choice: bool,
}

/// What the frame around every page shows.
#[derive(Serialize)]
struct Frame<'a> {
    /// To choose from at the foot of the page.
    languages: Vec<Choice<'a>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    tag: &'a str,
    name: String,
    href: String,
}

#[derive(Serialize)]
struct Framed<'a, C> {
    #[serde(flatten)]
    frame: Frame<'a>,
    #[serde(flatten)]
    page: C,
}

#[derive(Serialize)]
struct Asking<'a, C> {
    faults: &'a [Wrong],
    #[serde(flatten)]
    page: C,
}

/// A page that needs no values.
#[derive(Serialize)]
pub struct Plain {}

impl Visit {
    /// Of a page of ours.
    pub fn of(state: &Arc<HttpState>, request: &Request) -> Self {
        Self { has_choice: true, ..Self::passing(state, request) }
    }

    /// Of anything else.
    pub fn passing(state: &Arc<HttpState>, request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self {
            language: language(state, request),
            path: request.uri().path().trim_start_matches('/').to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            nonce: form::Nonce::of(state, request),
            state: state.clone(),
            has_choice: false,
        }
    }

    /// A value out of the address; the first, if it occurs twice.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What a form about this subject must bring back.
    pub fn form_token(&self, subject: &str) -> String {
        self.nonce.token(&self.state.settings, subject)
    }

    /// Keeps the language that was chosen, and goes to where the choice was made.
    pub fn choose_language(&self) -> Option<Response> {
        let chosen = self.parameter(LANGUAGE_PARAMETER)?;
        let known = self.state.renderer.languages().find(|language| language.tag() == chosen);
        let mut response = self.go_to(&self.address(None));
        if let Some(language) = known {
            let mut cookie = cookie::new(&self.state.settings, LANGUAGE_COOKIE, language.tag());
            cookie.set_max_age(LANGUAGE_LIVES);
            cookie::set(&mut response, &cookie);
        }
        Some(response)
    }

    /// 303 to the page for signing in, which leads back here.
    pub fn sign_in(&self) -> Response {
        let here = format!("{}{}", self.root(), self.address(None));
        let mut query = form_urlencoded::Serializer::new(String::new());
        self.go_to(&format!("login?{}", query.append_pair("next", &here).finish()))
    }

    /// What a form must come back with, as a cookie.
    pub fn keep_nonce(&self, response: &mut Response) {
        cookie::set(response, &self.nonce.cookie(&self.state.settings));
    }

    /// What was asked for, as pairs.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// 303 to a path below the public URL.
    pub fn go_to(&self, path: &str) -> Response {
        self.redirect(&format!("{}{path}", self.root()))
    }

    /// 303 to a path of this host.
    pub fn redirect(&self, location: &str) -> Response {
        guarded(Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location).finish())
    }

    /// Renders a page under the headers that every page carries.
    pub fn render(&self, status: StatusCode, name: &str, page: impl Serialize) -> Result<Response, Problem> {
        let frame = Frame { languages: self.choices() };
        let rendered = self.state.renderer.page(name, &self.language, Framed { frame, page });
        let html = rendered.map_err(|error| {
            tracing::error!(%error, "a page could not be rendered");
            Problem::new(Code::Internal)
        })?;
        let answer = Response::builder().status(status).content_type("text/html; charset=utf-8");
        let mut response = guarded(answer.body(html));
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
        if let Ok(tag) = self.language.tag().parse() {
            headers.insert(header::CONTENT_LANGUAGE, tag);
        }
        Ok(response)
    }

    /// Renders a page with a form: what was refused, if anything was, and the cookie that binds it.
    pub fn ask(&self, name: &str, page: impl Serialize, refusal: Refusal) -> Result<Response, Problem> {
        let asking = Asking { faults: &refusal.faults, page };
        let mut response = self.render(refusal.status, name, asking)?;
        self.keep_nonce(&mut response);
        refusal.mark(&mut response);
        Ok(response)
    }

    /// Where our paths begin.
    pub fn root(&self) -> &str {
        self.state.settings.public_url.path()
    }

    fn choices(&self) -> Vec<Choice<'_>> {
        if !self.has_choice {
            return Vec::new();
        }
        let choice = |(language, name)| {
            let href = format!("{}{}", self.root(), self.address(Some(language)));
            Choice { tag: language.tag(), name, href }
        };
        self.state.renderer.language_names().map(choice).collect()
    }

    /// Where the visitor is, with another language asked for, or none.
    fn address(&self, language: Option<&Language>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().filter(|(name, _)| name != LANGUAGE_PARAMETER));
        query.extend_pairs(language.map(|language| (LANGUAGE_PARAMETER, language.tag())));
        match query.finish() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

fn language(state: &HttpState, request: &Request) -> Language {
    let chosen = cookie::get(request, &state.settings, LANGUAGE_COOKIE);
    let chosen = state.renderer.languages().find(|language| chosen.as_deref() == Some(language.tag()));
    let asked_for = request.header(header::ACCEPT_LANGUAGE.as_str());
    chosen.cloned().unwrap_or_else(|| state.renderer.negotiate(asked_for))
}
