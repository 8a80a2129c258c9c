//! Words of the API as an operator reads them.

use crate::domain::delivery::Level;

/// Why a rate is null.
pub fn why(reason: &str) -> &'static str {
    match reason {
        "no_requests" => "nothing was asked for",
        "no_settled_mail" => "nothing is settled yet",
        "no_delivered_mail" => "nothing was delivered",
        "no_opened_mail" => "nothing was opened",
        "tracking_off" => "tracking is off",
        _ => "unknown",
    }
}

/// The colour of a level.
pub fn class(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Warning => "warn",
        Level::Critical => "bad",
    }
}

/// The same in a word.
pub fn judgement(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Warning => "look into it",
        Level::Critical => "critical",
    }
}
