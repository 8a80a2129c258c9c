//! The log: one event, one line, on standard error; and the metrics that Prometheus reads.
//!
//! Must never let input forge a line, nor other crates write statements, URLs or headers into it: whatever is
//! not ours speaks from `warn` up, however loud the filter.

mod metrics;

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, FilterFn, ParseError};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

pub use metrics::{MEDIA_TYPE, Metrics, Standing};

use crate::config::{LogConfig, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `BACKSTAMP_LOG` cannot be understood.
    #[error("BACKSTAMP_LOG is no log filter: {0}")]
    Filter(#[from] ParseError),
    /// Somebody else set up a log in this process.
    #[error("the log is set up already: {0}")]
    Taken(#[from] TryInitError),
}

/// Sends what is logged from now on to standard error.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let default = if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    subscriber(&config.filter, config.format.unwrap_or(default), std::io::stderr)?.try_init()?;
    Ok(())
}

fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let layer = match format {
        LogFormat::Text => layer.map_event_format(OneLine).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).map_event_format(OneLine).boxed(),
    };
    let filter = EnvFilter::try_new(filter)?.and(FilterFn::new(is_ours_or_grave));
    Ok(tracing_subscriber::registry().with(layer.with_filter(filter)))
}

fn is_ours_or_grave(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"));
    is_ours || *metadata.level() <= Level::WARN
}

/// Keeps an event on one line, and the reader's terminal out of its reach: characters that break, reorder or
/// control are written as `\uXXXX`, which is JSON's own escape too.
struct OneLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        for c in line.strip_suffix('\n').unwrap_or(&line).chars() {
            match c {
                c if c.is_control() || reorders(c) => write!(writer, "\\u{:04x}", u32::from(c))?,
                c => writer.write_char(c)?,
            }
        }
        writer.write_char('\n')
    }
}

/// Line and paragraph separators, and the marks that turn the direction of text.
fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    const HOSTILE: &str = "x\r\n2026-01-01 INFO forged\u{1b}[2J\u{85}\u{2028}\u{202e}\u{9b}31m";

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, format: LogFormat, log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let subscriber = subscriber(filter, format, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn log_hostile_input() {
        let span = tracing::info_span!("request", path = HOSTILE, host = %HOSTILE);
        let _inside = span.enter();
        tracing::info!(user_agent = HOSTILE, reason = %HOSTILE, debug = ?HOSTILE, "took {HOSTILE}");
        let error = io::Error::other(HOSTILE);
        tracing::warn!(error = &error as &dyn std::error::Error, "failed");
    }

    #[test]
    fn input_cannot_forge_a_line_or_reach_the_terminal() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged("trace", format, log_hostile_input);

            assert_eq!(text.lines().count(), 2, "{text}");
            assert!(text.ends_with('\n'));
            let escaped = text.replace('\n', "");
            assert!(!escaped.contains(|c: char| c.is_control() || reorders(c)), "{escaped:?}");
            assert!(text.contains("forged"));
        }
    }

    #[test]
    fn a_json_line_stays_json_and_holds_the_input_as_it_was() {
        let text = logged("info", LogFormat::Json, log_hostile_input);

        for line in text.lines() {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(json["message"].is_string());
        }
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["user_agent"], HOSTILE);
    }

    #[test]
    fn other_crates_speak_from_warn_up_however_loud_the_filter() {
        let text = logged("trace,sqlx=trace,reqwest=debug", LogFormat::Text, || {
            tracing::trace!(target: "sqlx::query", "SELECT statement");
            tracing::debug!(target: "reqwest::connect", "url");
            tracing::info!(target: "backstamp_lookalike", "lookalike");
            tracing::warn!(target: "hyper", "grave");
            tracing::trace!("ours");
        });

        assert!(text.contains("grave") && text.contains("ours"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn the_filter_decides_about_our_own_events() {
        let text = logged("info,backstamp::telemetry=error", LogFormat::Text, || {
            tracing::warn!("too quiet");
            tracing::error!("loud enough");
        });

        assert!(text.contains("loud enough") && !text.contains("too quiet"), "{text}");
    }
}
