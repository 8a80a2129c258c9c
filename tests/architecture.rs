//! The shape of the program, checked: who may import whom, and what every file owes its reader.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it checks must fail")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules of ours that each module may use besides itself. What is not here is not allowed.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("charts", &[]),
    ("database", &["clock"]),
    ("config", &["domain", "clock", "database"]),
    ("telemetry", &["config", "clock"]),
    ("event_log", &["domain", "database", "config", "clock", "telemetry"]),
    ("commands", &["domain", "event_log", "database", "config", "clock", "telemetry"]),
    ("projections", &["domain", "event_log", "database", "config", "clock", "telemetry"]),
    ("queries", &["domain", "event_log", "database", "config", "clock", "telemetry"]),
    ("accounts", &["domain", "database", "config", "clock", "telemetry"]),
    ("api_keys", &["domain", "database", "clock"]),
    ("dead_letters", &["database", "clock"]),
    ("disclosures", &["database", "clock"]),
    ("idempotency", &["domain", "database", "clock"]),
    (
        "reactors",
        &[
            "domain",
            "event_log",
            "commands",
            "accounts",
            "providers",
            // What a provider tells when it is asked goes the same way as what it posts.
            "inbox",
            "rendering",
            "database",
            "config",
            "clock",
            "telemetry",
        ],
    ),
    // Its keys come in through a trait of its own; of the log it names errors and the rows that appends settle.
    ("inbox", &["domain", "commands", "providers", "event_log", "database", "config", "clock", "telemetry"]),
    ("providers", &["domain", "config", "clock", "telemetry"]),
    ("rendering", &["domain", "config", "clock", "telemetry"]),
    (
        "http",
        &[
            "domain",
            "commands",
            "queries",
            "inbox",
            "accounts",
            "api_keys",
            "charts",
            "dead_letters",
            "disclosures",
            "idempotency",
            "rendering",
            "config",
            "clock",
            "telemetry",
        ],
    ),
    // A stranger that speaks HTTP: it keeps its mailbox by its own means.
    ("sandbox", &["domain", "rendering", "config", "clock", "telemetry"]),
];

/// They put the rest together and may use all of it; being in no list above, they are imported by nobody else.
const ROOTS: &[&str] = &["app", "cli", "main", "lib"];

/// Crates that only some modules may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("sqlx", &["database", "event_log", "sandbox"]),
    ("postgres_es", &["event_log"]),
    ("poem", &["http", "sandbox", "app"]),
    ("poem_openapi", &["http"]),
    ("reqwest", &["providers", "sandbox", "cli"]),
    ("lettre", &["providers"]),
    ("rustls", &["providers"]),
    ("argon2", &["accounts"]),
    ("minijinja", &["rendering"]),
    ("getrandom", &["clock"]),
];

/// What rules must do without: they are pure.
const NOT_IN_THE_DOMAIN: &[&str] =
    &["sqlx", "poem", "reqwest", "tokio", "futures_util", "tracing", "postgres_es", "anyhow"];

const LONGEST_FILE: usize = 450;

/// A file of the program, without its tests and comments; line numbers stay.
struct Source {
    path: PathBuf,
    module: String,
    text: String,
    code: Vec<String>,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let inside = path.strip_prefix("src").unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        Self {
            path: path.to_owned(),
            module: first.trim_end_matches(".rs").to_owned(),
            code: production_code(&text),
            text,
        }
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }

    /// Every path that starts with this name, as `(line, the name after it)`; groups are taken apart.
    fn paths_of(&self, root: &str) -> Vec<(usize, String)> {
        let code = self.code.join("\n");
        let needle = format!("{root}::");
        let is_part_of_a_name =
            |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || "_:$".contains(c));
        code.match_indices(&needle)
            .filter(|(at, _)| !is_part_of_a_name(&code[..*at]))
            .flat_map(|(at, _)| {
                let line = code[..at].matches('\n').count() + 1;
                first_segments(&code[at + needle.len()..]).into_iter().map(move |name| (line, name))
            })
            .collect()
    }
}

/// `a::b` gives `a`; `{a::{x, y}, b}` gives `a` and `b`.
fn first_segments(rest: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut depth, mut names, mut start) = (0, vec![], 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names.retain(|name: &String| !name.is_empty());
    names
}

/// Blanks comments and everything under `#[cfg(test)]`: a block ends where its brace is closed in its own
/// column, as rustfmt leaves it.
fn production_code(text: &str) -> Vec<String> {
    let mut code = vec![];
    let mut test_block: Option<String> = None;
    let mut is_test_item = false;
    for line in text.lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let trimmed = line.trim();
        let is_comment = trimmed.starts_with("//");
        if let Some(of_block) = &test_block {
            if line == format!("{of_block}}}") {
                test_block = None;
            }
        } else if is_test_item && !trimmed.starts_with("#[") && !is_comment {
            is_test_item = false;
            test_block = trimmed.ends_with('{').then_some(indent);
        } else if trimmed == "#[cfg(test)]" {
            is_test_item = true;
        } else if !is_comment && !is_test_item {
            code.push(line.to_owned());
            continue;
        }
        code.push(String::new());
    }
    code
}

