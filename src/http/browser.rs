//! What a request tells about the browser.

use poem::http::{HeaderMap, header};

use crate::domain::browser::describe;

/// The browser in rough words, where it says anything.
pub fn browser(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).and_then(describe)
}
