//! An installation: a database, a folder, a port and settings, with which the program can be started, killed
//! and started again.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use backstamp::accounts::{Account, BuiltInDirectory, NewAccount, Role};
use backstamp::clock::SystemClock;
use backstamp::database::scratch::Scratch;
use backstamp::domain::address::EmailAddress;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::client::Api;
use super::mailbox::Mailbox;
use super::process::{Process, command, free_port};
use super::wait::{Chance, eventually};

pub const ADMIN_KEY: &str = "bsk_test_6b1f7d2a9c3e4f508192a3b4c5d6e7f8";
pub const SECRET_KEY: &str = "an-outside-test-root-key-of-enough-characters";
pub const SIGNING_KEY: &str = "outside-test-signing-key-0001";
const API_KEY: &str = "outside-test-api-key-0001";
const MAIL_DOMAIN: &str = "mail.test";

/// What the program is started with.
pub struct Installation {
    pub scratch: Scratch,
    pub port: u16,
    folder: TempDir,
    settings: BTreeMap<&'static str, String>,
}

/// The running program.
pub struct Program {
    pub api: Api,
    pub mailbox: Mailbox,
    process: Process,
}

/// `backstamp sandbox`: a stranger that takes the program's mail.
pub struct SandboxProcess {
    pub mailbox: Mailbox,
    port: u16,
    folder: TempDir,
    settings: BTreeMap<&'static str, String>,
    process: Process,
}

impl Installation {
    /// With the sandbox in the program's own process, and no limit per client: all of a test is one client.
    pub async fn new() -> Self {
        let (scratch, port) = (Scratch::new().await, free_port());
        let settings = BTreeMap::from([
            ("BACKSTAMP_ADMIN_KEY", ADMIN_KEY.to_owned()),
            ("BACKSTAMP_DATABASE_URL", scratch.url.clone()),
            ("BACKSTAMP_LISTEN", format!("127.0.0.1:{port}")),
            ("BACKSTAMP_MAILGUN_SIGNING_KEY", SIGNING_KEY.to_owned()),
            ("BACKSTAMP_PUBLIC_URL", format!("http://127.0.0.1:{port}")),
            ("BACKSTAMP_REQUESTS_PER_IP_PER_HOUR", "1000000".to_owned()),
            ("BACKSTAMP_SECRET_KEY", SECRET_KEY.to_owned()),
        ]);
        let folder = tempfile::tempdir().expect("a folder is made");
        Self { scratch, port, folder, settings }
    }

    /// With a sandbox in a process of its own, which knows nothing but what both are configured with.
    pub async fn with_sandbox() -> (Self, SandboxProcess) {
        let mut installation = Self::new().await;
        let sandbox = SandboxProcess::start(installation.port).await;
        installation
            .set("BACKSTAMP_MAIL_PROVIDER", "mailgun")
            .set("BACKSTAMP_MAILGUN_DOMAIN", MAIL_DOMAIN)
            .set("BACKSTAMP_MAILGUN_API_KEY", API_KEY)
            .set("BACKSTAMP_MAILGUN_BASE_URL", &format!("http://127.0.0.1:{}", sandbox.port))
            .set("BACKSTAMP_REQUIRE_TLS", "false");
        (installation, sandbox)
    }

    pub fn set(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.settings.insert(name, value.to_owned());
        self
    }

