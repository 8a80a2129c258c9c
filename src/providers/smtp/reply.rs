//! What a mail server's reply means, which depends on what it was the reply to.
//!
//! Before a recipient is named, a refusal is about us: an operator's business, or the server's own trouble.
//! From the recipient on it is about this mail: 4xx is "later", 5xx is a bounce (RFC 5321 §4.2.1). A reply that
//! never comes leaves the outcome open only if the last dot was written.

use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use crate::domain::bounce::mask;
use crate::domain::provider_event::{Diagnostic, DiagnosticText};
use crate::domain::sealed::Sealed;
use crate::providers::SendError;

/// Characters of a reply that are kept.
const MAX_TEXT: usize = 2_000;

/// How far the conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, greeting, encryption.
    Greeting,
    /// AUTH.
    LogIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, up to the last dot.
    Data,
    /// The last dot has been written: the mail is the server's if it has read it.
    End,
}

/// Whether the last dot was written, also for whoever gives up waiting.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicBool);

/// A reply: its code, its enhanced code, its words on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) enhanced: Option<String>,
    pub(super) text: String,
}

impl Progress {
    /// From now on the server may have the mail.
    pub(super) fn reach_end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Where the conversation is while the message is written.
    pub(super) fn stage(&self) -> Stage {
        if self.0.load(Ordering::Relaxed) { Stage::End } else { Stage::Data }
    }

    /// What it means that the conversation broke off here.
    pub(super) fn cut_off(&self, reason: &str) -> SendError {
        let reason = reason.to_owned();
        match self.stage() {
            Stage::End => SendError::Ambiguous { reason },
            _ => SendError::NotSent { reason },
        }
    }
}

impl Stage {
    /// What an error in this stage means.
    pub(super) fn sort(self, error: &Error) -> SendError {
        if let Some(reply) = Reply::in_error(error) {
            return self.sort_reply(reply);
        }
        let reason = format!("{}: {}", self.as_str(), failure(error));
        match self {
            Self::End => SendError::Ambiguous { reason },
            // No way to log in that both know; a certificate that does not hold.
            _ if error.is_client() || encryption_failure(error).is_some() => {
                SendError::Configuration { reason }
            }
            _ => SendError::NotSent { reason },
        }
    }

    fn sort_reply(self, reply: Reply) -> SendError {
        let is_permanent = reply.code >= 500;
        let is_about_us =
            matches!(self, Self::Greeting | Self::LogIn | Self::Sender) || reply.asks_for_log_in();
        match (is_about_us, is_permanent) {
            (true, true) => SendError::Configuration { reason: self.reason(&reply) },
            (true, false) => SendError::NotSent { reason: self.reason(&reply) },
            (false, true) => SendError::Bounced { diagnostic: Box::new(reply.into_diagnostic()) },
            (false, false) => SendError::Deferred { diagnostic: Box::new(reply.into_diagnostic()) },
        }
    }

    fn reason(self, reply: &Reply) -> String {
        format!("{}: {} {}", self.as_str(), reply.code, mask(&reply.text))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "at the greeting",
            Self::LogIn => "at the log-in",
            Self::Sender => "at the sender",
            Self::Recipient => "at the recipient",
            Self::Data => "before the end of the data",
            Self::End => "after the end of the data",
        }
    }
}

impl Reply {
    /// What the server said when it took something.
    pub(super) fn of(response: &Response) -> Self {
        Self::new(response.code().into(), &response.message().collect::<Vec<_>>().join(" "))
    }

    /// What the server said when it refused something.
    fn in_error(error: &Error) -> Option<Self> {
        let code = error.status()?.into();
        Some(Self::new(code, &error.source().map(ToString::to_string).unwrap_or_default()))
    }

    fn new(code: u16, text: &str) -> Self {
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        let enhanced = words.first().filter(|word| is_enhanced_code(word)).map(|word| (*word).to_owned());
        Self { code, enhanced, text: words.join(" ").chars().take(MAX_TEXT).collect() }
    }

    /// RFC 4954 §6: said at any command by a server that wants to know who we are.
    fn asks_for_log_in(&self) -> bool {
        matches!(self.code, 530 | 534 | 535 | 538)
    }

    fn into_diagnostic(self) -> Diagnostic {
        Diagnostic {
            code: Some(self.code),
            enhanced: self.enhanced,
            reason: None,
            bounce_type: None,
            last_code: None,
            attempt: None,
            retry_seconds: None,
            // The host stays out: it may be our own relay, and says nothing about the recipient's mailbox.
            text: Sealed::Known(DiagnosticText { message: self.text, ..DiagnosticText::default() }),
        }
    }
}

/// `5.1.1` (RFC 3463 §2).
fn is_enhanced_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), ["2" | "4" | "5", rest @ ..] if rest.len() == 2 && rest.iter().all(is_number))
}

/// What broke, in our words; the error's own could hold what the server sent.
fn failure(error: &Error) -> String {
    if let Some(error) = encryption_failure(error) {
        return format!("no encryption: {error}");
    }
    match io_failure(error).map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => "no answer in time".to_owned(),
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused".to_owned(),
        Some(io::ErrorKind::InvalidData) => "a reply that is no text".to_owned(),
        Some(_) => "the connection broke".to_owned(),
        None if error.is_client() => match error.source() {
            Some(source) => source.to_string(),
            None => "nothing that both sides know".to_owned(),
        },
        None if error.is_response() => "no whole SMTP reply".to_owned(),
        None => "no connection".to_owned(),
    }
}

fn io_failure(error: &Error) -> Option<&io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What TLS has against the other side, if it is that.
fn encryption_failure(error: &Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| match cause.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref()?.downcast_ref(),
        None => cause.downcast_ref(),
    })
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
