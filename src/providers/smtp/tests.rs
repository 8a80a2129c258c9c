//! Conversations with a server that says what it is told to: what each of its replies means, and what it means
//! when there is none.

mod bounces;
mod messages;
mod server;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::clock::SystemClock;
use crate::config::SmtpEncryption;
use crate::domain::address::EmailAddress;
use crate::domain::provider_event::Diagnostic;
use server::{Act, Server};

const PASSWORD: &str = "canary-of-a-password";

fn settings(server: &Server) -> SmtpSettings {
    SmtpSettings {
        server: SmtpConfig {
            host: "127.0.0.1".into(),
            port: server.address.port(),
            encryption: SmtpEncryption::None,
            credentials: None,
            ca: None,
            connections: 2,
        },
        hello: "mail.example.test".into(),
        timeout: Duration::from_secs(10),
    }
}

fn client(settings: SmtpSettings) -> Smtp {
    Smtp::new(settings, Arc::new(SystemClock)).unwrap()
}

/// The same, but whoever waits for a silent server gives up soon.
fn impatient(server: &Server) -> Smtp {
    client(SmtpSettings { timeout: Duration::from_millis(500), ..settings(server) })
}

fn with_credentials(mut settings: SmtpSettings) -> SmtpSettings {
    settings.server.credentials = Some(("ada".into(), SecretString::from(PASSWORD)));
    settings
}

fn mail_to(to: &str) -> OutgoingMail {
    OutgoingMail {
        message_id: MessageId::from_uuid(uuid::Uuid::from_u128(7)),
        message_id_header: "7@mail.example.test".into(),
        from: "Example <no-reply@mail.example.test>".into(),
        to: EmailAddress::parse(to).unwrap(),
        subject: "Set a new password".into(),
        text: "Open https://accounts.example.test/reset-password?token=T0KEN".into(),
        html: "<a href=\"https://accounts.example.test/reset-password?token=T0KEN\">Open</a>".into(),
        tag: "password-reset".into(),
        track_opens: true,
    }
}

async fn send(client: &Smtp) -> Result<Accepted, SendError> {
    client.send(&mail_to("ada@example.test")).await
}

fn diagnostic_of(outcome: Result<Accepted, SendError>) -> Diagnostic {
    match outcome {
        Err(SendError::Bounced { diagnostic } | SendError::Deferred { diagnostic }) => *diagnostic,
        other => panic!("no diagnostic: {other:?}"),
    }
}

