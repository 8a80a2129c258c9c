//! What becomes of a mail, by its recipient's name alone.

use std::time::Duration;

use super::Pace;
use super::diagnostics::{self, Diagnostic};

/// What the sandbox does with a mail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    Delivered,
    /// A permanent failure with this diagnostic.
    Bounced(&'static Diagnostic),
    /// Two temporary failures, then delivered.
    Deferred,
    /// Delivered, then called spam.
    Complained,
    /// Not tried: on the suppression list.
    Suppressed,
    /// Accepted, and never heard of again.
    Lost,
    /// Delivered, and no webhook tells of it; only whoever asks the events API learns it.
    Unreported,
    /// The call itself is refused.
    Refused,
}

/// One thing that happens to an accepted mail, so long after the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) what: What,
}

/// What can happen to an accepted mail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Accepted,
    /// At this attempt.
    Delivered(u32),
    /// At this attempt; the next one follows.
    Deferred(u32),
    Bounced(&'static Diagnostic),
    Complained,
}

impl Outcome {
    /// Reads the local part: `bounce+mailbox_full@…`, `defer.ada@…`, in any case.
    pub(super) fn of(address: &str) -> Self {
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local).to_ascii_lowercase();
        let begins = |word: &str| local.starts_with(word);
        if begins("bounce") {
            let category = local.split_once('+').map_or("", |(_, category)| category);
            Self::Bounced(diagnostics::of(category, address))
        } else if begins("defer") {
            Self::Deferred
        } else if begins("complain") {
            Self::Complained
        } else if begins("suppressed") {
            Self::Suppressed
        } else if begins("lost") {
            Self::Lost
        } else if begins("unreported") {
            Self::Unreported
        } else if begins("refuse") {
            Self::Refused
        } else {
            Self::Delivered
        }
    }

    /// The word for it in the mailbox.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Bounced(_) => "bounced",
            Self::Deferred => "deferred",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
            Self::Lost => "lost",
            Self::Unreported => "unreported",
            Self::Refused => "refused",
        }
    }

    /// What happens, in order. Acceptance always comes first.
    pub(super) fn steps(self, pace: &Pace) -> Vec<Step> {
        let at_once = Duration::ZERO;
        let rest = match self {
            Self::Delivered | Self::Unreported => vec![(pace.step, What::Delivered(1))],
            Self::Bounced(diagnostic) => vec![(pace.step, What::Bounced(diagnostic))],
            Self::Suppressed => vec![(pace.step, What::Bounced(&diagnostics::ON_THE_LIST))],
            Self::Deferred => vec![
                (pace.step, What::Deferred(1)),
                (pace.deferral, What::Deferred(2)),
                (pace.deferral, What::Delivered(3)),
            ],
            Self::Complained => vec![(pace.step, What::Delivered(1)), (pace.step, What::Complained)],
            Self::Lost | Self::Refused => vec![],
        };
        std::iter::once((at_once, What::Accepted))
            .chain(rest)
            .map(|(after, what)| Step { after, what })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(address: &str) -> &'static str {
        Outcome::of(address).name()
    }

    #[test]
    fn the_local_part_decides() {
        assert_eq!(outcome("ada@example.test"), "delivered");
        assert_eq!(outcome("ada+bounce@example.test"), "delivered");
        assert_eq!(outcome("ada@bounce.test"), "delivered");
        assert_eq!(outcome("Bounce7@example.test"), "bounced");
        assert_eq!(outcome("deferred.ada@example.test"), "deferred");
        assert_eq!(outcome("complain-1@example.test"), "complained");
        assert_eq!(outcome("suppressed@example.test"), "suppressed");
        assert_eq!(outcome("lost1@example.test"), "lost");
        assert_eq!(outcome("unreported@example.test"), "unreported");
        assert_eq!(outcome("refused@example.test"), "refused");
    }

    #[test]
    fn every_accepted_mail_is_accepted_first() {
        for address in ["ada@a.test", "bounce@a.test", "defer@a.test", "complain@a.test", "lost@a.test"] {
            assert_eq!(Outcome::of(address).steps(&Pace::default())[0].what, What::Accepted, "{address}");
        }
        assert_eq!(Outcome::Lost.steps(&Pace::quick()).len(), 1);
    }
}
