//! One process of the built binary. It dies with its test, and its log stays for the test to read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::process::{Child, Command};

/// Below the range that outgoing connections take their ports from: a port there could be taken while its
/// server is down, even by a client that is trying to reach it.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A running process.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// The built binary, with no environment but what is added.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstamp"));
    command.env_clear().current_dir(folder).kill_on_drop(true).stdin(Stdio::null());
    command
}

/// A port that nobody listens on, and that no other test of this process gets.
pub fn free_port() -> u16 {
    // Tests that start together have neighbouring ids: each begins some ports away from the next.
    let first = u16::try_from(std::process::id().wrapping_mul(8) % 15_000).unwrap_or_default();
    loop {
        let step = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (first + step) % (PORTS.end - PORTS.start);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Process {
    /// Starts it; its standard error goes to the end of the file.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::options().create(true).append(true).open(&log).expect("the log can be written");
        let child = command.stdout(Stdio::null()).stderr(file).spawn().expect("the binary starts");
        Self { child, log }
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL: it gets no chance to do anything about it.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the process can be killed");
    }

    /// SIGTERM; waits for its end.
    pub async fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().expect("the process runs").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await.expect("a signal is sent");
        assert!(told.success());
        self.child.wait().await.expect("it ends")
    }

    /// Everything that it and its predecessors have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log can be read")
    }
}
