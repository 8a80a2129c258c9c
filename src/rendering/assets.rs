//! What pages load from us: style, script, icon, each under a name that changes with its content.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::files;

/// One file that pages load.
#[derive(Debug, Clone)]
pub struct Asset {
    /// File name, such as `style.0123456789abcdef.css`.
    pub name: String,
    pub media_type: &'static str,
    pub content: String,
}

/// All of them, by the name that templates know each under.
pub(super) fn all() -> BTreeMap<&'static str, Asset> {
    [
        ("style", "css", "text/css; charset=utf-8"),
        ("script", "js", "text/javascript; charset=utf-8"),
        ("icon", "svg", "image/svg+xml"),
    ]
    .into_iter()
    .map(|(name, ending, media_type)| {
        let content = files::read(&format!("pages/{name}.{ending}"));
        let digest = hex::encode(&Sha256::digest(&content)[..8]);
        (name, Asset { name: format!("{name}.{digest}.{ending}"), media_type, content })
    })
    .collect()
}
