//! A rendered mail as the bytes that a mail server takes (RFC 5322, MIME).

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use crate::domain::address::EmailAddress;
use crate::providers::{OutgoingMail, SendError};

/// One mail, ready to be handed over.
pub(super) struct Prepared {
    /// Where a report of failure would go.
    pub(super) from: Address,
    pub(super) to: Address,
    /// Lines end in CR LF; dots are not doubled yet.
    pub(super) bytes: Vec<u8>,
}

impl Prepared {
    /// Writes the message. The same mail gives the same bytes, but for its date.
    pub(super) fn of(mail: &OutgoingMail, now: DateTime<Utc>) -> Result<Self, SendError> {
        let from = sender(&mail.from)?;
        let to = ascii_domain(&mail.to);
        // Made of an id that nobody can guess: no body has a line that equals it.
        let boundary = format!("part-{}", mail.message_id);
        let body = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(SinglePart::plain(lines(&mail.text)))
            .singlepart(SinglePart::html(lines(&mail.html)));
        let message = Message::builder()
            .from(from.clone())
            .to(to.clone().into())
            .subject(one_line(&mail.subject))
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}>", mail.message_id_header)))
            // RFC 3834: vacation programs leave it alone.
            .raw_header(header(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"))
            // Keeps mail clients from folding several mails of one subject into one thread.
            .raw_header(header(
                HeaderName::new_from_ascii_str("X-Entity-Ref-ID"),
                &mail.message_id.to_string(),
            ))
            .multipart(body)
            .map_err(|error| SendError::Refused {
                reason: format!("no message can be made of it: {error}"),
            })?;
        Ok(Self { from: from.email, to, bytes: message.formatted() })
    }

    /// Whether one of the addresses, and so a header too, needs SMTPUTF8 (RFC 6531).
    pub(super) fn is_international(&self) -> bool {
        ![&self.from, &self.to].into_iter().all(|address| AsRef::<str>::as_ref(address).is_ascii())
    }
}

/// `Name <address>`, as configured.
fn sender(from: &str) -> Result<Mailbox, SendError> {
    let unreadable = || SendError::Configuration { reason: "the sender is no address".to_owned() };
    let mailbox: Mailbox = from.parse().map_err(|_| unreadable())?;
    let address = EmailAddress::parse(mailbox.email.as_ref()).map_err(|_| unreadable())?;
    Ok(Mailbox::new(mailbox.name, ascii_domain(&address)))
}

/// The address with its domain in the form that every server understands. The local part stays as its owner
/// writes it.
fn ascii_domain(address: &EmailAddress) -> Address {
    let local = address.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    // Parsed before, and more strictly.
    Address::new_dangerous(local, address.domain())
}

/// Every line ends in CR LF. A lone CR or LF would be a line end to some servers and none to others, which is
/// how mails are smuggled.
fn lines(body: &str) -> String {
    body.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

fn one_line(subject: &str) -> String {
    subject.split(|c: char| c.is_control()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn header(name: HeaderName, value: &str) -> HeaderValue {
    HeaderValue::new(name, value.to_owned())
}