    /// The same installation on a port of its own, for a second process beside the first.
    pub fn listening_elsewhere(&self) -> BTreeMap<&'static str, String> {
        let mut settings = self.settings.clone();
        settings.insert("BACKSTAMP_LISTEN", format!("127.0.0.1:{}", free_port()));
        settings
    }

    /// A subcommand, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path());
        command.args(arguments).envs(&self.settings);
        command
    }

    /// Starts the program without waiting for it.
    pub fn launch(&self) -> Program {
        self.launch_with(&self.settings)
    }

    /// Starts the program with other settings without waiting for it.
    pub fn launch_with(&self, settings: &BTreeMap<&'static str, String>) -> Program {
        let mut command = command(self.folder.path());
        command.envs(settings);
        let api = Api::new(format!("http://{}", settings["BACKSTAMP_LISTEN"]));
        let process = Process::start(command, self.folder.path().join("program.log"));
        Program { mailbox: Mailbox::of(&api), api, process }
    }

    /// Starts the program; answers when it is ready.
    pub async fn start(&self) -> Program {
        self.launch().ready().await
    }

    /// For how long the program may live between kills: so long, or three times what one start takes on this machine
    /// as busy as it is, so that some kills hit a start and most hit work.
    pub async fn life(&self, at_least: Duration) -> Duration {
        let begun = tokio::time::Instant::now();
        self.start().await.kill().await;
        at_least.max(begun.elapsed() * 3)
    }

    /// Kills and starts the program at random instants, so often. At the end it does not run.
    pub async fn kill_again_and_again(&self, kills: usize, at_least: Duration) {
        let mut chance = Chance::new();
        let life = self.life(at_least).await;
        for _ in 0..kills {
            let program = self.launch();
            chance.instant_within(life).await;
            program.kill().await;
        }
    }

    /// Runs a subcommand to its end.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // One that fails early may not read it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        child.wait_with_output().await.expect("it ends")
    }

    /// Runs a subcommand and kills it after this time, unless it has ended before.
    pub async fn cut(&self, arguments: &[&str], after: Duration) {
        let mut command = self.command(arguments);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        if tokio::time::timeout(after, child.wait()).await.is_err() {
            child.kill().await.expect("it is killed");
        }
    }

    /// Runs a subcommand that must succeed.
    pub async fn succeed(&self, arguments: &[&str], input: &str) {
        let output = self.run(arguments, input).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
    }

    /// The directory, asked past the program.
    pub fn directory(&self) -> BuiltInDirectory {
        BuiltInDirectory::new(self.scratch.database.clone(), Arc::new(SystemClock))
    }

    /// An account whose password nobody knows.
    pub async fn account(&self, address: &str) -> Account {
        let new = NewAccount {
            address: EmailAddress::parse(address).expect("an address"),
            name: None,
            role: Role::User,
            verified: true,
            password_hash: "none".to_owned(),
        };
        self.directory().add(new).await.expect("the account is added")
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Program {
    /// Waits until it can serve.
    pub async fn ready(mut self) -> Self {
        let api = self.api.clone();
        eventually("the program is ready", async || {
            assert!(self.process.lives(), "the program has ended:\n{}", self.process.log());
            (api.status("/readyz").await == Some(200)).then_some(())
        })
        .await;
        self
    }

    pub fn lives(&mut self) -> bool {
        self.process.lives()
    }

    pub async fn kill(mut self) {
        self.process.kill().await;
    }

    pub async fn terminate(mut self) -> ExitStatus {
        self.process.terminate().await
    }

    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl SandboxProcess {
    async fn start(program_port: u16) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder is made"));
        let settings = BTreeMap::from([
            ("BACKSTAMP_MAILGUN_API_KEY", API_KEY.to_owned()),
            ("BACKSTAMP_MAILGUN_DOMAIN", MAIL_DOMAIN.to_owned()),
            ("BACKSTAMP_MAILGUN_SIGNING_KEY", SIGNING_KEY.to_owned()),
            ("BACKSTAMP_SANDBOX_LISTEN", format!("127.0.0.1:{port}")),
            ("BACKSTAMP_SANDBOX_WEBHOOK_URL", format!("http://127.0.0.1:{program_port}/webhooks/mailgun")),
        ]);
        let process = Self::process(&folder, &settings);
        let mailbox = Mailbox::of(&Api::new(format!("http://127.0.0.1:{port}")));
        let sandbox = Self { mailbox, port, folder, settings, process };
        sandbox.ready().await;
        sandbox
    }

    fn process(folder: &TempDir, settings: &BTreeMap<&'static str, String>) -> Process {
        let mut command = command(folder.path());
        command.arg("sandbox").envs(settings);
        Process::start(command, folder.path().join("sandbox.log"))
    }

    async fn ready(&self) {
        let api = Api::new(format!("http://127.0.0.1:{}", self.port));
        let path = "/sandbox/api/messages?limit=1";
        let look = async || (api.status(path).await == Some(200)).then_some(());
        eventually("the sandbox answers", look).await;
    }

    /// SIGKILL, and a new one with the same mailbox.
    pub async fn kill_and_restart(&mut self) {
        self.restart_with("BACKSTAMP_MAILGUN_DOMAIN", MAIL_DOMAIN).await;
    }

    /// The same with one setting changed.
    pub async fn restart_with(&mut self, name: &'static str, value: &str) {
        self.process.kill().await;
        self.settings.insert(name, value.to_owned());
        self.process = Self::process(&self.folder, &self.settings);
        self.ready().await;
    }
}
