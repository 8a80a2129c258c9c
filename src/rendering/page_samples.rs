//! What pages are made with at the start: `pages/samples.toml`, and for the dashboard `dashboard/samples.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fault::TemplateFault;
use super::files::Files;

/// The folder of the pages that people meet.
pub(super) const PAGES: &str = "pages";
/// The folder of the pages for operators.
pub(super) const DASHBOARD: &str = "dashboard";
/// What pages are built of.
const NOT_PAGES: [&str; 2] = ["layout", "parts"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Samples {
    default: Map<String, Value>,
    #[serde(default)]
    page: BTreeMap<String, Vec<Map<String, Value>>>,
}

/// A page's name and what it is made with.
type Sample = (String, Map<String, Value>);

/// Every page of a folder, once for each of its samples.
pub(super) fn read(files: &Files, folder: &str) -> Result<Vec<Sample>, TemplateFault> {
    let Some(file) = files.get(&format!("{folder}/samples.toml")) else { return Ok(vec![]) };
    let samples: Samples = toml::from_str(&file.source).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        TemplateFault::at(&file.path, &file.source, at, error.message())
    })?;
    let pages = files
        .templates()
        .filter_map(|(name, _)| name.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".html"));
    let pages = pages.filter(|name| !name.starts_with('_') && !NOT_PAGES.contains(name));
    let made = pages.flat_map(|name| {
        let own = samples.page.get(name).cloned().unwrap_or_else(|| vec![Map::new()]);
        own.into_iter().map(|own| {
            let mut context = samples.default.clone();
            context.extend(own);
            (name.to_owned(), context)
        })
    });
    Ok(made.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sample_is_one_of_a_page() {
        let files = Files::read(None).unwrap();

        for (folder, known) in [(PAGES, "login"), (DASHBOARD, "overview")] {
            let pages: BTreeSet<_> =
                read(&files, folder).unwrap().into_iter().map(|(name, _)| name).collect();

            let file = files.get(&format!("{folder}/samples.toml")).unwrap();
            let samples: Samples = toml::from_str(&file.source).unwrap();
            assert!(pages.contains(known) && !pages.contains("layout"));
            assert!(samples.page.keys().all(|name| pages.contains(name)), "{pages:?}");
        }
    }
}
