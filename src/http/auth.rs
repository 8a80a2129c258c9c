//! Who may make operators' and services' calls: whoever holds an API key with the scope that the call names, or
//! is signed in to an account whose role includes it.
//!
//! Every such call takes a [`Caller`] of a scope, and names the same scope in the document. A missing or bad
//! key is 401, a missing scope 403. Must never tell a key that does not exist from a secret that is wrong.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OAuthScopes};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::HttpState;
use super::parameters::Parameters;
use super::problem::Problem;
use super::session::{self, bearer, signed_in};
use crate::accounts::{self, Role};
use crate::api_keys::{self, ApiKeys, Scope, Scopes};
use crate::domain::id::{AccountId, ApiKeyId};

/// The name of the security scheme in the document.
const SCHEME: &str = "api_key";

/// Knows every key.
#[derive(Clone)]
pub struct Gate {
    admin: AdminKey,
    keys: ApiKeys,
}

/// Who is calling. Written as what the log names as a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The holder of the admin key.
    Operator,
    /// A key that was made.
    ApiKey(ApiKeyId),
    /// Somebody who is signed in.
    Account(AccountId),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::ApiKey(id) => id.fmt(f),
            Self::Account(id) => id.fmt(f),
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
        match bearer(request) {
            Some(token) if !token.starts_with(accounts::SESSION_PREFIX) => self.open(token, needed).await,
            _ => operator(request, needed).await,
        }
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

    /// The one of the routes that this request came through.
    pub fn of(request: &Request) -> &Self {
        request.data().expect("the routes carry the gate")
    }
}

/// Whoever is signed in with a role that includes the scope.
async fn operator(request: &Request, needed: Scope) -> Result<Principal, Problem> {
    let state: &Arc<HttpState> = request.data().expect("the routes carry the state");
    let account = signed_in(state, request).await?.account;
    if scopes(account.role).allow(needed) {
        return Ok(Principal::Account(account.id));
    }
    Err(Problem::missing_role(role_with(needed).as_str()))
}

/// The least role that includes the scope.
pub fn role_with(needed: Scope) -> Role {
    if scopes(Role::Operator).allow(needed) { Role::Operator } else { Role::Admin }
}

/// What people of a role may do. Sending in others' name and all that opens doors is for administrators.
fn scopes(role: Role) -> Scopes {
    let scopes: &[Scope] = match role {
        Role::User => &[],
        Role::Operator => &[Scope::SupportRead, Scope::SupportAct],
        Role::Admin => &[Scope::Admin],
    };
    scopes.iter().copied().collect()
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
        session::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME, session::SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let principal = Gate::of(request).admit(request, S::SCOPE).await?;
        Parameters::check(request)?;
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
}
