//! Who is signed in. A session's token comes as a bearer token or in the pages' cookie.
//!
//! Every protected call takes a [`Session`] of the role that it needs, and names the role in the document.
//! Only verified, open accounts get through. A browser sends cookies along with what pages of others make it
//! send, so a call that changes something must come from our own.

use std::marker::PhantomData;
use std::sync::Arc;

use poem::http::{Method, header};
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaOAuthScope, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OAuthScopes};

use super::HttpState;
use super::pages::{cookie, form};
use super::parameters::Parameters;
use super::problem::{Code, Problem};
use crate::accounts::{Role, SignedIn};

/// The pages' cookie, before its `__Host-` where there is TLS.
pub const COOKIE: &str = "backstamp-session";
/// The name of the security scheme in the document.
pub(super) const SCHEME: &str = "session";

/// The one bearer token of the request (RFC 6750 §2.1).
pub fn bearer(request: &Request) -> Option<&str> {
    let mut fields = request.headers().get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else { return None };
    let (scheme, token) = field.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
}

/// Whoever makes this request, if they are signed in to a verified and open account.
pub async fn signed_in(state: &HttpState, request: &Request) -> Result<SignedIn, Problem> {
    let token = match bearer(request) {
        Some(token) => token.to_owned(),
        None => from_cookie(state, request)?,
    };
    let signed_in = state.sessions.find(&token).await?.ok_or_else(Problem::unauthorized)?;
    if signed_in.account.is_verified() { Ok(signed_in) } else { Err(Problem::account_not_verified()) }
}

/// The same, with at least this role.
pub async fn signed_in_as(state: &HttpState, request: &Request, role: Role) -> Result<SignedIn, Problem> {
    let signed_in = signed_in(state, request).await?;
    if signed_in.account.role >= role { Ok(signed_in) } else { Err(Problem::missing_role(role.as_str())) }
}

fn from_cookie(state: &HttpState, request: &Request) -> Result<String, Problem> {
    // Another kind of authorization was meant: a cookie that happens to be there must not answer for it.
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(Problem::unauthorized());
    }
    let token = cookie::get(request, &state.settings, COOKIE).ok_or_else(Problem::unauthorized)?;
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || form::is_ours(request, &state.settings) {
        Ok(token)
    } else {
        Err(Problem::new(Code::Forbidden).detail("A session's cookie counts only in calls of our own pages."))
    }
}

/// A role as a type, for a call to name the one that it needs.
pub trait NeededRole {
    const ROLE: Role;
}

/// [`Role::User`], which everybody has.
pub struct User;

impl NeededRole for User {
    const ROLE: Role = Role::User;
}

impl OAuthScopes for User {
    fn meta() -> Vec<MetaOAuthScope> {
        vec![]
    }

    fn name(&self) -> &'static str {
        Self::ROLE.as_str()
    }
}

/// Whoever makes the call, having at least the role that it needs.
pub struct Session<R> {
    pub signed_in: SignedIn,
    role: PhantomData<fn() -> R>,
}

impl<'a, R: NeededRole> ApiExtractor<'a> for Session<R> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let state: &Arc<HttpState> = request.data().expect("the routes carry the state");
        let signed_in = signed_in_as(state, request, R::ROLE).await?;
        Parameters::check(request)?;
        Ok(Self { signed_in, role: PhantomData })
    }
}

/// Describes the scheme in the document.
pub(super) fn register(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "http",
        description: Some(
            "A session of a verified account, `Authorization: Bearer bss_…` or the pages' cookie, with at \
             least the role that the call names: `user`, `operator` or `admin`.",
        ),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("bss_<secret>"),
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(SCHEME, scheme);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_the_only_one() {
        let of = |fields: &[&str]| {
            let request = Request::builder();
            let request = fields.iter().fold(request, |r, field| r.header(header::AUTHORIZATION, *field));
            bearer(&request.finish()).map(str::to_owned)
        };

        assert_eq!(of(&["Bearer x"]), Some("x".into()));
        assert_eq!(of(&["bearer  x "]), Some("x".into()));
        for fields in [&[][..], &["Basic x"], &["Bearer"], &["Bearer x", "Bearer y"]] {
            assert_eq!(of(fields), None, "{fields:?}");
        }
    }
}
