//! Numbers turned into SVG: pure functions, which know nothing of where the numbers come from or what they mean.
//!
//! Drawings fill the width they are given and keep their text in its size: places are percentages, so nothing needs
//! a script or a style of its own (a strict policy allows neither). What is drawn is told in words too, and nothing
//! by colour alone: series differ by pattern or dash, and a table of the same numbers belongs beside every chart.

mod axis;
mod bar;
mod lines;
mod markup;
mod sparkline;
mod stacked;

use std::fmt;

use serde::{Serialize, Serializer};

pub use axis::{Mark, counts, seconds};
pub use bar::bar;
pub use lines::{Line, lines};
pub use sparkline::sparkline;
pub use stacked::{Stack, patterns, stacked};

/// A drawing, ready to stand in a page as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing(String);

/// What a chart is called, and what a reader who does not see it should know.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Unique in its page; of letters and dashes.
    pub id: &'a str,
    pub title: &'a str,
    pub summary: &'a str,
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Drawing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
