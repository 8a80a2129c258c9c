//! Our cookies: for this host and nobody's script.

use std::time::Duration;

use poem::http::header;
use poem::web::cookie::{Cookie, SameSite};
use poem::{Request, Response};

use super::super::HttpSettings;

/// The value of one of our cookies.
pub fn get(request: &Request, settings: &HttpSettings, name: &str) -> Option<String> {
    let name = full_name(settings, name);
    let lines = request.headers().get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// A cookie. `Lax`, because people arrive by a link in a mail.
pub fn new(settings: &HttpSettings, name: &str, value: &str) -> Cookie {
    let mut cookie = Cookie::new_with_str(full_name(settings, name), value);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    cookie.set_secure(settings.is_https());
    cookie
}

/// Ends a cookie.
pub fn expired(settings: &HttpSettings, name: &str) -> Cookie {
    let mut cookie = new(settings, name, "");
    cookie.set_max_age(Duration::ZERO);
    cookie
}

/// Adds a cookie to an answer.
pub fn set(response: &mut Response, cookie: &Cookie) {
    if let Ok(value) = cookie.to_string().parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The `__Host-` prefix makes browsers insist on `Secure` and on this very host.
fn full_name(settings: &HttpSettings, name: &str) -> String {
    if settings.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}
