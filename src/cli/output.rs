//! What commands say on standard output. That its reader has gone, as `head` does, is no fault: what was done is done.

use std::fmt::Display;
use std::io::{self, Write};

/// A line.
pub(super) fn say(text: impl Display) -> io::Result<()> {
    show(format_args!("{text}\n"))
}

/// A text as it is.
pub(super) fn show(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
