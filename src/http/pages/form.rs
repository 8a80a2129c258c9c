//! Forms and cookies. A form is taken only from our own page: its token is bound to a cookie, and where the
//! browser says where it comes from, that must be here.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use poem::http::header;
use poem::web::cookie::{Cookie, SameSite};
use poem::{Request, Response};
use sha2::Sha256;
use url::form_urlencoded;

use super::super::fields::{Fault, Faults};
use super::super::json::{MAX_BODY, media_type_is, read};
use super::super::problem::{Code, Problem};
use super::super::{HttpSettings, HttpState};

const CSRF_COOKIE: &str = "backstamp-form";
const CSRF_FIELD: &str = "csrf_token";
/// 16 bytes in base64.
const NONCE_LENGTH: usize = 22;

/// The fields of a form, each at most once.
pub struct Form(HashMap<String, String>);

impl Form {
    /// Takes a field out; an absent one is empty.
    pub fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }
}

/// Reads a form that our own page sent about this subject, or refuses it.
pub async fn receive(state: &HttpState, request: Request, subject: &str) -> Result<Form, Problem> {
    if !is_ours(&request, &state.settings) {
        return Err(Problem::new(Code::Forbidden));
    }
    if !media_type_is(request.content_type(), "application/x-www-form-urlencoded") {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    let nonce = cookie(&request, &state.settings, CSRF_COOKIE);
    let (_, mut body) = request.split();
    let bytes = read(&mut body, MAX_BODY).await?;
    let mut form = parse(&bytes)?;
    let token = form.take(CSRF_FIELD);
    if !nonce.is_some_and(|nonce| is_token_for(&nonce, subject, &token, &state.settings.csrf_key)) {
        return Err(Problem::new(Code::Forbidden));
    }
    Ok(form)
}

fn parse(bytes: &[u8]) -> Result<Form, Problem> {
    let mut fields = HashMap::new();
    let mut faults = Faults::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        let pointer = format!("/{name}");
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            faults.take::<()>(&pointer, Err(Fault("duplicate", "occurs twice".into())));
            return Err(faults.into());
        }
    }
    Ok(Form(fields))
}

/// `Sec-Fetch-Site` decides where the browser sends it. Our pages have no referrer, so their forms may say
/// `Origin: null`, which proves nothing alone. Neither header: no browser of these days; the token decides.
fn is_ours(request: &Request, settings: &HttpSettings) -> bool {
    let site = request.headers().get("sec-fetch-site").map(|value| value.as_bytes());
    let origin = request.headers().get(header::ORIGIN).map(|value| value.as_bytes());
    let ours = settings.public_url.origin().ascii_serialization();
    match (site, origin) {
        (Some(site), origin) => {
            let origin_fits = origin.is_none_or(|origin| origin == b"null" || origin == ours.as_bytes());
            matches!(site, b"same-origin" | b"none") && origin_fits
        }
        (None, Some(origin)) => origin == ours.as_bytes(),
        (None, None) => true,
    }
}

/// What a form must bring back, and the cookie that it is bound to.
pub struct FormToken {
    pub value: String,
    pub cookie: Cookie,
}

impl FormToken {
    /// A token for the visitor's own cookie, or for a fresh one, and for what the form is about: a form that
    /// named one account must not be taken for another.
    pub fn issue(state: &HttpState, request: &Request, subject: &str) -> Self {
        let nonce = cookie(request, &state.settings, CSRF_COOKIE).filter(|nonce| nonce.len() == NONCE_LENGTH);
        let nonce = nonce.unwrap_or_else(|| {
            let mut random = [0; 16];
            state.clock.fill(&mut random);
            BASE64_URL_SAFE_NO_PAD.encode(random)
        });
        let value = mac(&nonce, subject, &state.settings.csrf_key).finalize().into_bytes();
        Self {
            value: BASE64_URL_SAFE_NO_PAD.encode(value),
            cookie: new_cookie(&state.settings, CSRF_COOKIE, &nonce),
        }
    }
}

fn is_token_for(nonce: &str, subject: &str, token: &str, key: &[u8; 32]) -> bool {
    let token = BASE64_URL_SAFE_NO_PAD.decode(token);
    token.is_ok_and(|token| mac(nonce, subject, key).verify_slice(&token).is_ok())
}

fn mac(nonce: &str, subject: &str, key: &[u8; 32]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"backstamp form\0");
    mac.update(nonce.as_bytes());
    mac.update(b"\0");
    mac.update(subject.as_bytes());
    mac
}

/// The value of one of our cookies.
pub fn cookie(request: &Request, settings: &HttpSettings, name: &str) -> Option<String> {
    let name = cookie_name(settings, name);
    let lines = request.headers().get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// A cookie for this host and nobody's script. `Lax`, because people arrive by a link in a mail.
pub fn new_cookie(settings: &HttpSettings, name: &str, value: &str) -> Cookie {
    let mut cookie = Cookie::new_with_str(cookie_name(settings, name), value);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    cookie.set_secure(settings.is_https());
    cookie
}

/// Ends a cookie.
pub fn expired_cookie(settings: &HttpSettings, name: &str) -> Cookie {
    let mut cookie = new_cookie(settings, name, "");
    cookie.set_max_age(Duration::ZERO);
    cookie
}

/// Adds a cookie to an answer.
pub fn set_cookie(response: &mut Response, cookie: &Cookie) {
    if let Ok(value) = cookie.to_string().parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The `__Host-` prefix makes browsers insist on `Secure` and on this very host.
fn cookie_name(settings: &HttpSettings, name: &str) -> String {
    if settings.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_fits_its_own_cookie_and_subject_only() {
        let key = [7; 32];
        let token = BASE64_URL_SAFE_NO_PAD.encode(mac("nonce", "a", &key).finalize().into_bytes());

        assert!(is_token_for("nonce", "a", &token, &key));
        assert!(!is_token_for("other", "a", &token, &key));
        assert!(!is_token_for("nonce", "b", &token, &key));
        assert!(!is_token_for("nonce", "a", &token, &[8; 32]));
        assert!(!is_token_for("nonce", "a", "", &key));
    }

    #[test]
    fn a_field_that_occurs_twice_is_refused() {
        assert_eq!(parse(b"email=a%40b.test&x=1").map(|mut form| form.take("email")).unwrap(), "a@b.test");
        assert!(parse(b"email=a&email=b").is_err());
    }
}
