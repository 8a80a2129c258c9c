//! Where a mailed link leads. Its first answer moves the token from the address bar into a cookie, so that no
//! history, referrer or log keeps it; fetching it changes nothing about it, however often scanners do so.

use std::time::Duration;

use poem::http::Method;
use poem::web::cookie::Cookie;
use poem::{Request, Response};

use super::{Visit, cookie};
use crate::domain::one_time_link::VisitKind;

/// What is longer is no token, and no cookie should hold it.
const MAX_TOKEN: usize = 512;
const COOKIE_LIVES: Duration = Duration::from_secs(15 * 60);

/// One kind of link.
pub struct Link {
    /// The page that it leads to, below the public URL.
    pub path: &'static str,
    /// The cookie in which its token waits.
    pub cookie: &'static str,
}

impl Link {
    /// The token, if the visitor has just followed the link; an implausible one is empty.
    pub fn followed<'a>(&self, visit: &'a Visit) -> Option<&'a str> {
        let token = visit.parameter("token")?;
        let is_plausible = token.len() <= MAX_TOKEN && token.bytes().all(is_base64url);
        Some(if is_plausible { token } else { "" })
    }

    /// The page without the token in its address. Whether the link works is told there.
    pub fn keep(&self, visit: &Visit, token: &str) -> Response {
        let mut response = visit.go_to(self.path);
        let cookie = if token.is_empty() {
            self.forgotten(visit)
        } else {
            let mut cookie = cookie::new(&visit.state.settings, self.cookie, token);
            cookie.set_max_age(COOKIE_LIVES);
            cookie
        };
        cookie::set(&mut response, &cookie);
        response
    }

    /// The token that waits.
    pub fn token(&self, visit: &Visit, request: &Request) -> Option<String> {
        cookie::get(request, &visit.state.settings, self.cookie).filter(|token| !token.is_empty())
    }

    /// What ends the cookie of a link that has done its work.
    pub fn forgotten(&self, visit: &Visit) -> Cookie {
        cookie::expired(&visit.state.settings, self.cookie)
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether a person follows the link, or a browser fetches it ahead of one, or nobody will read the answer.
pub fn kind_of_visit(request: &Request) -> VisitKind {
    let announces = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().contains("pre"))
    };
    let is_prefetch = ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(announces);
    if is_prefetch || request.method() == Method::HEAD { VisitKind::Prefetch } else { VisitKind::Link }
}
