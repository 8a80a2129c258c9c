//! What is wrong with the settings, for the person who wrote them.

use std::fmt;

use super::Source;

/// One thing wrong with one variable. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable by its full name, or the file that cannot be read.
    pub variable: String,
    /// Where its value came from; none if it is not set.
    pub source: Option<Source>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "{} (from {source}) {}", self.variable, self.message),
            None => write!(f, "{} {}", self.variable, self.message),
        }
    }
}

/// Everything wrong, in the order of the sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for Faults {}
