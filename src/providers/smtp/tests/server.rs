//! A mail server that behaves, except where its script says otherwise.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does instead of the usual.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Say(&'static str),
    HangUp,
    SayAndHangUp(&'static str),
    /// Neither a word nor an end.
    Stall,
}

/// One server on a port of its own.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    told: Arc<Told>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    /// Command and act; each is used once, in order. No command stands for the greeting, `.` for the end of
    /// the data.
    script: Mutex<Vec<(&'static str, Act)>>,
    commands: Mutex<Vec<String>>,
    messages: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl Server {
    pub(super) async fn start(script: impl IntoIterator<Item = (&'static str, Act)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Told { script: Mutex::new(script.into_iter().collect()), ..Told::default() });
        let listening = tokio::spawn(listen(listener, Arc::clone(&told)));
        Self { address, told, listening }
    }

    /// Everything that clients said, in order, but for the data.
    pub(super) fn commands(&self) -> Vec<String> {
        self.told.commands.lock().unwrap().clone()
    }

    /// Every message as it came over the wire, dots doubled, without the last one.
    pub(super) fn messages(&self) -> Vec<String> {
        self.told.messages.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.told.connections.load(Ordering::SeqCst)
    }

    /// Nobody listens there any more.
    pub(super) async fn leave(self) {
        self.listening.abort();
        let _ = self.listening.await;
    }
}

async fn listen(listener: TcpListener, told: Arc<Told>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        told.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(converse(stream, Arc::clone(&told)));
    }
}

async fn converse(stream: TcpStream, told: Arc<Told>) {
    let mut stream = BufReader::new(stream);
    if told.answer("", &mut stream).await.is_none() {
        return;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let command = line.trim_end().to_owned();
        told.commands.lock().unwrap().push(command.clone());
        let Some(said) = told.answer(&command, &mut stream).await else { return };
        if command == "DATA" && said.starts_with("354") {
            let Some(message) = data(&mut stream).await else { return };
            told.messages.lock().unwrap().push(message);
            told.commands.lock().unwrap().push(".".to_owned());
            if told.answer(".", &mut stream).await.is_none() {
                return;
            }
        }
    }
}

/// Everything up to the line with the last dot.
async fn data(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut message = String::new();
    loop {
        let start = message.len();
        if stream.read_line(&mut message).await.ok()? == 0 {
            return None;
        }
        if &message[start..] == ".\r\n" {
            message.truncate(start);
            return Some(message);
        }
    }
}

impl Told {
    /// What was said, if the conversation goes on.
    async fn answer(&self, command: &str, stream: &mut BufReader<TcpStream>) -> Option<&'static str> {
        let act = self.scripted(command).unwrap_or(Act::Say(usual(command)));
        let (Act::Say(text) | Act::SayAndHangUp(text)) = act else {
            return if matches!(act, Act::Stall) { std::future::pending().await } else { None };
        };
        stream.write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
        matches!(act, Act::Say(_)).then_some(text)
    }

    fn scripted(&self, command: &str) -> Option<Act> {
        let verb = command.split(' ').next().unwrap_or_default();
        let mut script = self.script.lock().unwrap();
        let place = script.iter().position(|(expected, _)| *expected == verb)?;
        Some(script.remove(place).1)
    }
}

fn usual(command: &str) -> &'static str {
    match command.split(' ').next().unwrap_or_default() {
        "" => "220 server ready",
        "EHLO" => "250-server\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
        "AUTH" if command.ends_with(" LOGIN") => "334 VXNlcm5hbWU6",
        // What is no command is the user name; the word for "Password:" asks for what ends it.
        "YWRh" => "334 UGFzc3dvcmQ6",
        "AUTH" | "Y2FuYXJ5LW9mLWEtcGFzc3dvcmQ=" => "235 2.7.0 welcome",
        "DATA" => "354 end with a dot",
        "QUIT" => "221 bye",
        _ => "250 2.0.0 Ok",
    }
}
