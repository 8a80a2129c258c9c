//! What is known about one failure.

use super::EnhancedStatus;

/// One failure, as a provider or a server told it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The reply code of SMTP (RFC 5321 §4.2).
    pub reply: Option<u16>,
    /// The enhanced status code (RFC 3463).
    pub enhanced: Option<EnhancedStatus>,
    /// What was said, often with its codes.
    pub text: &'a str,
    /// The host that said it.
    pub mx_host: Option<&'a str>,
    pub recipient_domain: Option<&'a str>,
    /// The provider's severity; without it the codes tell, and without them the words.
    pub permanent: Option<bool>,
}