/// The name of what it came to.
fn sorted(outcome: &Result<Accepted, SendError>) -> &'static str {
    match outcome {
        Ok(_) => "accepted",
        Err(SendError::Refused { .. }) => "refused",
        Err(SendError::Bounced { .. }) => "bounced",
        Err(SendError::Deferred { .. }) => "deferred",
        Err(SendError::Configuration { .. }) => "configuration",
        Err(SendError::Throttled { .. }) => "throttled",
        Err(SendError::NotSent { .. }) => "not_sent",
        Err(SendError::Ambiguous { .. }) => "ambiguous",
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_and_what_the_server_said_is_kept() {
    let server = Server::start([(".", Act::Say("250 2.0.0 Ok: queued as 4XkQ2c1Zyq"))]).await;

    let accepted = send(&client(settings(&server))).await.unwrap();

    assert_eq!(accepted.provider_message_id, "7@mail.example.test");
    assert_eq!(accepted.reply.as_deref(), Some("250 2.0.0 Ok: queued as 4XkQ2c1Zyq"));
    assert_eq!(
        server.commands(),
        [
            "EHLO mail.example.test",
            "MAIL FROM:<no-reply@mail.example.test>",
            "RCPT TO:<ada@example.test>",
            "DATA",
            ".",
        ]
    );
}

#[tokio::test]
async fn a_refusal_means_what_it_is_the_answer_to() {
    for (command, said, meaning) in [
        ("", "554 5.7.1 go away", "configuration"),
        ("", "421 4.3.2 busy", "not_sent"),
        ("EHLO", "550 5.7.1 who are you", "configuration"),
        ("EHLO", "421 4.7.0 closing", "not_sent"),
        ("AUTH", "535 5.7.8 wrong", "configuration"),
        ("AUTH", "454 4.7.0 temporary authentication failure", "not_sent"),
        ("MAIL", "550 5.7.1 sender refused", "configuration"),
        ("MAIL", "530 5.7.0 authentication required", "configuration"),
        ("MAIL", "452 4.3.1 insufficient system storage", "not_sent"),
        ("RCPT", "550 5.1.1 no such user", "bounced"),
        ("RCPT", "551 5.1.6 moved", "bounced"),
        ("RCPT", "530 5.7.0 authentication required", "configuration"),
        ("RCPT", "450 4.2.0 greylisted", "deferred"),
        ("RCPT", "452 4.2.2 mailbox full", "deferred"),
        ("DATA", "554 5.5.1 no valid recipients", "bounced"),
        ("DATA", "451 4.3.0 try again", "deferred"),
        (".", "554 5.7.1 spam", "bounced"),
        (".", "552 5.3.4 too big", "bounced"),
        (".", "451 4.7.1 later", "deferred"),
        (".", "421 4.4.2 closing", "deferred"),
    ] {
        let server = Server::start([(command, Act::Say(said))]).await;

        let outcome = send(&client(with_credentials(settings(&server)))).await;

        assert_eq!(sorted(&outcome), meaning, "{command:?} {said}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_bounce_keeps_codes_and_words_and_a_text_of_several_lines_is_one() {
    let reply = "550-5.1.1 The account that you tried to reach\r\n550-5.1.1  does not exist: ada@example.test\r\n\
                 550 5.1.1 see https://help.example.test";
    let server = Server::start([("RCPT", Act::Say(reply)), ("RCPT", Act::Say("550 no user here"))]).await;
    let client = client(settings(&server));

    let outcome = send(&client).await;
    let without_code = diagnostic_of(send(&client).await);

    let told = outcome.as_ref().unwrap_err().to_string();
    let diagnostic = diagnostic_of(outcome);
    assert_eq!((diagnostic.code, diagnostic.enhanced.as_deref()), (Some(550), Some("5.1.1")));
    let words = &diagnostic.text.known().unwrap().message;
    assert_eq!(
        words,
        "5.1.1 The account that you tried to reach does not exist: ada@example.test see https://help.example.test"
    );
    assert_eq!(told, "bounced: 550 5.1.1");
    assert_eq!((without_code.code, without_code.enhanced), (Some(550), None));
}

#[tokio::test]
async fn a_server_that_is_closing_is_in_trouble_itself_and_one_that_refuses_a_recipient_is_not() {
    let server = Server::start([
        ("RCPT", Act::Say("421 4.7.0 too many connections")),
        ("RCPT", Act::Say("450 4.2.0 greylisted")),
        ("RCPT", Act::Say("550 5.1.1 no such user")),
    ])
    .await;
    let client = client(settings(&server));

    let mut troubles = vec![];
    for _ in 0..3 {
        troubles.push(send(&client).await.unwrap_err().is_of_the_provider());
    }

    assert_eq!(troubles, [true, false, false]);
}

#[tokio::test]
async fn a_conversation_that_breaks_off_leaves_the_outcome_open_only_behind_the_last_dot() {
    let garbage = Act::Say("what?");
    for (command, act, meaning) in [
        ("", Act::HangUp, "not_sent"),
        ("EHLO", Act::HangUp, "not_sent"),
        ("MAIL", Act::HangUp, "not_sent"),
        ("RCPT", Act::HangUp, "not_sent"),
        ("DATA", Act::HangUp, "not_sent"),
        (".", Act::HangUp, "ambiguous"),
        ("", garbage, "not_sent"),
        ("RCPT", garbage, "not_sent"),
        ("DATA", Act::Say("250 not what was asked"), "not_sent"),
        (".", garbage, "ambiguous"),
        (".", Act::Say("354 go on"), "ambiguous"),
    ] {
        let server = Server::start([(command, act)]).await;

        let outcome = send(&client(settings(&server))).await;

        assert_eq!(sorted(&outcome), meaning, "{command:?} {act:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_written_to_its_end_was_not_sent() {
    let server = Server::start([("DATA", Act::SayAndHangUp("354 go ahead"))]).await;
    let mut mail = mail_to("ada@example.test");
    // More than all buffers between here and there.
    mail.text = "A line of the usual length, of which there are very many in this mail.\n".repeat(200_000);

    let outcome = client(settings(&server)).send(&mail).await;

    assert_eq!(sorted(&outcome), "not_sent", "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_in_time() {
    for (command, meaning) in [
        ("", "not_sent"),
        ("MAIL", "not_sent"),
        ("RCPT", "not_sent"),
        ("DATA", "not_sent"),
        (".", "ambiguous"),
    ] {
        let server = Server::start([(command, Act::Stall)]).await;

        let outcome = send(&impatient(&server)).await;

        assert_eq!(sorted(&outcome), meaning, "{command:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_gets_nothing() {
    let server = Server::start([]).await;
    let settings = settings(&server);
    server.leave().await;

    let outcome = send(&client(settings)).await;

    assert_eq!(outcome.unwrap_err().to_string(), "not sent: at the greeting: the connection was refused");
}

#[tokio::test]
async fn a_connection_serves_one_mail_after_the_other_also_after_a_refusal() {
    let server = Server::start([("RCPT", Act::Say("550 5.1.1 no such user"))]).await;
    let client = client(settings(&server));

    let outcomes = [send(&client).await, send(&client).await, send(&client).await];

    assert_eq!(outcomes.each_ref().map(sorted), ["bounced", "accepted", "accepted"]);
    assert_eq!(server.connections(), 1);
    assert_eq!(server.commands().iter().filter(|command| *command == "RSET").count(), 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_or_cut_off_is_replaced() {
    let server = Server::start([("RSET", Act::HangUp), (".", Act::HangUp)]).await;
    let client = client(settings(&server));

    let outcomes = [send(&client).await, send(&client).await, send(&client).await];

    // The second mail got a new connection at once, and was cut off on it behind the dot.
    assert_eq!(outcomes.each_ref().map(sorted), ["ambiguous", "accepted", "accepted"]);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn there_are_never_more_connections_than_configured() {
    let server = Server::start([]).await;
    let client = client(settings(&server));

    let outcomes = futures_util::future::join_all((0..12).map(|_| send(&client))).await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(server.connections() <= 2, "{}", server.connections());
}

#[tokio::test]
async fn a_mail_that_finds_every_connection_busy_is_not_sent() {
    let server = Server::start([("MAIL", Act::Stall), ("MAIL", Act::Stall)]).await;
    let client = impatient(&server);

    let outcomes = futures_util::future::join_all((0..3).map(|_| send(&client))).await;

    let reasons: Vec<String> = outcomes.into_iter().map(|outcome| outcome.unwrap_err().to_string()).collect();
    assert!(reasons.contains(&"not sent: every connection is busy".to_owned()), "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.starts_with("not sent: ")), "{reasons:?}");
}

#[tokio::test]
async fn credentials_go_out_by_the_way_that_the_server_knows() {
    let login = "250-server\r\n250 AUTH LOGIN";
    for (greeting, expected) in [
        ("250-server\r\n250 AUTH LOGIN PLAIN", vec!["AUTH PLAIN AGFkYQBjYW5hcnktb2YtYS1wYXNzd29yZA=="]),
        (login, vec!["AUTH LOGIN", "YWRh", "Y2FuYXJ5LW9mLWEtcGFzc3dvcmQ="]),
    ] {
        let server = Server::start([("EHLO", Act::Say(greeting))]).await;

        let outcome = send(&client(with_credentials(settings(&server)))).await;

        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(server.commands()[1..=expected.len()], expected);
    }
}

#[tokio::test]
async fn no_password_is_said_to_a_server_that_does_not_ask_or_in_the_clear_to_another_machine() {
    let silent = Server::start([("EHLO", Act::Say("250 server"))]).await;
    let far = Server::start([]).await;
    let mut elsewhere = with_credentials(settings(&far));
    // Every address of this machine, and so not a loopback address to us.
    elsewhere.server.host = "0.0.0.0".into();
    elsewhere.server.encryption = SmtpEncryption::Opportunistic;

    let outcomes = [send(&client(with_credentials(settings(&silent)))).await, send(&client(elsewhere)).await];

    assert_eq!(outcomes.each_ref().map(sorted), ["configuration", "configuration"], "{outcomes:?}");
    assert!(!silent.commands().iter().chain(&far.commands()).any(|command| command.starts_with("AUTH")));
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_where_it_is_required_and_everything_where_it_is_not() {
    for (encryption, meaning) in
        [(SmtpEncryption::Required, "configuration"), (SmtpEncryption::Opportunistic, "accepted")]
    {
        let server = Server::start([]).await;
        let mut settings = settings(&server);
        settings.server.encryption = encryption;

        let outcome = send(&client(settings)).await;

        assert_eq!(sorted(&outcome), meaning, "{outcome:?}");
        assert_eq!(
            server.commands().iter().any(|command| command.starts_with("MAIL")),
            meaning == "accepted"
        );
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_matter_of_configuration() {
    let server = Server::start([]).await;
    let mut settings = settings(&server);
    settings.server.encryption = SmtpEncryption::Wrapped;

    let outcome = send(&client(settings)).await;

    let told = outcome.unwrap_err().to_string();
    assert!(told.contains("no encryption: "), "{told}");
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_server_that_says_so_and_its_domain_does_not() {
    let plain = Server::start([("EHLO", Act::Say("250 server"))]).await;
    let international =
        Server::start([("EHLO", Act::Say("250-server\r\n250-8BITMIME\r\n250 SMTPUTF8"))]).await;
    let (plain_client, international_client) = (client(settings(&plain)), client(settings(&international)));

    let refused = plain_client.send(&mail_to("jürgen@bücher.test")).await;
    let domain_only = plain_client.send(&mail_to("ada@bücher.test")).await;
    let taken = international_client.send(&mail_to("jürgen@bücher.test")).await;

    assert_eq!([&refused, &domain_only, &taken].map(sorted), ["refused", "accepted", "accepted"]);
    assert!(refused.unwrap_err().to_string().contains("SMTPUTF8"));
    assert!(plain.commands().contains(&"RCPT TO:<ada@xn--bcher-kva.test>".to_owned()));
    let expected = [
        "MAIL FROM:<no-reply@mail.example.test> SMTPUTF8 BODY=8BITMIME",
        "RCPT TO:<jürgen@xn--bcher-kva.test>",
    ];
    assert!(expected.iter().all(|line| international.commands().iter().any(|heard| heard == line)));
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_a_password_or_an_address() {
    let reply =
        Act::Say("535 5.7.8 no such user ada.lovelace@example.test with canary-of-a-password-and-more");
    let server = Server::start([("AUTH", reply)]).await;
    let settings = with_credentials(settings(&server));
    let shown = format!("{settings:?}");

    let error = send(&client(settings)).await.unwrap_err();

    assert!(!shown.contains(PASSWORD), "{shown}");
    let told = error.to_string();
    assert_eq!(
        told,
        "not accepted until the configuration changes: at the log-in: 535 5.7.8 no such user *** with ***"
    );
}

#[tokio::test]
async fn a_mail_server_cannot_be_asked_what_it_has() {
    let server = Server::start([]).await;
    let client = client(settings(&server));

    let answer =
        client.find_accepted(mail_to("ada@example.test").message_id, "7@x.test", SystemClock.now()).await;

    assert!(matches!(answer, Err(LookUpError::Unsupported { .. })));
    assert_eq!((client.name(), server.connections()), ("smtp", 0));
}
