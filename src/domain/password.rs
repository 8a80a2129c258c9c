//! Stand-in with the agreed signatures; the real module replaces it.

use super::address::EmailAddress;

#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    pub min_length: usize,
    pub max_length: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, max_length: 256 }
    }
}

#[derive(Debug, Clone)]
pub struct PasswordRejection {
    pub code: &'static str,
    pub message: String,
}

impl PasswordPolicy {
    pub fn check(&self, password: &str, _address: &EmailAddress) -> Result<(), Vec<PasswordRejection>> {
        if password.chars().count() < self.min_length {
            return Err(vec![PasswordRejection { code: "too_short", message: "Too short.".into() }]);
        }
        Ok(())
    }
}
