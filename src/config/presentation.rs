//! What mails and pages look like, and nothing else: for commands that only look at templates, and must not
//! ask for keys or a database.

use std::path::PathBuf;

use url::Url;

use super::brand::BrandConfig;
use super::reader::Reader;
use super::{Faults, Sources, http, reset, templates};

/// What mails and pages depend on.
#[derive(Debug, Clone)]
pub struct PresentationConfig {
    /// `BACKSTAMP_PUBLIC_URL`.
    pub public_url: Url,
    /// `BACKSTAMP_RESET_PAGE`.
    pub reset_page: Url,
    /// Who they speak for.
    pub brand: BrandConfig,
    /// `BACKSTAMP_TEMPLATES`.
    pub templates: Option<PathBuf>,
}

impl PresentationConfig {
    /// Other settings may be faulty, or absent.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let public_url = http::public_url(&mut reader, false);
        let config = Self {
            reset_page: reset::page(&mut reader, &public_url),
            public_url,
            brand: BrandConfig::read(&mut reader),
            templates: templates(&mut reader),
        };
        reader.finish(config)
    }
}
