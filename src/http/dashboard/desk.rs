//! One operator's request for a page, and what every page of it needs: who asks, which part of all mail it is
//! about, and the frame around it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};
use serde::Serialize;
use tokio::time::Instant;
use url::form_urlencoded;

use super::super::HttpState;
use super::super::pages::{self, Visit};
use super::super::problem::{Code, Problem};
use super::address;
use super::cut::Cut;
use super::frame::Frame;
use super::guard::Operator;

/// As for all pages; besides, the script may ask this server, and a mail may be shown in a frame of its own.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// How long a page waits for a read model, and between two looks at it.
const PATIENCE: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(20);

/// An operator's request.
#[derive(Clone)]
pub struct Desk {
    pub visit: Visit,
    pub operator: Operator,
    pub cut: Cut,
    pub now: DateTime<Utc>,
    /// Below the public URL, without a slash before it.
    pub path: String,
}

#[derive(Serialize)]
struct Framed<C> {
    frame: Frame,
    csrf_token: String,
    #[serde(flatten)]
    page: C,
}

impl Desk {
    /// What this operator asks for.
    pub fn of(state: &Arc<HttpState>, request: &Request, operator: Operator) -> Self {
        let visit = Visit::passing(state, request);
        let now = state.clock.now();
        let cut = Cut::of(visit.query(), now);
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let mut desk = Self { visit, operator, cut, now, path };
        let faults = address::faults(desk.page(), desk.visit.query());
        desk.cut.faults.extend(faults);
        desk
    }

    /// Where everything is.
    pub fn state(&self) -> &HttpState {
        &self.visit.state
    }

    /// Which page it is, as [`Self::link`] takes it.
    pub fn page(&self) -> &str {
        self.path.trim_start_matches("dashboard").trim_start_matches('/')
    }

    /// What every form must bring back as `csrf_token`; `pages::form::receive` takes the same subject.
    pub fn form_token(&self) -> String {
        self.visit.form_token(&self.operator.subject())
    }

    /// The address of a page of the dashboard, such as `messages`, with these parameters.
    pub fn link<'a>(&self, page: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(pairs).finish();
        let slash = if page.is_empty() { "" } else { "/" };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}dashboard{slash}{page}{mark}{query}", self.visit.root())
    }

    /// The same, about the part of all mail that this page is about.
    pub fn link_here(&self, page: &str) -> String {
        let pairs = self.cut.pairs();
        self.link(page, pairs.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// Waits until a page would show what was just written: read models follow within milliseconds. Where one does
    /// not, the page shows it later.
    pub async fn until<F, Fut>(&self, is_shown: F) -> Result<(), Problem>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<bool, Problem>>,
    {
        let end = Instant::now() + PATIENCE;
        while !is_shown().await? && Instant::now() < end {
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Renders a page of the dashboard.
    pub fn render(&self, name: &str, page: impl Serialize) -> Result<Response, Problem> {
        self.render_as(StatusCode::OK, name, page)
    }

    /// The same with a status of its own. What of the address was not understood makes 422 of 200.
    pub fn render_as(
        &self,
        status: StatusCode,
        name: &str,
        page: impl Serialize,
    ) -> Result<Response, Problem> {
        let is_understood = self.cut.faults.is_empty() || status != StatusCode::OK;
        let status = if is_understood { status } else { StatusCode::UNPROCESSABLE_ENTITY };
        let framed = Framed { frame: Frame::of(self), csrf_token: self.form_token(), page };
        let html = self.state().renderer.dashboard(name, framed).map_err(|error| {
            tracing::error!(%error, "a page of the dashboard could not be rendered");
            Problem::new(Code::Internal)
        })?;
        let answer = Response::builder().status(status).content_type("text/html; charset=utf-8");
        let mut response = pages::guarded_by(POLICY, answer.body(html));
        self.visit.keep_nonce(&mut response);
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("cookie, authorization"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        Ok(response)
    }
}
