//! What owners typed and have not sent successfully yet. A password is never among it.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use poem::Request;
use poem::web::cookie::Cookie;
use serde::{Deserialize, Serialize};

use super::super::form::Form;
use super::super::{Visit, cookie};

/// From signing in again to the page that it is shown on: one redirect.
const COOKIE: &str = "backstamp-draft";
const COOKIE_LIVES: Duration = Duration::from_secs(60);
/// No name or address is longer, and no browser takes much longer cookies.
const MAX_BYTES: usize = 1024;

/// The fields that are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Typed {
    pub name: Option<String>,
    pub new_email: Option<String>,
}

impl Typed {
    /// Out of a form whose fields have this before their names.
    pub fn take(form: &mut Form, prefix: &str) -> Self {
        let mut field =
            |name: &str| Some(form.take(&format!("{prefix}{name}"))).filter(|text| !text.is_empty());
        Self { name: field("name"), new_email: field("new_email") }
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.new_email.is_none()
    }

    /// The cookie that takes it to the next page, if there is anything.
    pub fn cookie(&self, visit: &Visit) -> Option<Cookie> {
        let json =
            serde_json::to_vec(self).ok().filter(|json| !self.is_empty() && json.len() <= MAX_BYTES)?;
        let mut cookie = cookie::new(&visit.state.settings, COOKIE, &BASE64_URL_SAFE_NO_PAD.encode(json));
        cookie.set_max_age(COOKIE_LIVES);
        Some(cookie)
    }

    /// What came along.
    pub fn kept(visit: &Visit, request: &Request) -> Option<Self> {
        let text = cookie::get(request, &visit.state.settings, COOKIE)?;
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice::<Self>(&json).ok().filter(|typed| !typed.is_empty())
    }

    /// What ends the cookie once it was shown.
    pub fn forgotten(visit: &Visit) -> Cookie {
        cookie::expired(&visit.state.settings, COOKIE)
    }
}
