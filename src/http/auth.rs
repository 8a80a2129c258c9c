//! Who may make operators' and services' calls: whoever holds an API key with the scope that the call names.
//!
//! Every such call takes a [`Caller`] of a scope, and names the same scope in the document. A missing or bad
//! key is 401, a missing scope 403. Must never tell a key that does not exist from a secret that is wrong.

use std::fmt;
use std::marker::PhantomData;

use poem::http::header;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OAuthScopes};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::api_keys::{self, ApiKeys, Scope, Scopes};
use crate::domain::id::ApiKeyId;

/// The name of the security scheme in the document.
const SCHEME: &str = "api_key";

/// Knows every key.
#[derive(Clone)]
pub struct Gate {
    admin: AdminKey,
    keys: ApiKeys,
}

/// Who is calling. Written as what the log names as a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// The holder of the admin key.
    Operator,
    /// A key that was made.
    ApiKey(ApiKeyId),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::ApiKey(id) => id.fmt(f),
        }
    }
}

impl Gate {
    /// With the configured admin key, if there is one, and the keys that were made.
    pub fn new(admin: Option<&SecretString>, keys: ApiKeys) -> Self {
        Self { admin: AdminKey::new(admin), keys }
    }

    /// Who makes this request, having at least this scope.
    pub async fn admit(&self, request: &Request, needed: Scope) -> Result<Principal, Problem> {
        let token = bearer(request).ok_or_else(Problem::unauthorized)?;
        self.open(token, needed).await
    }

    async fn open(&self, token: &str, needed: Scope) -> Result<Principal, Problem> {
        let (principal, scopes) = self.identify(token).await?;
        if scopes.allow(needed) { Ok(principal) } else { Err(Problem::missing_scope(needed.as_str())) }
    }

    async fn identify(&self, token: &str) -> Result<(Principal, Scopes), Problem> {
        // Costs no look into the database, so it also works while that is away.
        if self.admin.opens_with(token) {
            return Ok((Principal::Operator, [Scope::Admin].into_iter().collect()));
        }
        match self.keys.authenticate(token).await {
            Ok(Some(key)) => Ok((Principal::ApiKey(key.id), key.scopes)),
            Ok(None) => Err(Problem::unauthorized()),
            Err(error) => {
                tracing::error!(%error, "a key could not be looked up");
                Err(Problem::unavailable())
            }
        }
    }

    /// The one that the routes carry.
    pub fn of(request: &Request) -> &Self {
        request.data().expect("the routes carry the gate")
    }
}

/// The one bearer token of the request (RFC 6750 §2.1).
pub fn bearer(request: &Request) -> Option<&str> {
    let mut fields = request.headers().get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else { return None };
    let (scheme, token) = field.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
}

/// A scope as a type, for a call to name the one that it needs.
pub trait Needed {
    const SCOPE: Scope;
}

macro_rules! needed {
    ($($name:ident),*) => {$(
        #[doc = concat!("[`Scope::", stringify!($name), "`].")]
        pub struct $name;

        impl Needed for $name {
            const SCOPE: Scope = Scope::$name;
        }

        impl OAuthScopes for $name {
            fn meta() -> Vec<poem_openapi::registry::MetaOAuthScope> {
                vec![]
            }

            fn name(&self) -> &'static str {
                Self::SCOPE.as_str()
            }
        }
    )*};
}

needed!(ResetCreate, MessageSend, SupportRead, SupportAct, Admin);

/// Whoever makes the call, with the scope that it needs.
pub struct Caller<S> {
    pub principal: Principal,
    scope: PhantomData<fn() -> S>,
}

impl<'a, S: Needed> ApiExtractor<'a> for Caller<S> {
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
        let principal = Gate::of(request).admit(request, S::SCOPE).await?;
        Ok(Self { principal, scope: PhantomData })
    }
}

/// Anybody; or a backend that shows a key with the scope, and is trusted further for it. Another bearer token
/// than a key, such as one of the frontend's own, is nobody's business.
pub struct Trusted<S> {
    pub principal: Option<Principal>,
    scope: PhantomData<fn() -> S>,
}

impl<'a, S: Needed> ApiExtractor<'a> for Trusted<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    fn has_security_fallback() -> bool {
        true
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let principal = match bearer(request).filter(|token| token.starts_with(api_keys::PREFIX)) {
            Some(token) => Some(Gate::of(request).open(token, S::SCOPE).await?),
            None => None,
        };
        Ok(Self { principal, scope: PhantomData })
    }
}

fn register(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "http",
        description: Some("An API key, `Authorization: Bearer bsk_…`, with the scope that the call names."),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("bsk_<id>_<secret>"),
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(SCHEME, scheme);
}

/// The digest of the admin key. Comparing digests hides the key's length as well as its content.
#[derive(Clone)]
struct AdminKey(Option<[u8; 32]>);

impl AdminKey {
    /// Without a key nobody gets in; an empty one is none.
    fn new(key: Option<&SecretString>) -> Self {
        let key = key.map(ExposeSecret::expose_secret).filter(|key| !key.is_empty());
        Self(key.map(digest))
    }

    fn opens_with(&self, key: &str) -> bool {
        self.0.is_some_and(|expected| expected.ct_eq(&digest(key)).into())
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_itself_opens() {
        let key = AdminKey::new(Some(&"bsk_admin_secret".into()));

        assert!(key.opens_with("bsk_admin_secret"));
        for wrong in ["", "bsk_admin_secre", "bsk_admin_secret ", "BSK_ADMIN_SECRET"] {
            assert!(!key.opens_with(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn without_a_key_nothing_opens() {
        assert!(!AdminKey::new(None).opens_with(""));
        assert!(!AdminKey::new(Some(&"".into())).opens_with(""));
    }

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
