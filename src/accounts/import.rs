//! Accounts from elsewhere, one JSON object a line: they are inserted or refused, and nothing that is there
//! already is ever touched. A line that cannot be taken is told by its number, and the run goes on.
//!
//! Memory is bounded whatever the length of the input. Batches are transactions: what was cut off can be run
//! again, and tells of what is there already.

use serde::Deserialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::built_in::micros;
use super::{BuiltInDirectory, DirectoryError, Role, StoredHash};
use crate::database::{DatabaseError, Value};
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;
use crate::domain::name;

/// Bytes of a line at most.
const LONGEST_LINE: usize = 16 * 1024;
const BATCH: usize = 256;
const COLUMNS: [&str; 10] = [
    "id",
    "address",
    "normalised_address",
    "name",
    "role",
    "password_hash",
    "credential_version",
    "disabled",
    "verified_at",
    "created_at",
];
const UNTOUCHED: &str = "ON CONFLICT (normalised_address) DO NOTHING";

/// Why the run ended before the input did. What came before is there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input broke off.
    #[error("the input cannot be read: {0}")]
    Input(#[from] std::io::Error),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<DatabaseError> for ImportError {
    fn from(error: DatabaseError) -> Self {
        Self::Directory(error.into())
    }
}

/// A line that was not taken. Repeats nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Counted from 1.
    pub line: u64,
    /// The member, if it is about one.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    pub inserted: u64,
    pub failed: u64,
}

/// Who is told how it goes.
pub trait Report: Send {
    /// A line was not taken.
    fn fault(&mut self, fault: LineFault);
    /// So many more bytes are done.
    fn read(&mut self, _bytes: u64) {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    email: String,
    name: Option<String>,
    password_hash: Option<String>,
    verified: Option<bool>,
    role: Option<String>,
}

type Row = (u64, Vec<Value>);
type Wrong = (Option<String>, String);

impl BuiltInDirectory {
    /// Inserts the accounts of these lines.
    pub async fn import(
        &self,
        mut input: impl AsyncBufRead + Unpin + Send,
        report: &mut dyn Report,
    ) -> Result<Imported, ImportError> {
        let (mut done, mut number, mut batch) = (Imported::default(), 0, Vec::with_capacity(BATCH));
        let mut line = Vec::new();
        loop {
            let bytes = read_line(&mut input, &mut line).await?;
            if bytes == 0 {
                break;
            }
            number += 1;
            report.read(bytes);
            match self.understand(number, &line) {
                Ok(None) => {}
                Ok(Some(row)) => batch.push((number, row)),
                Err((field, reason)) => {
                    done.failed += 1;
                    report.fault(LineFault { line: number, field, reason });
                }
            }
            if batch.len() == BATCH {
                self.insert(std::mem::take(&mut batch), &mut done, report).await?;
            }
        }
        self.insert(batch, &mut done, report).await?;
        Ok(done)
    }

    async fn insert(
        &self,
        batch: Vec<Row>,
        done: &mut Imported,
        report: &mut dyn Report,
    ) -> Result<(), ImportError> {
        let count = batch.len() as u64;
        let rows = batch.iter().map(|(_, row)| row.clone()).collect();
        let mut transaction = self.database.begin().await?;
        if transaction.insert_many("accounts", &COLUMNS, rows, UNTOUCHED).await? == count {
            transaction.commit().await?;
            done.inserted += count;
            return Ok(());
        }
        // Some are there already: again one by one, to tell which.
        drop(transaction);
        let mut transaction = self.database.begin().await?;
        let mut taken = Vec::new();
        for (line, row) in batch {
            if transaction.insert_many("accounts", &COLUMNS, vec![row], UNTOUCHED).await? == 0 {
                taken.push(line);
            }
        }
        transaction.commit().await?;
        done.inserted += count - taken.len() as u64;
        done.failed += taken.len() as u64;
        for line in taken {
            let reason = "has an account already; it was not touched".to_owned();
            report.fault(LineFault { line, field: Some("email".to_owned()), reason });
        }
        Ok(())
    }

