//! Pages of a list, newest first. The cursor names the last row shown, so rows that are added meanwhile shift
//! nothing. Whoever has such a list shows it so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::{DatabaseError, Row, Value};

/// Rows of a page at most.
pub const LARGEST: usize = 200;

/// Rows that are counted one by one at most.
pub const MOST_COUNTED: i64 = 10_000;

/// How many rows a list has over all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub rows: i64,
    /// Else there are more, and nobody has counted them.
    pub is_all: bool,
}

impl Count {
    /// The statement that counts the rows of another one, and no further than it must.
    pub fn statement(of: &str) -> String {
        format!("SELECT COUNT(*) AS counted FROM ({of} LIMIT {}) list", MOST_COUNTED + 1)
    }

    /// What that statement answered.
    pub fn read(row: &Row) -> Result<Self, DatabaseError> {
        let counted = row.int("counted")?;
        Ok(Self { rows: counted.min(MOST_COUNTED), is_all: counted <= MOST_COUNTED })
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// Its rows.
    pub data: Vec<T>,
    /// Where the next page begins; none on the last one.
    pub next_cursor: Option<String>,
    /// Where the page before begins, for whoever turns pages in both directions; none on the first one.
    #[serde(skip)]
    pub previous_cursor: Option<String>,
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

    fn plain(&self) -> String {
        format!("{}.{}", self.at, self.id)
    }
}

/// Where a page begins, and which way the list is read from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The newest rows of all.
    Start,
    /// Those that follow this row.
    After(Cursor),
    /// Those that stand right before this row.
    Before(Cursor),
}

/// Stands before the cursors of pages that are read backwards.
const BACKWARDS: &str = "<";

impl Place {
    /// Reads what a page gave; without a cursor it is the start.
    pub fn parse(cursor: Option<&str>) -> Result<Self, BadCursor> {
        let Some(cursor) = cursor else { return Ok(Self::Start) };
        match cursor.strip_prefix(BACKWARDS) {
            Some(cursor) => Cursor::parse(cursor).map(Self::Before),
            None => Cursor::parse(cursor).map(Self::After),
        }
    }

    /// Ends a statement that has a condition: rows by time and id from here on, one more than the page has.
    pub fn end(&self, sql: &mut String, values: &mut Vec<Value>, (time, id): (&str, &str), limit: usize) {
        let (than, order) = match self {
            Self::Start | Self::After(_) => ("<", "DESC"),
            Self::Before(_) => (">", "ASC"),
        };
        if let Self::After(cursor) | Self::Before(cursor) = self {
            values.extend([cursor.at.into(), cursor.id.as_str().into()]);
            let (at_place, id_place) = (values.len() - 1, values.len());
            sql.push_str(&format!(" AND ({time}, {id}) {than} (${at_place}, ${id_place})"));
        }
        values.push((limit + 1).into());
        sql.push_str(&format!(" ORDER BY {time} {order}, {id} {order} LIMIT ${}", values.len()));
    }

    /// The page of the rows that such a statement found.
    pub fn page<T>(&self, mut rows: Vec<(Cursor, T)>, limit: usize) -> Page<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let is_backwards = matches!(self, Self::Before(_));
        if is_backwards {
            rows.reverse();
        }
        let (has_newer, has_older) = if is_backwards { (more, true) } else { (*self != Self::Start, more) };
        let next = rows.last().filter(|_| has_older);
        let previous = rows.first().filter(|_| has_newer);
        Page {
            next_cursor: next.map(|(cursor, _)| URL_SAFE_NO_PAD.encode(cursor.plain())),
            previous_cursor: previous
                .map(|(cursor, _)| format!("{BACKWARDS}{}", URL_SAFE_NO_PAD.encode(cursor.plain()))),
            data: rows.into_iter().map(|(_, row)| row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a database would answer about rows whose number is their time.
    fn read(newest_first: &[i64], place: &Place, limit: usize) -> Page<i64> {
        let rows: Vec<i64> = match place {
            Place::Start => newest_first.to_vec(),
            Place::After(cursor) => newest_first.iter().copied().filter(|row| *row < cursor.at).collect(),
            Place::Before(cursor) => {
                newest_first.iter().rev().copied().filter(|row| *row > cursor.at).collect()
            }
        };
        let rows = rows.into_iter().take(limit + 1).map(|row| (Cursor { at: row, id: "x".into() }, row));
        place.page(rows.collect(), limit)
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_and_nothing_else_does(at in any::<i64>(), id in "[a-z0-9_]{1,36}", junk in ".*") {
            let cursor = Cursor { at, id };

            let encoded = |cursor: &Cursor| URL_SAFE_NO_PAD.encode(cursor.plain());
            prop_assert_eq!(Cursor::parse(&encoded(&cursor)).unwrap(), cursor);
            if let Ok(read) = Cursor::parse(&junk) {
                prop_assert_eq!(Cursor::parse(&encoded(&read)).unwrap(), read);
            }
        }

        #[test]
        fn whoever_turns_pages_forth_and_back_sees_every_row_once(rows in 0_i64..40, limit in 1_usize..9) {
            let mut all: Vec<i64> = (0..rows).collect();
            all.reverse();
            let turn = |cursor: Option<&str>| read(&all, &Place::parse(cursor).unwrap(), limit);

            let mut pages = vec![turn(None)];
            while let Some(cursor) = pages.last().and_then(|page| page.next_cursor.clone()) {
                pages.push(turn(Some(&cursor)));
            }
            let mut back = vec![pages.last().unwrap().clone()];
            while let Some(cursor) = back.last().and_then(|page| page.previous_cursor.clone()) {
                back.push(turn(Some(&cursor)));
            }

            let seen: Vec<i64> = pages.iter().flat_map(|page| page.data.clone()).collect();
            let seen_back: Vec<i64> = back.iter().rev().flat_map(|page| page.data.clone()).collect();
            prop_assert_eq!(&seen, &all);
            prop_assert_eq!(seen_back, all);
            prop_assert!(pages[0].previous_cursor.is_none());
        }
    }
}
