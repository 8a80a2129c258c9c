//! What goes wrong with operators' lists and replays.

use super::{Code, FieldError, Problem};
use crate::inbox::{ListError, ReplayError};

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::BadCursor(error) => {
                Self::invalid(vec![FieldError::new("/cursor", "invalid", error.to_string())])
            }
            error @ ListError::Database(_) => {
                tracing::error!(%error, "a list cannot be shown");
                Self::unavailable()
            }
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Database(error) => {
                tracing::error!(%error, "nothing can be replayed");
                Self::unavailable()
            }
            ReplayError::NotFound => Self::new(Code::NotFound),
            ReplayError::Impossible(why) => Self::new(Code::Conflict).detail(why),
            error @ ReplayError::Changed(_) => Self::new(Code::Conflict).detail(error.to_string()),
            error @ ReplayError::NotConfirmed => {
                Self::invalid(vec![FieldError::new("/confirmation", "invalid", error.to_string())])
            }
        }
    }
}
