//! The files that mails and pages are made of: those that are built in, and in front of them those of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use super::fault::TemplateFault;
use super::manifest::MANIFEST;
use super::texts::TextFile;

/// Bytes of one file at most; ours have some thousand.
const LARGEST: u64 = 256 * 1024;
/// How deep a folder is looked into: `mail/<name>/<part>`.
const DEEPEST: usize = 3;
/// A guess further from any known name than this explains nothing.
const LEAST_LIKENESS: f64 = 0.6;
/// The files of a mail template.
pub(super) const PARTS: [&str; 4] = ["subject.txt", "body.txt", "body.mjml", MANIFEST];

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Embedded;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// Where a person finds it.
    pub path: String,
    pub source: String,
    pub is_built_in: bool,
}

/// Every file by its name, such as `pages/login.html`.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    files: BTreeMap<String, File>,
    texts: Vec<TextFile>,
    /// Files of the folder that nobody asks for.
    pub strangers: Vec<String>,
}

impl Files {
    /// The built-in files; those of the folder take the place of, or add to them. Texts add up one by one.
    pub(super) fn read(folder: Option<&Path>) -> Result<Self, Vec<TemplateFault>> {
        let mut files = Self::default();
        for name in Embedded::iter() {
            let source = Embedded::get(&name).map(|file| String::from_utf8_lossy(&file.data).into_owned());
            let file = File {
                path: format!("templates/{name}"),
                source: source.unwrap_or_default(),
                is_built_in: true,
            };
            files.put(&name, file);
        }
        let mut faults = vec![];
        if let Some(folder) = folder {
            let mut found = vec![];
            collect(folder, "", 1, &mut found, &mut faults);
            found.sort();
            for (name, path) in found {
                files.put_own(&name, &path, &mut faults);
            }
        }
        if faults.is_empty() { Ok(files) } else { Err(faults) }
    }

    fn put(&mut self, name: &str, file: File) {
        match name.strip_prefix("texts/").and_then(|name| name.strip_suffix(".ftl")) {
            Some(tag) => {
                self.texts.push(TextFile { path: file.path, tag: tag.to_owned(), source: file.source });
            }
            None => {
                self.files.insert(name.to_owned(), file);
            }
        }
    }

    fn put_own(&mut self, name: &str, path: &Path, faults: &mut Vec<TemplateFault>) {
        if !self.is_known(name) {
            self.strangers.push(self.complaint(name, path));
            return;
        }
        let shown = path.display().to_string();
        let fault = |message: &str| TemplateFault::at(&shown, "", 0, message);
        if name.ends_with(".toml") && self.files.get(name).is_some_and(|file| file.is_built_in) {
            faults.push(fault("says what the program gives to built-in templates, and cannot be replaced"));
            return;
        }
        match read(path) {
            Ok(source) => self.put(name, File { path: shown, source, is_built_in: false }),
            Err(message) => faults.push(fault(&message)),
        }
    }

    /// Whether a file of this name can have an effect. What begins with an underscore is for other templates
    /// to include.
    fn is_known(&self, name: &str) -> bool {
        let parts: Vec<_> = name.split('/').collect();
        match parts.as_slice() {
            ["texts", file] => file.ends_with(".ftl"),
            ["mail", _, part] => PARTS.contains(part),
            ["mail" | "pages", file] if file.starts_with('_') => true,
            _ => self.files.contains_key(name),
        }
    }

    fn complaint(&self, name: &str, path: &Path) -> String {
        let likeness = |known: &str| strsim::normalized_levenshtein(name, known);
        let own = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let siblings = PARTS.map(|part| format!("{own}/{part}"));
        let siblings = siblings.iter().filter(|_| own.starts_with("mail/")).map(String::as_str);
        let known = self.files.keys().map(String::as_str).chain(siblings);
        let guess = known
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
            .filter(|guess| likeness(guess) >= LEAST_LIKENESS);
        let guess = guess.map(|guess| format!(": did you mean {guess}?")).unwrap_or_default();
        format!("{} is no template{guess}", path.display())
    }

    /// The file of this name.
    pub(super) fn get(&self, name: &str) -> Option<&File> {
        self.files.get(name)
    }

    /// What minijinja compiles.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&String, &File)> {
        let is_template = |name: &str| [".html", ".txt", ".mjml"].iter().any(|end| name.ends_with(end));
        self.files.iter().filter(move |(name, _)| is_template(name))
    }

    /// The names of the mail templates: the folders in `mail`.
    pub(super) fn mails(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .files
            .keys()
            .filter_map(|name| name.strip_prefix("mail/")?.split_once('/').map(|(name, _)| name.to_owned()))
            .collect();
        names.dedup();
        names
    }

    /// The files of texts, built-in ones first.
    pub(super) fn texts(&self) -> Vec<TextFile> {
        self.texts.clone()
    }
}

/// Every file below the folder that does not begin with a dot.
fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
    faults: &mut Vec<TemplateFault>,
) {
    let fault = |path: &Path, message: &str| TemplateFault::at(&path.display().to_string(), "", 0, message);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return faults.push(fault(folder, &format!("cannot be read: {error}"))),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        match name.to_str() {
            None => faults.push(fault(&path, "has a name that is not UTF-8")),
            Some(name) if name.starts_with('.') => {}
            Some(name) if !path.is_dir() => found.push((format!("{prefix}{name}"), path)),
            Some(name) if depth < DEEPEST => {
                collect(&path, &format!("{prefix}{name}/"), depth + 1, found, faults);
            }
            Some(_) => faults.push(fault(&path, "lies too deep: a mail is mail/NAME/PART")),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    if fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        return Err(format!("has more than {} KiB", LARGEST / 1024));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    // Editors on Windows may write a mark in front.
    String::from_utf8(bytes)
        .map(|text| text.trim_start_matches('\u{feff}').to_owned())
        .map_err(|_| "is not UTF-8".to_owned())
}
