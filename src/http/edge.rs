//! What every request passes on its way in, and every answer on its way out.
//!
//! One log line per request: route pattern, method, status, seconds, request id. Never the URI, a body, a
//! header or an address: tokens travel there.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use poem::http::{HeaderValue, Method, header};

use poem::{Endpoint, IntoResponse, PathPattern, Request, Response, Result};
use tokio::time::Instant;

use super::problem::{Code, Problem};
use super::{HttpState, cors, pages};

/// How long a request may take in all.
const PATIENCE: Duration = Duration::from_secs(30);
/// Answers that could betray an account by their time.
const DISCREET: [&str; 9] = [
    "/v1/password-resets",
    "/v1/accounts",
    "/v1/email-verifications",
    "/v1/sessions",
    "/v1/me/email",
    "/forgot-password",
    "/register",
    "/verify-email/resend",
    "/login",
];

/// The outermost endpoint; it never fails.
pub struct Edge<E> {
    inner: E,
    state: Arc<HttpState>,
}

impl<E: Endpoint> Edge<E> {
    /// Guards these routes.
    pub fn new(inner: E, state: Arc<HttpState>) -> Self {
        Self { inner, state }
    }

    /// Panics and slowness become answers like any other.
    async fn attempt(&self, request: Request) -> Result<Response> {
        let guarded = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        match tokio::time::timeout(PATIENCE, guarded).await {
            Ok(Ok(outcome)) => outcome.map(IntoResponse::into_response),
            Ok(Err(_)) => {
                tracing::error!("a handler panicked");
                Err(Problem::new(Code::Internal).into())
            }
            Err(_) => Err(Problem::busy(5).into()),
        }
    }

    async fn wait_for_deadline(&self, arrived: Instant, method: &Method, route: &str) {
        let deadline = Duration::from_millis(self.state.settings.answer_deadline_ms);
        if method == Method::POST && DISCREET.contains(&route) {
            tokio::time::sleep_until(arrived + deadline).await;
        }
    }

    fn finish(&self, response: &mut Response, request_id: &str) {
        let headers = response.headers_mut();
        let mut set = |name: header::HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::HeaderName::from_static("x-request-id"), request_id);
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if self.state.settings.is_https() {
            set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
        // Only static assets bring a policy of their own.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let arrived = Instant::now();
        let request_id = self.state.clock.uuid().simple().to_string();
        let method = request.method().clone();
        let reader = pages::visitor(&self.state, &request);
        let visitor = cors::Visitor::of(&request, &self.state.settings.allowed_origins);

        let outcome = match visitor.preflight() {
            Some(answer) => Ok(answer),
            None => self.attempt(request).await,
        };
        let pattern = match &outcome {
            Ok(response) => response.data::<PathPattern>().cloned(),
            Err(error) => error.data::<PathPattern>().cloned(),
        };
        // Nothing matched, or only the prefix under which everything lies.
        let route = pattern.as_ref().map(|pattern| &*pattern.0).filter(|route| !route.is_empty());
        let route = route.unwrap_or("-");
        let mut response = outcome.unwrap_or_else(|error| {
            let problem = Problem::from(error);
            pages::refusal(&reader, &problem).unwrap_or_else(|| problem.into_response(&request_id))
        });
        visitor.mark(&mut response);
        self.finish(&mut response, &request_id);
        self.wait_for_deadline(arrived, &method, route).await;

        let (status, seconds) = (response.status().as_u16(), arrived.elapsed().as_secs_f64());
        self.state.metrics.answered(method.as_str(), route, status, seconds);
        tracing::info!(request_id, method = method.as_str(), route, status, seconds, "answered");
        Ok(response)
    }
}
