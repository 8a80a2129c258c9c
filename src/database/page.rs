//! Pages of a list, newest first. The cursor names the last row shown, so rows that are added meanwhile shift
//! nothing. Whoever has such a list shows it so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::DatabaseError;

/// Rows of a page at most.
pub const LARGEST: usize = 200;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// Its rows.
    pub data: Vec<T>,
    /// Where the next page begins; none on the last one.
    pub next_cursor: Option<String>,
}

/// The text is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a page gave")]
pub struct BadCursor;

/// Why a list cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The cursor is none of ours.
    #[error(transparent)]
    BadCursor(#[from] BadCursor),
}

/// A place in a list: the time and the id of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds since 1970.
    pub at: i64,
    /// Of those at the same time.
    pub id: String,
}

impl Cursor {
    /// Reads what a page gave.
    pub fn parse(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let plain = String::from_utf8(bytes).map_err(|_| BadCursor)?;
        let (at, id) = plain.split_once('.').ok_or(BadCursor)?;
        let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_id {
            return Err(BadCursor);
        }
        Ok(Self { at: at.parse().map_err(|_| BadCursor)?, id: id.to_owned() })
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.at, self.id))
    }
}

impl<T> Page<T> {
    /// From rows of which one more than `limit` was asked for.
    pub fn of(mut rows: Vec<(Cursor, T)>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|(cursor, _)| cursor.encode());
        Self { data: rows.into_iter().map(|(_, row)| row).collect(), next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_and_nothing_else_does(at in any::<i64>(), id in "[a-z0-9_]{1,36}", junk in ".*") {
            let cursor = Cursor { at, id };

            prop_assert_eq!(Cursor::parse(&cursor.encode()).unwrap(), cursor);
            if let Ok(read) = Cursor::parse(&junk) {
                prop_assert_eq!(Cursor::parse(&read.encode()).unwrap(), read);
            }
        }
    }
}
