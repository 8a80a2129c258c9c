//! An operator's own rules about bounces. They are read and compiled at the start, so that a faulty one stops
//! it, with file and line.

use std::fs;
use std::path::PathBuf;

use super::reader::Reader;
use super::{Faults, Sources};
use crate::domain::bounce::{self, RuleFault, RuleSet};

/// How bounces are understood.
#[derive(Debug, Clone, Default)]
pub struct BounceConfig {
    /// `BACKSTAMP_BOUNCE_RULES`, a file of rules that come before the built-in ones; none by default.
    rules: Option<RuleText>,
}

#[derive(Debug, Clone)]
struct RuleText {
    file: String,
    content: String,
}

impl BounceConfig {
    /// For a process that needs no other setting.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    pub(super) fn read(reader: &mut Reader) -> Self {
        let parse = |text: &str| {
            let path = PathBuf::from(text);
            let file = path.file_name().map_or_else(|| text.to_owned(), |name| name.to_string_lossy().into());
            let content = fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"))?;
            RuleSet::with(&file, &content).map_err(|fault| fault.to_string())?;
            Ok(RuleText { file, content })
        };
        Self { rules: reader.parsed("BACKSTAMP_BOUNCE_RULES", parse) }
    }

    /// Makes the rules the ones in force, before anything is classified.
    pub fn install(&self) -> Result<(), RuleFault> {
        if let Some(RuleText { file, content }) = &self.rules {
            bounce::install(RuleSet::with(file, content)?);
        }
        Ok(())
    }
}
