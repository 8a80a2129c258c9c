//! What a key allows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A set of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask for resets as a trusted backend: not counted against the limit of one client address.
    ResetCreate,
    /// Send mails from templates.
    MessageSend,
    /// Read what became of mails, resets and metrics.
    SupportRead,
    /// Act on them: resend, revoke, suppress.
    SupportAct,
    /// Everything, keys included.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::ResetCreate, Self::MessageSend, Self::SupportRead, Self::SupportAct, Self::Admin];

    /// The word for it, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetCreate => "reset:create",
            Self::MessageSend => "message:send",
            Self::SupportRead => "support:read",
            Self::SupportAct => "support:act",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of: reset:create, message:send, support:read, support:act, admin")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// What one caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Whether the scope is among them; `admin` includes every other.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || self.0.contains(&Scope::Admin)
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each scope, once.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.pad(&words.join(" "))
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split_whitespace().map(Scope::from_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_itself_and_admin_allows_all() {
        let of = |scopes: &[Scope]| scopes.iter().copied().collect::<Scopes>();

        for scope in Scope::ALL {
            assert!(of(&[scope]).allow(scope) && of(&[Scope::Admin]).allow(scope), "{scope}");
            assert!(!of(&[]).allow(scope), "{scope}");
        }
        assert!(!of(&[Scope::SupportAct, Scope::MessageSend]).allow(Scope::SupportRead));
    }

    #[test]
    fn scopes_read_back_what_they_wrote() {
        let all: Scopes = Scope::ALL.into_iter().collect();

        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!("support:read root".parse::<Scopes>(), Err(UnknownScope));
    }
}
