//! The mail server: what its URL means, and which URLs are refused.

use super::*;

/// Settings of an installation that sends by SMTP and has nothing of Mailgun's.
fn desk(url: &str) -> Desk {
    Desk::new(&[
        ("BACKSTAMP_MAIL_PROVIDER", "smtp"),
        ("BACKSTAMP_MAIL_FROM", "Example <no-reply@example.com>"),
        ("BACKSTAMP_SMTP_URL", url),
        ("BACKSTAMP_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("BACKSTAMP_PUBLIC_URL", "https://accounts.example.com"),
    ])
}

fn server(url: &str) -> SmtpConfig {
    match desk(url).load().mail.provider {
        MailProvider::Smtp(server) => server,
        other => panic!("not SMTP: {other:?}"),
    }
}

#[test]
fn the_url_names_server_port_and_encryption() {
    use SmtpEncryption::{None, Opportunistic, Required, Wrapped};
    for (url, host, port, encryption) in [
        ("smtps://mail.example.com", "mail.example.com", 465, Wrapped),
        ("smtps://mail.example.com:2465/", "mail.example.com", 2465, Wrapped),
        ("smtp://mail.example.com", "mail.example.com", 587, Required),
        ("smtp://MAIL.example.com:25?tls=required", "mail.example.com", 25, Required),
        ("smtp://bücher.example?tls=opportunistic", "xn--bcher-kva.example", 587, Opportunistic),
        ("smtp://localhost:1025", "localhost", 1025, None),
        ("smtp://127.0.0.1:1025?tls=none", "127.0.0.1", 1025, None),
        ("smtp://127.0.0.1:1025?tls=required", "127.0.0.1", 1025, Required),
        ("smtp://[::1]:1025", "::1", 1025, None),
        ("smtp://[2001:db8::25]", "2001:db8::25", 587, Required),
        ("smtp://192.0.2.25", "192.0.2.25", 587, Required),
    ] {
        let server = server(url);

        assert_eq!((server.host.as_str(), server.port, server.encryption), (host, port, encryption), "{url}");
        assert!(server.credentials.is_none());
    }
}

#[test]
fn user_and_password_are_percent_decoded_and_plus_stays_plus() {
    let server = server("smtps://ada%40example.com:p%2Fs%20s%3A%C3%BC+%25@mail.example.com");

    let (user, password) = server.credentials.expect("credentials");
    assert_eq!((user.as_str(), password.expose_secret()), ("ada@example.com", "p/s s:ü+%"));
}

#[test]
fn a_url_that_is_unsafe_or_unclear_is_refused() {
    for url in [
        "",
        "mail.example.com:587",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail example.com",
        "smtp://mail.example.com:0x19",
        "smtp://mail.example.com/relay",
        "smtp://mail.example.com#1",
        "smtp://mail.example.com?tls=none",
        "smtp://ada:secret@mail.example.com?tls=none",
        "smtp://127.0.0.1.example.com?tls=none",
        "smtp://mail.example.com?tls=perhaps",
        "smtp://mail.example.com?tls=required&tls=none",
        "smtp://mail.example.com?starttls=true",
        "smtps://mail.example.com?tls=none",
        "smtps://ada@mail.example.com",
        "smtps://:secret@mail.example.com",
        "smtps://ada:pa/ss@mail.example.com",
        "smtps://ada:12#ss@mail.example.com",
        "smtps://ada:12?ss@mail.example.com",
        "smtps://ada:%ff@mail.example.com",
        "smtps://ada:one%00two@mail.example.com",
        "smtps://ada:one%0d%0atwo@mail.example.com",
    ] {
        let faults = desk(url).faults();

        let names: Vec<_> = faults.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["BACKSTAMP_SMTP_URL"], "{url}");
    }
}

#[test]
fn smtp_needs_nothing_of_mailguns_and_a_sender_unless_the_server_is_on_this_machine() {
    let without_sender = |url| {
        let mut desk = desk(url);
        desk.environment.retain(|(name, _)| *name != "BACKSTAMP_MAIL_FROM");
        desk
    };

    assert_eq!(
        without_sender("smtp://127.0.0.1:25").load().mail.from.to_string(),
        "Backstamp <no-reply@localhost>"
    );
    let faults = without_sender("smtps://mail.example.com").faults();
    assert_eq!(faults, [("BACKSTAMP_MAIL_FROM".to_owned(), None)]);
    assert_eq!(desk("smtps://mail.example.com").load().mail.reconcile_after, Duration::from_secs(60));
}

#[test]
fn late_reports_of_a_former_mailgun_can_still_be_believed() {
    let mut desk = desk("smtps://mail.example.com");
    desk.environment.push(("BACKSTAMP_MAILGUN_SIGNING_KEY", "sign-1".into()));

    assert_eq!(desk.load().mail.signing_keys.len(), 1);
}

#[test]
fn certificates_are_read_from_their_file() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mut desk = desk("smtps://mail.example.com").file("ca.pem", pem);
    let path = desk.folder.path().join("ca.pem").display().to_string();
    desk.environment.push(("BACKSTAMP_SMTP_CA_FILE", path));

    let MailProvider::Smtp(server) = desk.load().mail.provider else { panic!("not SMTP") };
    assert_eq!(server.ca.as_deref(), Some(pem));
}

#[test]
fn no_password_is_shown() {
    let canary = "canary7f3a";
    for url in [
        format!("smtps://ada:{canary}@mail.example.com"),
        format!("smtp://ada:{canary}@mail.example.com?tls=none"),
        format!("smtp://ada:{canary}/x@mail.example.com"),
    ] {
        let shown = match Config::load(&desk(&url).sources()) {
            Ok(config) => format!("{config:?}"),
            Err(faults) => format!("{faults} {faults:?}"),
        };

        assert!(!shown.contains(canary), "{shown}");
    }
}