    /// The row that a line asks for; none if it is blank.
    fn understand(&self, number: u64, line: &[u8]) -> Result<Option<Vec<Value>>, Wrong> {
        if line.len() > LONGEST_LINE {
            return Err((None, format!("is longer than {LONGEST_LINE} bytes")));
        }
        let text = std::str::from_utf8(line).map_err(|_| (None, "is not UTF-8".to_owned()))?;
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text }.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let line = parse(text)?;
        let wrong = |field: &str, reason: String| (Some(field.to_owned()), reason);
        let address = EmailAddress::parse(&line.email).map_err(|error| wrong("email", error.to_string()))?;
        let name = line.name.as_deref().map(name::parse).transpose();
        let name = name.map_err(|error| wrong("name", error.to_string()))?.flatten();
        let role = line.role.as_deref().map_or(Ok(Role::User), str::parse);
        let role = role.map_err(|error| wrong("role", error.to_string()))?;
        if let Some(hash) = &line.password_hash {
            StoredHash::parse(hash).map_err(|error| wrong("password_hash", error.to_string()))?;
        }
        let now = micros(self.clock.now());
        Ok(Some(vec![
            AccountId::from_uuid(self.clock.uuid()).to_string().into(),
            address.as_str().into(),
            address.normalised().into(),
            name.into(),
            role.as_str().into(),
            // None: only a reset lets the owner in.
            line.password_hash.unwrap_or_default().into(),
            1i64.into(),
            0i64.into(),
            line.verified.unwrap_or(false).then_some(now).into(),
            now.into(),
        ]))
    }
}

