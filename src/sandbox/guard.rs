//! Who may look into the mailbox: a caller on this machine, talking to it directly and by a name of its own.
//!
//! Whoever reads this mailbox owns every account, so a proxy in front, a name that was rebound to loopback,
//! or a page of another origin gets nothing.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};

/// Only the mailbox's own style, pictures none, frames its own.
const POLICY: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Answers 403 to everyone else, and marks every answer as private.
pub(super) async fn protect<E: Endpoint>(endpoint: Arc<E>, request: Request) -> poem::Result<Response> {
    let admitted = is_local(&request) && (is_safe(request.method()) || is_same_origin(&request));
    let mut response = if admitted {
        match endpoint.call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        }
    } else {
        Response::builder().status(StatusCode::FORBIDDEN).content_type("text/plain").body("Forbidden")
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not `no-referrer`: with it a form of our own page would carry `Origin: null`.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    Ok(response)
}

fn is_local(request: &Request) -> bool {
    let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip().to_canonical());
    let forwarded = request.headers().keys().any(|name| {
        let name = name.as_str();
        FORWARDING.contains(&name)
            || FORWARDING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || name.contains("forwarded")
            || name.ends_with("client-ip")
            || name.ends_with("clientip")
            || name.ends_with("user-ip")
    });
    // A request in absolute form names its host there as well.
    let named = request.uri().authority().is_none_or(|authority| is_loopback_host(authority.as_str()));
    peer.is_some_and(|ip| ip.is_loopback())
        && !forwarded
        && named
        && host(request).is_some_and(is_loopback_host)
}

/// What proxies and content networks add to a request that they pass on.
const FORWARDING: [&str; 5] = ["via", "x-real-ip", "cdn-loop", "x-host", "x-cluster-client-ip"];
const FORWARDING_PREFIXES: [&str; 4] = ["cf-", "x-original-", "x-envoy-", "fastly-"];

fn host(request: &Request) -> Option<&str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// `localhost`, `127.0.0.1` or `[::1]`, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    let port = |text: &str| {
        text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
    };
    if let Some((ip, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        return port(rest) && ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    }
    let (name, rest) = host.split_at(host.find(':').unwrap_or(host.len()));
    port(rest)
        && (name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What browsers say about where a request comes from; scripts outside of one say nothing.
fn is_same_origin(request: &Request) -> bool {
    if let Some(site) = request.header("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (request.header(header::ORIGIN.as_str()), host(request)) {
        (Some(origin), Some(host)) => {
            origin.strip_prefix("http://").or(origin.strip_prefix("https://")) == Some(host)
        }
        (Some(_), None) => false,
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_hosts_of_the_mailbox() {
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "127.8.0.1:80", "[::1]", "[::1]:80"]
        {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "rebound.test",
            "localhost.rebound.test:80",
            "127.0.0.1.rebound.test",
            "192.0.2.1",
            "[2001:db8::1]:80",
            "localhost:x",
            "localhost:80:80",
            "[::1]x",
            "::1",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
