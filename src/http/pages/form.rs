//! Forms. One is taken only from our own page: its token is bound to a cookie, and where the browser says
//! where it comes from, that must be here. One whose token does not fit (any more) does nothing, and comes
//! back with what was typed, so that it can be sent again.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::web::cookie::Cookie;
use poem::{Request, Response};
use serde::Serialize;
use sha2::Sha256;
use url::form_urlencoded;

use super::super::fields::{Fault, Faults};
use super::super::json::{MAX_BODY, media_type_is, read};
use super::super::problem::{Code, Problem};
use super::super::{HttpSettings, HttpState};
use super::{Visit, cookie};
use crate::rendering::Text;

const CSRF_COOKIE: &str = "backstamp-form";
const CSRF_FIELD: &str = "csrf_token";
/// 16 bytes in base64.
const NONCE_LENGTH: usize = 22;

/// The fields of a form, each at most once.
#[derive(Default)]
pub struct Form(HashMap<String, String>);

impl Form {
    /// Takes a field out; an absent one is empty.
    pub fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }
}

/// A form that came in.
pub enum Received {
    /// From our page, for this visitor.
    Sent(Form),
    /// It may be from our page, but from another time: the cookie is gone, or the one who was signed in is. It
    /// must do nothing but come back.
    Stale(Form),
}

/// Reads a form about this subject, or refuses what cannot have come from our page.
pub async fn receive(visit: &Visit, request: Request, subject: &str) -> Result<Received, Problem> {
    let settings = &visit.state.settings;
    if !is_ours(&request, settings) {
        return Err(Problem::new(Code::Forbidden));
    }
    if !media_type_is(request.content_type(), "application/x-www-form-urlencoded") {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    let nonce = cookie::get(&request, settings, CSRF_COOKIE);
    let (_, mut body) = request.split();
    let bytes = read(&mut body, MAX_BODY).await?;
    let mut form = parse(&bytes)?;
    let token = form.take(CSRF_FIELD);
    let fits = nonce.is_some_and(|nonce| is_token_for(&nonce, subject, &token, &settings.csrf_key));
    Ok(if fits { Received::Sent(form) } else { Received::Stale(form) })
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

/// Whether nothing says that a page of others made the browser send this. `Sec-Fetch-Site` decides where the
/// browser sends it. Our pages have no referrer, so their forms may say `Origin: null`, which proves nothing
/// alone. Neither header: no browser of these days; the form's token decides.
pub fn is_ours(request: &Request, settings: &HttpSettings) -> bool {
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

/// A visitor's own random number; what binds forms to their browser.
#[derive(Clone)]
pub struct Nonce(String);

impl Nonce {
    /// The one that the visitor has, or a fresh one.
    pub fn of(state: &HttpState, request: &Request) -> Self {
        let own = cookie::get(request, &state.settings, CSRF_COOKIE);
        Self(own.filter(|nonce| nonce.len() == NONCE_LENGTH).unwrap_or_else(|| {
            let mut random = [0; 16];
            state.clock.fill(&mut random);
            BASE64_URL_SAFE_NO_PAD.encode(random)
        }))
    }

    /// A token for this visitor and for what the form is about: a form that named one account must not be
    /// taken for another.
    pub fn token(&self, settings: &HttpSettings, subject: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(mac(&self.0, subject, &settings.csrf_key).finalize().into_bytes())
    }

    /// The cookie that keeps it.
    pub fn cookie(&self, settings: &HttpSettings) -> Cookie {
        cookie::new(settings, CSRF_COOKIE, &self.0)
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

/// What is wrong with a sent form, for the one who filled it in.
#[derive(Debug, Serialize)]
pub struct Wrong {
    /// The id of the field; empty if it is about none.
    field: &'static str,
    text: Text,
}

impl Wrong {
    /// Something about this field.
    pub fn field(field: &'static str, text: Text) -> Self {
        Self { field, text }
    }

    /// What the rules for single values say about this field.
    pub fn value(field: &'static str, fault: &Fault) -> Self {
        Self::field(field, Text::new(format!("fault-{}", fault.0.replace('_', "-"))))
    }

    /// This is not the owner's password.
    pub fn wrong_password(field: &'static str) -> Self {
        Self::field(field, Text::new("fault-wrong-password"))
    }

    fn form(text: Text) -> Self {
        Self { field: "", text }
    }
}

/// Why a form is shown (again), and the answer's status and headers with it.
pub struct Refusal {
    pub status: StatusCode,
    pub faults: Vec<Wrong>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// Nothing was refused.
    pub fn none() -> Self {
        Self::told(StatusCode::OK)
    }

    /// The page itself tells what is wrong.
    pub fn told(status: StatusCode) -> Self {
        Self { status, faults: Vec::new(), headers: Vec::new() }
    }

    /// Something that was filled in cannot be accepted.
    pub fn wrong(faults: Vec<Wrong>) -> Self {
        Self { faults, ..Self::told(StatusCode::UNPROCESSABLE_ENTITY) }
    }

    /// The form is from another time.
    pub fn stale() -> Self {
        Self { faults: vec![Wrong::form(Text::new("fault-stale"))], ..Self::told(StatusCode::FORBIDDEN) }
    }

    /// What has nothing to do with what was filled in: the form may be sent again, later.
    pub fn problem(problem: &Problem) -> Self {
        let text = match problem.code() {
            Code::RateLimited => {
                let minutes = retry_after(problem).div_ceil(60).max(1);
                Text::new("fault-rate-limited").with("minutes", minutes)
            }
            Code::Busy | Code::Unavailable => Text::new("fault-unavailable"),
            _ => Text::new("fault-internal"),
        };
        Self {
            status: problem.status(),
            faults: vec![Wrong::form(text)],
            headers: problem.headers().to_vec(),
        }
    }

    /// Adds what belongs to it to the answer.
    pub fn mark(self, response: &mut Response) {
        response.headers_mut().extend(self.headers);
    }
}

/// Seconds.
fn retry_after(problem: &Problem) -> u64 {
    let header = problem.headers().iter().find(|(name, _)| *name == header::RETRY_AFTER);
    header.and_then(|(_, value)| value.to_str().ok()?.parse().ok()).unwrap_or_default()
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
