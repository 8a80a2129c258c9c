//! From where on a number asks for attention. A number of few messages says little, and is not judged at all.

use serde::Serialize;

/// How a number is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Good,
    Warning,
    Critical,
}

/// The limits of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    pub warning: f64,
    pub critical: f64,
    /// Whether it must not fall below them; else it must not rise above them.
    pub is_floor: bool,
    /// Messages that it must be about at least.
    pub least: i64,
}

impl Threshold {
    /// Of `delivered_rate`.
    pub const DELIVERED_RATE: Self = Self { warning: 0.97, critical: 0.95, is_floor: true, least: 100 };
    /// Of `bounce_rate`.
    pub const BOUNCE_RATE: Self = Self { warning: 0.02, critical: 0.05, is_floor: false, least: 100 };
    /// Of `complaint_rate`.
    pub const COMPLAINT_RATE: Self = Self { warning: 0.001, critical: 0.003, is_floor: false, least: 1_000 };
    /// Of the 95th percentile of `time_to_delivered`, in seconds.
    pub const TIME_TO_DELIVERED: Self = Self { warning: 60.0, critical: 300.0, is_floor: false, least: 100 };
    /// Of the age of the oldest message in flight, in seconds; one is enough.
    pub const IN_FLIGHT: Self = Self { warning: 900.0, critical: f64::INFINITY, is_floor: false, least: 1 };

    /// How a value over so many messages is to be taken; none if they are too few.
    pub fn level(self, value: f64, messages: i64) -> Option<Level> {
        let is_beyond = |limit: f64| if self.is_floor { value < limit } else { value > limit };
        (messages >= self.least).then_some(match () {
            () if is_beyond(self.critical) => Level::Critical,
            () if is_beyond(self.warning) => Level::Warning,
            () => Level::Good,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_judged_by_its_limits() {
        for (value, level) in [
            (1.0, Level::Good),
            (0.97, Level::Good),
            (0.969, Level::Warning),
            (0.95, Level::Warning),
            (0.949, Level::Critical),
        ] {
            assert_eq!(Threshold::DELIVERED_RATE.level(value, 100), Some(level), "{value}");
        }
        for (value, level) in [(0.02, Level::Good), (0.021, Level::Warning), (0.051, Level::Critical)] {
            assert_eq!(Threshold::BOUNCE_RATE.level(value, 100), Some(level), "{value}");
        }
    }

    #[test]
    fn few_messages_are_not_judged() {
        assert_eq!(Threshold::BOUNCE_RATE.level(1.0, 99), None);
        assert_eq!(Threshold::COMPLAINT_RATE.level(1.0, 999), None);
        assert_eq!(Threshold::IN_FLIGHT.level(901.0, 1), Some(Level::Warning));
        assert_eq!(Threshold::IN_FLIGHT.level(0.0, 0), None);
    }
}