/// What serde says, without what the line says.
fn parse(text: &str) -> Result<Line, Wrong> {
    // serde would fill a struct from an array, member by member.
    if !text.starts_with('{') {
        return Err((None, "is no JSON object".to_owned()));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let line = serde_path_to_error::deserialize::<_, Line>(&mut json).map_err(|error| {
        let message = error.inner().to_string();
        let quoted = |prefix: &str| {
            message
                .strip_prefix(prefix)
                .and_then(|rest| rest.split_once('`'))
                .map(|(name, _)| name.to_owned())
        };
        if let Some(field) = quoted("missing field `") {
            return (Some(field), "is missing".to_owned());
        }
        if let Some(field) = quoted("duplicate field `") {
            return (Some(field), "occurs twice".to_owned());
        }
        if message.starts_with("unknown field") {
            return (None, "has a member that is not known here".to_owned());
        }
        if error.inner().is_data() {
            let path = error.path().to_string();
            let reason = if path == "verified" { "must be true or false" } else { "must be a text" };
            return (Some(path), reason.to_owned());
        }
        (None, format!("is no JSON (at column {})", error.inner().column()))
    })?;
    json.end().map_err(|_| (None, "has something after its object".to_owned()))?;
    Ok(line)
}

/// Reads a line, keeping a little more than its longest and skipping the rest; the bytes that it took.
async fn read_line(input: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<u64> {
    line.clear();
    let mut bytes = 0;
    loop {
        let available = input.fill_buf().await?;
        if available.is_empty() {
            return Ok(bytes);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(available.len(), |at| at + 1);
        let room = (LONGEST_LINE + 2).saturating_sub(line.len());
        line.extend_from_slice(&available[..taken.min(room)]);
        input.consume(taken);
        bytes += taken as u64;
        if end.is_some() {
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::accounts::Directory;
    use crate::clock::FixedClock;
    use crate::database::scratch::Scratch;

    const HASH: &str =
        "$argon2id$v=19$m=1024,t=1,p=1$QLhgNC3jn39VV0FvR8ByIg$HDJ0Isp3v6CTjzGbCYN+s/24G45Ng67mE7f9/wgoUpg";

    #[derive(Default)]
    struct Told(Vec<LineFault>);

    impl Report for Told {
        fn fault(&mut self, fault: LineFault) {
            self.0.push(fault);
        }
    }

    async fn directory() -> (BuiltInDirectory, Scratch) {
        let scratch = Scratch::new().await;
        let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        (BuiltInDirectory::new(scratch.database.clone(), clock), scratch)
    }

    async fn run(directory: &BuiltInDirectory, input: &[u8]) -> (Imported, Vec<(u64, Option<String>)>) {
        let mut told = Told::default();
        let done = directory.import(input, &mut told).await.unwrap();
        (done, told.0.into_iter().map(|fault| (fault.line, fault.field)).collect())
    }

    #[tokio::test]
    async fn good_lines_are_inserted_and_bad_ones_told_by_number_and_member() {
        let (directory, _scratch) = directory().await;
        let long = format!("{{\"email\":\"{}\"}}", "a".repeat(LONGEST_LINE));
        let lines = [
            format!(
                "\u{feff}{{\"email\":\"Ada@Example.test\",\"name\":\" Ada \",\"password_hash\":\"{HASH}\",\"verified\":true,\"role\":\"admin\"}}\r"
            ),
            String::new(),
            "{\"email\":\"grace@example.test\"}".to_owned(),
            "{\"email\":\"ADA@example.test\"}".to_owned(),
            "{\"email\":\"nobody\"}".to_owned(),
            "{\"name\":\"x\"}".to_owned(),
            "{\"email\":\"a@b.test\",\"email\":\"c@d.test\"}".to_owned(),
            "{\"email\":\"a@b.test\",\"admin\":true}".to_owned(),
            "{\"email\":\"a@b.test\",\"verified\":\"yes\"}".to_owned(),
            "{\"email\":\"a@b.test\",\"role\":\"root\"}".to_owned(),
            "{\"email\":\"a@b.test\",\"name\":\"x\\u0000\"}".to_owned(),
            "{\"email\":\"a@b.test\",\"password_hash\":\"$2b$10$abc\"}".to_owned(),
            "[\"a@b.test\"]".to_owned(),
            "{\"email\":\"a@b.test\"} x".to_owned(),
            long,
        ];

        let (done, faults) = run(&directory, lines.join("\n").as_bytes()).await;

        let field = |line: u64, name: &str| (line, Some(name.to_owned()));
        let mut expected = vec![
            field(4, "email"),
            field(5, "email"),
            field(6, "email"),
            field(7, "email"),
            (8, None),
            field(9, "verified"),
            field(10, "role"),
            field(11, "name"),
            field(12, "password_hash"),
            (13, None),
            (14, None),
            (15, None),
        ];
        let mut faults = faults;
        faults.sort();
        expected.sort();
        assert_eq!(faults, expected);
        assert_eq!(done, Imported { inserted: 2, failed: 12 });
        let ada = EmailAddress::parse("ada@example.test").unwrap();
        let ada = directory.lookup(&ada).await.unwrap().unwrap();
        assert_eq!((ada.role, ada.name.as_deref(), ada.is_verified()), (Role::Admin, Some("Ada"), true));
    }

    #[tokio::test]
    async fn a_second_run_touches_nothing_however_long_it_is() {
        let (directory, scratch) = directory().await;
        let lines: String = (0..600).map(|n| format!("{{\"email\":\"user{n}@example.test\"}}\n")).collect();
        let (first, _) = run(&directory, lines.as_bytes()).await;
        let changed = lines.replace('}', ",\"role\":\"admin\"}");

        let (second, faults) = run(&directory, changed.as_bytes()).await;

        assert_eq!((first.inserted, first.failed), (600, 0));
        assert_eq!((second.inserted, second.failed, faults.len()), (0, 600, 600));
        let sql = "SELECT count(*) AS n FROM accounts WHERE role <> 'user'";
        assert_eq!(scratch.database.fetch_one(sql, &[]).await.unwrap().int("n").unwrap(), 0);
    }

    proptest! {
        #[test]
        fn no_line_panics_or_is_repeated(noise in "\\PC{0,60}") {
            if let Err((_, reason)) = parse(&format!("{{\"email\":\"a@b.test\",\"role\":{noise:?},{noise}")) {
                prop_assert!(noise.len() < 12 || !reason.contains(&noise));
            }
            let _ = parse(&noise);
        }
    }
}
