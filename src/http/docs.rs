//! The OpenAPI document, and a page to read and try it. The page loads nothing from anywhere.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use poem::endpoint::make_sync;
use poem::http::header;
use poem::{Body, Response};
use poem_openapi::{OpenApi, OpenApiService};
use sha2::{Digest, Sha256};

use super::problem::{Code, MEDIA_TYPE};
use super::resource::Resource;

/// The sections of the document.
#[derive(poem_openapi::Tags)]
pub enum Tags {
    /// For anyone: no key, the same answer whether or not an account exists.
    PasswordResets,
    /// Registering, verifying addresses, signing in, and what people do with their own account.
    Accounts,
    /// For operators and services, with an API key.
    Operators,
    /// For whoever runs the server.
    Running,
}

/// The service with its document.
pub fn service<A: OpenApi>(apis: A) -> OpenApiService<A, ()> {
    OpenApiService::new(apis, "backstamp", env!("CARGO_PKG_VERSION")).description(description())
}

fn description() -> String {
    let mut text = format!(
        "Account mail with proof of arrival.\n\nRefusals and faults are `{MEDIA_TYPE}` (RFC 9457). \
         Their codes:\n\n| code | status | meaning |\n|---|---|---|\n"
    );
    for code in Code::ALL {
        let (status, title) = code.meaning();
        text.push_str(&format!("| `{code}` | {} | {title} |\n", status.as_u16()));
    }
    text
}

/// `/openapi.json`.
pub fn document<A: OpenApi>(service: &OpenApiService<A, ()>) -> Resource {
    let document = service.spec();
    Resource::get(make_sync(move |_| {
        Response::builder().content_type("application/json").body(document.clone())
    }))
}

/// `/docs`: Swagger UI with everything inlined. Its scripts are allowed by their hashes, and by nothing else.
pub fn page<A: OpenApi>(service: &OpenApiService<A, ()>) -> Resource {
    let html = bytes::Bytes::from(service.swagger_ui_html());
    let scripts = script_hashes(&html);
    let policy = format!(
        "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Resource::get(make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, &policy)
            .header(header::REFERRER_POLICY, "no-referrer")
            .body(Body::from_bytes(html.clone()))
    }))
}

/// As browsers find scripts: each ends where `</script>` first comes, whatever texts within it look like.
fn script_hashes(html: &[u8]) -> String {
    let html = String::from_utf8_lossy(html);
    let (mut rest, mut hashes) = (&*html, Vec::new());
    while let Some((_, opened)) = rest.split_once("<script") {
        let script = opened.split_once('>').and_then(|(_, content)| content.split_once("</script>"));
        let Some((script, after)) = script else { break };
        hashes.push(format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script))));
        rest = after;
    }
    hashes.join(" ")
}
