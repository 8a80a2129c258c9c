//! What every aggregate's refusals have in common.

/// Why a command is not allowed, in domain words.
pub trait Refusal: std::error::Error {
    /// Whether only the code is too old: newer code wrote an event that this code does not know, so the
    /// decision is left to newer code and is not a decision at all.
    fn is_for_newer_code(&self) -> bool;
}
