//! What can be asked about an address.

use chrono::{DateTime, Utc};

use super::event::{Added, Reason};
use crate::domain::refusal::Refusal;

/// A command to the stream of one address.
#[derive(Debug, Clone)]
pub enum SuppressionCommand {
    /// It shall get less mail.
    Add(Box<Added>),
    /// Its owner has shown at this instant that mail arrives there.
    Prove { at: DateTime<Utc> },
    /// It shall get mail again, as far as these reasons go.
    Lift { reasons: Vec<Reason>, by: String, at: DateTime<Utc> },
}

/// Why a command about an address is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuppressionRefusal {
    /// Newer code wrote an event that this code does not know.
    #[error("this stream was written by a newer version")]
    NewerCode,
}

impl Refusal for SuppressionRefusal {
    fn is_for_newer_code(&self) -> bool {
        *self == Self::NewerCode
    }
}
