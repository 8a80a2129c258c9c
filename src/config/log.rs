//! What is logged, and how.

use tracing_subscriber::EnvFilter;

use super::reader::Reader;
use super::{Faults, Sources};

/// The log on standard error.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `BACKSTAMP_LOG`, default `info`: a level, or `target=level` directives.
    pub filter: String,
    /// `BACKSTAMP_LOG_FORMAT`, default `text` on a terminal, else `json`.
    pub format: Option<LogFormat>,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl LogConfig {
    /// For a process that needs no other setting.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    pub(super) fn read(reader: &mut Reader) -> Self {
        let filter = |text: &str| match EnvFilter::try_new(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err("must be a level, or directives such as info,backstamp::reactors=debug".to_owned()),
        };
        let format = |text: &str| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json".to_owned()),
        };
        Self {
            filter: reader.parsed("BACKSTAMP_LOG", filter).unwrap_or_else(|| "info".to_owned()),
            format: reader.parsed("BACKSTAMP_LOG_FORMAT", format),
        }
    }
}
