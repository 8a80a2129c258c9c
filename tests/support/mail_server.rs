//! A real mail server (aiosmtpd, in a process of its own), and certificates of nobody's that it can show.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::wait::eventually;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/smtp_server.py");

/// What the server lets in.
#[derive(Default)]
pub struct Door<'a> {
    /// None: any that is free.
    pub port: Option<u16>,
    /// `wrapped` or `starttls`, with these certificates; none: everything in the clear.
    pub tls: Option<(&'a str, &'a Certificates)>,
    /// User and password that it insists on.
    pub login: Option<(&'a str, &'a str)>,
}

/// The running server.
pub struct MailServer {
    pub port: u16,
    folder: TempDir,
    _process: Child,
}

/// A mail as the server took it.
#[derive(Debug, Clone, Deserialize)]
pub struct Taken {
    /// What the client called itself.
    pub hello: String,
    /// The envelope's.
    pub from: String,
    pub to: Vec<String>,
    /// The version of TLS.
    pub encryption: Option<String>,
    pub user: Option<String>,
    content: String,
}

impl MailServer {
    pub async fn start() -> Self {
        Self::behind(Door::default()).await
    }

    pub async fn behind(door: Door<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let mut command = Command::new(python().await);
        command.arg(PROGRAM).arg(folder.path()).arg(door.port.unwrap_or(0).to_string());
        if let Some((tls, certificates)) = door.tls {
            command.args(["--tls", tls, "--certificate"]).arg(certificates.path("server.pem"));
            command.arg("--key").arg(certificates.path("server.key"));
        }
        if let Some((user, password)) = door.login {
            command.args(["--user", user, "--password", password]);
        }
        let mut process = command.kill_on_drop(true).stdout(Stdio::piped()).spawn().expect("python starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let port = lines.next_line().await.expect("it can be read").expect("the mail server starts");
        Self { port: port.parse().expect("a port"), folder, _process: process }
    }

    /// What it answers to a recipient called `says+NAME`, by name.
    pub fn script(&self, replies: &[(&str, &str)]) {
        let lines: String = replies.iter().map(|(name, reply)| format!("{name} {reply}\n")).collect();
        std::fs::write(self.folder.path().join("replies"), lines).expect("a file is written");
    }

    /// Every mail to this address, in the order of arrival.
    pub fn taken(&self, to: &str) -> Vec<Taken> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is read");
        let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let read = |path: &PathBuf| {
            let text = std::fs::read(path).expect("the file is read");
            serde_json::from_slice::<Taken>(&text).expect("a mail")
        };
        paths.iter().map(read).filter(|mail| mail.to == [to]).collect()
    }

    /// The first so many mails to this address, once they are there.
    pub async fn take(&self, to: &str, count: usize) -> Vec<Taken> {
        eventually(&format!("{count} mails to {to}"), async || {
            let taken = self.taken(to);
            (taken.len() >= count).then_some(taken)
        })
        .await
    }
}

impl Taken {
    /// Headers and parts, as they came.
    pub fn content(&self) -> Vec<u8> {
        STANDARD.decode(&self.content).expect("base64")
    }
}

/// A Python that knows aiosmtpd: the first one of the path may be none of the system's.
async fn python() -> &'static str {
    for python in ["python3", "/usr/bin/python3"] {
        let mut look = Command::new(python);
        look.args(["-c", "import aiosmtpd.smtp"]).stdout(Stdio::null()).stderr(Stdio::null());
        if look.status().await.is_ok_and(|status| status.success()) {
            return python;
        }
    }
    panic!("no Python with aiosmtpd: scripts/test installs it (Debian: python3-aiosmtpd)")
}

/// An authority that nobody else trusts, and a certificate of its for `localhost` and 127.0.0.1.
pub struct Certificates(TempDir);

impl Certificates {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";
        std::fs::write(folder.path().join("names"), names).expect("a file is written");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        for arguments in [
            &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Nobody"),
            &format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"),
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
        ] {
            let mut openssl = Command::new("openssl");
            let output = openssl.args(arguments.split(' ')).current_dir(folder.path()).output().await;
            let output = output.expect("openssl is there");
            assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Self(folder)
    }

    pub fn authority(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }
}
