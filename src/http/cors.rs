//! Cross-origin calls: scripts of exactly the allowed origins may use the public API, without credentials.
//!
//! An origin that is not allowed is not refused here: its browser keeps the answer from it.

use poem::http::{HeaderValue, Method, header};
use poem::{Request, Response};
use url::Origin;

/// The part of the API that needs no key.
const PUBLIC: [&str; 5] = [
    "/v1/password-resets",
    "/v1/password-resets/inspect",
    "/v1/password-resets/confirm",
    "/v1/sessions",
    "/v1/sessions/current",
];
/// What the owner of a session does with it; tokens come in a header, never by a cookie from elsewhere.
const OWN: &str = "/v1/me";
const EXPOSED: &str = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy";

/// What cross-origin rules say about one request.
pub struct Visitor {
    is_public: bool,
    is_preflight: bool,
    allowed: Option<HeaderValue>,
}

impl Visitor {
    /// Looks at path, method and `Origin`.
    pub fn of(request: &Request, allowed_origins: &[Origin]) -> Self {
        let is_public = !allowed_origins.is_empty() && is_public(request.uri().path());
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let is_allowed = |origin: &&HeaderValue| {
            allowed_origins
                .iter()
                .any(|allowed| allowed.ascii_serialization().as_bytes() == origin.as_bytes())
        };
        let origin = request.headers().get(header::ORIGIN).filter(is_allowed).filter(|_| is_public);
        Self { is_public, is_preflight, allowed: origin.cloned() }
    }

    /// The answer to a preflight of an allowed origin.
    pub fn preflight(&self) -> Option<Response> {
        (self.is_preflight && self.allowed.is_some()).then(|| {
            Response::builder()
                .status(poem::http::StatusCode::NO_CONTENT)
                .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE")
                .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type")
                .header(header::ACCESS_CONTROL_MAX_AGE, "600")
                .finish()
        })
    }

    /// Lets the allowed origin read the answer; caches must keep origins apart either way.
    pub fn mark(self, response: &mut Response) {
        let headers = response.headers_mut();
        if self.is_public {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

fn is_public(path: &str) -> bool {
    PUBLIC.contains(&path)
        || path.strip_prefix(OWN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
