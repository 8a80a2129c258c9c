//! Two migration folders, one set of tables: what one database keeps, the other keeps in the same shape.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it checks must fail")]

use std::collections::BTreeMap;
use std::fs;

/// Tables by name, and unique and plain indexes as `name on table`.
#[derive(Debug, Default, PartialEq)]
struct Schema {
    tables: BTreeMap<String, Table>,
    indexes: BTreeMap<String, Index>,
}

#[derive(Debug, Default, PartialEq)]
struct Table {
    columns: BTreeMap<String, Column>,
    /// Keys and constraints as written, without their spacing.
    constraints: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Column {
    class: Class,
    /// What follows the type: nullability, default, key, reference.
    rules: String,
}

#[derive(Debug, PartialEq)]
struct Index {
    table: String,
    is_unique: bool,
}

/// What of a type the program can tell.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Text,
    Integer,
    Bytes,
}

impl Class {
    fn of(sql_type: &str) -> Self {
        match sql_type {
            "TEXT" | "JSON" => Self::Text,
            "BIGINT" => Self::Integer,
            "BLOB" | "BYTEA" => Self::Bytes,
            other => panic!("a column of type {other}: ids are TEXT, times BIGINT"),
        }
    }
}

impl Schema {
    fn read(folder: &str) -> Self {
        let mut schema = Self::default();
        for name in migrations(folder) {
            let text = fs::read_to_string(format!("migrations/{folder}/{name}")).unwrap();
            for statement in statements(&text) {
                schema.take(&statement);
            }
        }
        schema
    }

    fn take(&mut self, statement: &str) {
        let words: Vec<_> = statement.split_whitespace().collect();
        match words.as_slice() {
            ["CREATE", "TABLE", name, ..] => {
                let name = name.trim_end_matches('(').to_owned();
                self.tables.insert(name, Table::read(body(statement)));
            }
            ["CREATE", "UNIQUE", "INDEX", name, "ON", table, ..] => self.index(name, table, true),
            ["CREATE", "INDEX", name, "ON", table, ..] => self.index(name, table, false),
            ["ALTER", "TABLE", table, "ADD", "COLUMN", ..] => {
                let column = statement.split_once("ADD COLUMN").unwrap().1;
                self.tables.get_mut(*table).unwrap().take(column);
            }
            ["DROP", "TABLE", table] => {
                self.tables.remove(*table).unwrap();
                self.indexes.retain(|_, index| index.table != *table);
            }
            ["DROP", "INDEX", index] => {
                self.indexes.remove(*index).unwrap();
            }
            // A view keeps nothing; only PostgreSQL has any.
            ["DROP", "VIEW", _] => {}
            ["ALTER" | "DROP", ..] => panic!("teach this test to read: {statement}"),
            _ => {}
        }
    }

    fn index(&mut self, name: &str, table: &str, is_unique: bool) {
        self.indexes.insert(name.to_owned(), Index { table: table.to_owned(), is_unique });
    }
}

impl Table {
    fn read(body: &str) -> Self {
        let mut table = Self::default();
        split_at_commas(body).iter().for_each(|item| table.take(item));
        table
    }

    fn take(&mut self, item: &str) {
        let words: Vec<_> = item.split_whitespace().collect();
        match words.as_slice() {
            ["CONSTRAINT" | "PRIMARY" | "UNIQUE" | "FOREIGN" | "CHECK", ..] => {
                self.constraints.push(words.join(" "));
            }
            [name, sql_type, rules @ ..] => {
                let column = Column { class: Class::of(sql_type), rules: rules.join(" ") };
                self.columns.insert((*name).to_owned(), column);
            }
            _ => panic!("neither a column nor a constraint: {item}"),
        }
    }
}

fn migrations(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(format!("migrations/{folder}")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The statements without comments; bodies of functions are no statements.
fn statements(text: &str) -> Vec<String> {
    let without_comments: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap()).collect();
    let without_bodies: String = without_comments.join("\n").split("$$").step_by(2).collect();
    without_bodies.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// What stands between the first parenthesis and the last.
fn body(statement: &str) -> &str {
    let (_, rest) = statement.split_once('(').unwrap();
    rest.rsplit_once(')').unwrap().0
}

fn split_at_commas(body: &str) -> Vec<String> {
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in body.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ',' && depth == 0 {
            items.push(String::new());
        } else {
            items.last_mut().unwrap().push(c);
        }
    }
    items
}

#[test]
fn both_databases_have_the_same_steps() {
    let sqlite = migrations("sqlite");

    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, migrations("postgres"));
}

#[test]
fn both_databases_have_the_same_tables_columns_and_rules() {
    let (sqlite, postgres) = (Schema::read("sqlite"), Schema::read("postgres"));
    let names = |schema: &Schema| schema.tables.keys().cloned().collect::<Vec<_>>();

    assert!(sqlite.tables.contains_key("events"), "the reader finds tables");
    assert_eq!(names(&sqlite), names(&postgres));
    for (name, table) in &sqlite.tables {
        assert_eq!(*table, postgres.tables[name], "table {name}: SQLite left, PostgreSQL right");
    }
}

#[test]
fn both_databases_have_the_same_indexes() {
    let (sqlite, postgres) = (Schema::read("sqlite"), Schema::read("postgres"));

    assert!(sqlite.indexes.contains_key("events_command"), "the reader finds indexes");
    assert_eq!(sqlite.indexes, postgres.indexes);
}

#[test]
fn every_step_opens_with_why() {
    for folder in ["sqlite", "postgres"] {
        for name in migrations(folder) {
            let text = fs::read_to_string(format!("migrations/{folder}/{name}")).unwrap();
            assert!(text.starts_with("-- "), "{folder}/{name}");
        }
    }
}

#[test]
fn the_reader_tells_columns_from_constraints() {
    let sql = "-- why; really\nCREATE TABLE t (\n  a TEXT NOT NULL, -- b TEXT,\n  c BIGINT NOT NULL DEFAULT 0,\n\
               PRIMARY KEY (a, c)\n);\nCREATE UNIQUE INDEX i ON t (a);\nALTER TABLE t ADD COLUMN d BYTEA;";

    let mut schema = Schema::default();
    statements(sql).iter().for_each(|statement| schema.take(statement));

    let table = &schema.tables["t"];
    assert_eq!(table.columns.keys().collect::<Vec<_>>(), ["a", "c", "d"]);
    assert_eq!(table.columns["c"], Column { class: Class::Integer, rules: "NOT NULL DEFAULT 0".into() });
    assert_eq!(table.constraints, ["PRIMARY KEY (a, c)"]);
    assert!(schema.indexes["i"].is_unique);
}
