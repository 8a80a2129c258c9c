//! What outside tests stand on: the built program and the sandbox as processes of their own, a database, a
//! client without a proxy, signed webhooks, and waiting for a condition.
//!
//! Nothing in here knows how the program works inside; where a test looks into its database, it says so.

pub mod cable;
pub mod client;
pub mod installation;
pub mod mail_server;
pub mod mailbox;
pub mod process;
pub mod tables;
pub mod wait;
pub mod webhook;

pub use client::{Answer, Api};
pub use installation::{ADMIN_KEY, Installation, Program, SIGNING_KEY, SandboxProcess};
pub use mailbox::{Mail, Mailbox, token_of};
pub use process::free_port;
pub use wait::{Chance, eventually, perhaps, within};
