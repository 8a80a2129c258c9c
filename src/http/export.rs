//! A list as one long answer: rows are read as the reader takes them, so the memory that it needs does not depend
//! on their number. A failure on the way cuts the answer off, so that nobody takes half of it for all.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, future, stream};
use poem::Body;
use serde::Serialize;

/// A row of a table.
pub trait Tabular {
    /// The names of the columns.
    const COLUMNS: &'static [&'static str];
    /// One cell for each column.
    fn cells(&self) -> Vec<String>;
}

/// CSV (RFC 4180) with a line of column names.
pub fn csv<T, E>(parts: impl Stream<Item = Result<Vec<T>, E>> + Send + 'static) -> Body
where
    T: Tabular + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let head = future::ready(table(std::iter::once(T::COLUMNS.iter().map(|name| (*name).to_owned()))));
    let rows = parts.map(|part| table(told(part)?.iter().map(|row| row.cells().into_iter().map(defused))));
    Body::from_bytes_stream(stream::once(head).chain(rows))
}

/// One JSON object to a line.
pub fn ndjson<T, E>(parts: impl Stream<Item = Result<Vec<T>, E>> + Send + 'static) -> Body
where
    T: Serialize + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    Body::from_bytes_stream(parts.map(|part| {
        let mut lines = Vec::new();
        for row in told(part)? {
            serde_json::to_writer(&mut lines, &row)?;
            lines.push(b'\n');
        }
        Ok::<_, io::Error>(Bytes::from(lines))
    }))
}

fn told<T, E: std::fmt::Display>(part: Result<T, E>) -> io::Result<T> {
    part.map_err(|error| {
        tracing::error!(%error, "an export was cut off");
        io::Error::other("cut off")
    })
}

fn table(rows: impl Iterator<Item = impl Iterator<Item = String>>) -> io::Result<Bytes> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?.into())
}

/// A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection); the quote makes it text.
fn defused(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(&'static str);

    impl Tabular for Row {
        const COLUMNS: &'static [&'static str] = &["name", "said"];
        fn cells(&self) -> Vec<String> {
            vec![self.0.to_owned(), "a \"b\", c".to_owned()]
        }
    }

    fn parts(cut: bool) -> impl Stream<Item = Result<Vec<Row>, &'static str>> {
        let end = if cut { Err("database away") } else { Ok(vec![Row("-1+1")]) };
        stream::iter([Ok(vec![Row("plain"), Row("=cmd|' /C calc'!A0")]), Ok(vec![]), end])
    }

    #[tokio::test]
    async fn cells_are_quoted_and_none_is_a_formula() {
        let text = csv(parts(false)).into_string().await.unwrap();

        let lines: Vec<&str> = text.split("\r\n").collect();
        let said = "\"a \"\"b\"\", c\"";
        let [plain, calc, sum] =
            ["plain", "'=cmd|' /C calc'!A0", "'-1+1"].map(|name| format!("{name},{said}"));
        assert_eq!(lines, ["name,said", &plain, &calc, &sum, ""]);
    }

    #[tokio::test]
    async fn an_export_that_breaks_off_is_no_whole_answer() {
        assert!(csv(parts(true)).into_string().await.is_err());
    }
}
