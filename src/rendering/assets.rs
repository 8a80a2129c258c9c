//! What pages load from us: style, script, icon and logo, each under a name that changes with its content.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::brand::Brand;
use super::files::Files;

/// One file that pages load.
#[derive(Debug, Clone)]
pub struct Asset {
    /// File name, such as `style.0123456789abcdef.css`.
    pub name: String,
    pub media_type: &'static str,
    pub content: Vec<u8>,
}

impl Asset {
    pub(super) fn new(stem: &str, ending: &str, media_type: &'static str, content: Vec<u8>) -> Self {
        let digest = hex::encode(&Sha256::digest(&content)[..8]);
        Self { name: format!("{stem}.{digest}.{ending}"), media_type, content }
    }
}

/// All of them, by the name that templates know each under. The brand's colours come in front of the style.
pub(super) fn all(files: &Files, brand: &Brand, logo: Option<Asset>) -> BTreeMap<&'static str, Asset> {
    let mut all: BTreeMap<_, _> = [
        ("style", "pages/style.css", "text/css; charset=utf-8"),
        ("script", "pages/script.js", "text/javascript; charset=utf-8"),
        ("icon", "pages/icon.svg", "image/svg+xml"),
        ("dashboard_style", "dashboard/style.css", "text/css; charset=utf-8"),
        ("dashboard_script", "dashboard/script.js", "text/javascript; charset=utf-8"),
    ]
    .into_iter()
    .map(|(name, path, media_type)| {
        let source = files.get(path).map_or("", |file| &file.source);
        let (stem, ending) = (name.replace('_', "-"), path.rsplit_once('.').map_or("", |(_, ending)| ending));
        let colors = if ending == "css" { brand.css() } else { String::new() };
        (name, Asset::new(&stem, ending, media_type, format!("{colors}{source}").into_bytes()))
    })
    .collect();
    all.extend(logo.map(|logo| ("logo", logo)));
    all
}