/// All files under `src`; test files apart.
fn sources() -> Vec<Source> {
    let mut files = vec![];
    collect(Path::new("src"), &mut files);
    files.sort();
    assert!(files.len() > 50, "the tests run in the package's folder");
    files.iter().filter(|path| !is_test_file(path)).map(|path| Source::read(path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Files that are nothing but tests: `tests.rs`, what lies in a folder `tests`, suites run by several.
fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_str().unwrap_or_default();
        matches!(name, "tests" | "tests.rs" | "conformance.rs" | "scratch.rs")
    })
}

fn assert_none(faults: &[String], rule: &str) {
    let mut list = String::new();
    faults.iter().for_each(|fault| writeln!(list, "  {fault}").unwrap());
    assert!(faults.is_empty(), "{rule}\n{list}");
}

#[test]
fn every_module_uses_only_what_the_table_allows() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let sources = sources();

    let mut faults = vec![];
    for source in sources.iter().filter(|source| !ROOTS.contains(&source.module.as_str())) {
        let Some(allowed) = allowed.get(source.module.as_str()) else {
            faults.push(format!("{}: its module is not in the table", source.path.display()));
            continue;
        };
        for (line, used) in source.paths_of("crate") {
            if used != source.module && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}:{line}: {} uses {used}", source.path.display(), source.module));
            }
        }
    }

    assert_none(&faults, "Edges that the table does not allow:");
}

#[test]
fn crates_for_the_outside_stay_in_the_modules_that_own_them() {
    let mut faults = vec![];
    for source in sources() {
        let reserved = RESERVED.iter().filter(|(_, owners)| !owners.contains(&source.module.as_str()));
        let unknown_to_rules = NOT_IN_THE_DOMAIN.iter().filter(|_| source.module == "domain");
        for name in reserved.map(|(name, _)| *name).chain(unknown_to_rules.copied()) {
            for (line, _) in source.paths_of(name) {
                faults.push(format!("{}:{line}: names {name}", source.path.display()));
            }
        }
    }

    assert_none(&faults, "Crates outside the modules that own them:");
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let faults: Vec<_> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();

    assert_none(&faults, "Files that do not open with a `//!` line:");
}

#[test]
fn no_file_is_too_long_to_read_at_once() {
    let faults: Vec<_> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), source.path.display()))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();

    assert_none(&faults, "Files that ask to be split:");
}

#[test]
fn nothing_unwraps_outside_tests() {
    let mut faults = vec![];
    for source in sources() {
        let unwraps = |line: &str| line.contains(".unwrap()") || line.contains(".unwrap_err()");
        for (line, _) in source.lines().filter(|(_, line)| unwraps(line)) {
            faults.push(format!("{}:{line}", source.path.display()));
        }
    }

    assert_none(&faults, "An `expect` states the invariant; `unwrap` states nothing:");
}

#[test]
fn time_and_randomness_come_in_through_the_clock_alone() {
    let settings = fs::read_to_string("clippy.toml").unwrap();
    let manifest = fs::read_to_string("Cargo.toml").unwrap();

    let forbidden = [
        "chrono::Utc::now",
        "chrono::Local::now",
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "uuid::Uuid::now_v7",
        "getrandom::fill",
    ];
    let faults: Vec<_> = forbidden
        .iter()
        .filter(|path| !settings.contains(&format!("path = \"{path}\"")))
        .map(|path| format!("clippy.toml does not forbid {path}"))
        .collect();

    assert_none(&faults, "What clippy must forbid:");
    assert!(manifest.contains("disallowed_methods = "), "Cargo.toml turns the lint on");
}

#[test]
fn the_scan_sees_groups_and_nesting_and_leaves_out_tests_and_comments() {
    let text = "//! crate::never::said\nuse crate::{alpha::{A, B}, beta};\nfn f() { crate::gamma::g() }\n\
                /// [`crate::delta`]\n#[cfg(test)]\nmod tests {\n    use crate::epsilon::E;\n}\nuse crate::zeta::Z;\n";
    let source =
        Source { path: "x.rs".into(), module: "x".into(), code: production_code(text), text: text.into() };

    let seen = source.paths_of("crate");

    let expected = [(2, "alpha"), (2, "beta"), (3, "gamma"), (9, "zeta")];
    assert_eq!(seen, expected.map(|(line, name)| (line, name.to_owned())));
}
