//! What a mail looks like on the wire, and what its reader gets: written by us, read by a parser of somebody
//! else's.

use mail_parser::{Message, MessageParser, MimeHeaders};

use super::*;

/// Sends it to a server; answers how it came over the wire.
async fn on_the_wire(mail: &OutgoingMail) -> String {
    let server = Server::start([]).await;
    client(settings(&server)).send(mail).await.unwrap();
    server.messages().remove(0)
}

/// As the server stores it: dots undoubled (RFC 5321 §4.5.2).
fn stored(wire: &str) -> String {
    wire.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect()
}

fn parse(stored: &str) -> Message<'_> {
    MessageParser::default().parse(stored).expect("a message")
}

/// Line ends are the wire's business.
fn text_of(message: &Message<'_>) -> String {
    message.body_text(0).expect("a text").replace("\r\n", "\n").trim_end().to_owned()
}

#[tokio::test]
async fn a_mail_says_who_what_and_when_and_has_a_text_and_html() {
    let mail = mail_to("ada@example.test");

    let stored = stored(&on_the_wire(&mail).await);

    let message = parse(&stored);
    let from = message.from().and_then(|from| from.first()).unwrap();
    assert_eq!((from.name(), from.address()), (Some("Example"), Some("no-reply@mail.example.test")));
    assert_eq!(message.to().and_then(|to| to.first()).unwrap().address(), Some("ada@example.test"));
    assert_eq!(message.subject(), Some("Set a new password"));
    assert_eq!(message.message_id(), Some("7@mail.example.test"));
    let age = SystemClock.now().timestamp() - message.date().unwrap().to_timestamp();
    assert!((0..60).contains(&age), "{age}");
    for (name, value) in
        [("Auto-Submitted", "auto-generated"), ("X-Entity-Ref-ID", &*mail.message_id.to_string())]
    {
        assert_eq!(message.header_raw(name).map(str::trim), Some(value));
    }
    assert_eq!(message.content_type().unwrap().subtype(), Some("alternative"));
    assert_eq!(message.parts.len(), 3);
    assert_eq!(text_of(&message), mail.text);
    assert!(message.body_html(0).unwrap().contains(&mail.html));
    // Nobody can see opens here, whatever was asked for.
    assert!(!stored.contains("<img"));
}

#[tokio::test]
async fn lines_that_begin_with_dots_or_go_on_for_ever_arrive_as_they_were_written() {
    let mut mail = mail_to("ada@example.test");
    let long = format!("{} end", "word".repeat(2_000));
    mail.text = format!(".\n..\n.hidden\nusual\n{long}\n.");

    let wire = on_the_wire(&mail).await;

    let stored = stored(&wire);
    assert_eq!(text_of(&parse(&stored)), mail.text);
    assert!(wire.lines().all(|line| line.len() <= 998), "a line is too long");
    assert!(wire.replace("\r\n", "").chars().all(|c| c != '\r' && c != '\n'), "a bare CR or LF");
}

#[tokio::test]
async fn no_line_end_of_another_kind_smuggles_a_second_mail() {
    let mut mail = mail_to("ada@example.test");
    mail.text = "first\r.\rsecond\n.\nthird\r\n.\r\nMAIL FROM:<eve@example.test>".into();

    let wire = on_the_wire(&mail).await;

    let stored = stored(&wire);
    assert_eq!(text_of(&parse(&stored)), "first\n.\nsecond\n.\nthird\n.\nMAIL FROM:<eve@example.test>");
    assert!(wire.replace("\r\n", "").chars().all(|c| c != '\r' && c != '\n'), "a bare CR or LF");
}

#[tokio::test]
async fn names_subjects_and_texts_beyond_ascii_arrive() {
    let mut mail = mail_to("ada@example.test");
    mail.from = "\"Bücher & Söhne, Köln\" <no-reply@bücher.test>".into();
    mail.subject = format!("Neues Passwort für Jürgen – {}", "日本語の件名 ".repeat(12));
    mail.text = "Grüße, Ångström, 日本語, 🦦".into();
    mail.html = "<p>Grüße, Ångström, 日本語, 🦦</p>".into();

    let wire = on_the_wire(&mail).await;

    let stored = stored(&wire);
    let message = parse(&stored);
    assert!(wire.is_ascii(), "needs no server that takes eight bits");
    let from = message.from().and_then(|from| from.first()).unwrap();
    assert_eq!(from.name(), Some("Bücher & Söhne, Köln"));
    assert_eq!(from.address(), Some("no-reply@xn--bcher-kva.test"));
    assert_eq!(message.subject(), Some(mail.subject.trim_end()));
    assert_eq!(text_of(&message), mail.text);
    assert!(message.body_html(0).unwrap().contains(&mail.html));
}

#[tokio::test]
async fn a_subject_stays_one_header_and_the_recipient_the_only_one() {
    let mut mail = mail_to("ada@example.test");
    mail.subject = "Hello\r\nBcc: eve@example.test\r\n\r\nbody".into();

    let stored = stored(&on_the_wire(&mail).await);

    let message = parse(&stored);
    assert_eq!(message.subject(), Some("Hello Bcc: eve@example.test body"));
    assert!(message.bcc().is_none());
}

#[test]
fn the_same_mail_is_the_same_bytes_but_for_its_date() {
    let (mail, now) = (mail_to("ada@example.test"), SystemClock.now());

    let again = [(); 2].map(|()| Prepared::of(&mail, now).unwrap().bytes);

    assert_eq!(again[0], again[1]);
}

#[test]
fn a_sender_that_is_no_address_is_a_matter_of_configuration() {
    let mut mail = mail_to("ada@example.test");
    mail.from = "nobody".into();

    let outcome = Prepared::of(&mail, SystemClock.now()).map(|_| ());

    assert!(matches!(outcome, Err(SendError::Configuration { .. })), "{outcome:?}");
}
