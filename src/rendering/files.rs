//! The files that mails and pages are made of.

use rust_embed::RustEmbed;

use super::texts::TextFile;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Embedded;

/// Every embedded template by its name, such as `pages/login.html`.
pub(super) fn embedded_templates() -> impl Iterator<Item = (String, String)> {
    let is_template = |name: &str| ![".css", ".js", ".svg", ".ftl"].iter().any(|end| name.ends_with(end));
    Embedded::iter().filter(move |name| is_template(name)).map(|name| {
        let source = read(&name);
        (name.into_owned(), source)
    })
}

/// The embedded texts.
pub(super) fn embedded_texts() -> Vec<TextFile> {
    let tag = |name: &str| Some(name.strip_prefix("texts/")?.strip_suffix(".ftl")?.to_owned());
    Embedded::iter()
        .filter_map(|name| {
            let tag = tag(&name)?;
            Some(TextFile { path: format!("templates/{name}"), tag, source: read(&name) })
        })
        .collect()
}

/// One embedded file; empty if there is none.
pub(super) fn read(name: &str) -> String {
    Embedded::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}
