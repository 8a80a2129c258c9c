//! `backstamp accounts import`: accounts from a file or from standard input, one JSON object a line.

use std::path::Path;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncBufRead, BufReader};

use super::super::output::say;
use crate::accounts::{BuiltInDirectory, LineFault, Report};

/// Faults go to standard error, above a bar that only a terminal shows.
struct Terminal(ProgressBar);

impl Report for Terminal {
    fn fault(&mut self, fault: LineFault) {
        let field = fault.field.map(|field| format!("{field} ")).unwrap_or_default();
        self.0.suspend(|| eprintln!("line {}: {field}{}", fault.line, fault.reason));
    }

    fn read(&mut self, bytes: u64) {
        self.0.inc(bytes);
    }
}

/// Imports what is there; `-` is standard input. Fails at the end if any line did.
pub async fn run(directory: &BuiltInDirectory, file: &Path) -> anyhow::Result<()> {
    let (input, length): (Box<dyn AsyncBufRead + Unpin + Send>, _) = if file == Path::new("-") {
        (Box::new(BufReader::new(tokio::io::stdin())), None)
    } else {
        let opened = tokio::fs::File::open(file).await;
        let opened = opened.with_context(|| format!("cannot open {}", file.display()))?;
        let length = opened.metadata().await?.len();
        (Box::new(BufReader::new(opened)), Some(length))
    };
    let mut terminal = Terminal(bar(length));
    let outcome = directory.import(input, &mut terminal).await;
    terminal.0.finish_and_clear();
    let done = outcome.context("the import ended early; what came before is there")?;
    say(format_args!("{} imported, {} not", done.inserted, done.failed))?;
    if done.failed > 0 {
        bail!("{} of the lines were not imported", done.failed);
    }
    Ok(())
}

fn bar(length: Option<u64>) -> ProgressBar {
    let bar = match length {
        Some(length) => ProgressBar::new(length),
        None => ProgressBar::no_length(),
    };
    let style = "{elapsed} [{wide_bar}] {bytes} of {total_bytes}, {eta} left";
    match ProgressStyle::with_template(style) {
        Ok(style) if length.is_some() => bar.with_style(style),
        _ => bar,
    }
}
