//! Lists in pages: the way to newer and to older rows.

use serde::Serialize;

use crate::queries::Page;

/// Rows of a page.
pub const ROWS: usize = 50;

/// Where the other pages of a list are.
#[derive(Debug, Default, Serialize)]
pub struct Turn {
    newer: Option<String>,
    older: Option<String>,
}

impl Turn {
    /// Beside this page; the link is the list's with a cursor.
    pub fn of<T>(page: &Page<T>, link: impl Fn(&str) -> String) -> Self {
        Self {
            newer: page.previous_cursor.as_deref().map(&link),
            older: page.next_cursor.as_deref().map(&link),
        }
    }
}
