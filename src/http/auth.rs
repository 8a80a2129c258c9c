//! Who may make operators' calls. Today that is whoever holds the admin key, which has every scope.

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The digest of the admin key. Comparing digests hides the key's length as well as its content.
#[derive(Clone)]
pub struct AdminKey(Option<[u8; 32]>);

impl AdminKey {
    /// Without a key nobody gets in; an empty one is none.
    pub fn new(key: Option<&SecretString>) -> Self {
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

/// A caller with a valid key.
pub struct Caller;

/// An API key, `Authorization: Bearer bsk_…`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "api_key", checker = "check")]
pub struct Operator(Caller);

async fn check(request: &Request, bearer: Bearer) -> Option<Caller> {
    request.data::<AdminKey>().filter(|key| key.opens_with(&bearer.token)).map(|_| Caller)
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
