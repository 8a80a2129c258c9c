//! Every category of failure, reached by what a server replies.

use super::*;
use crate::domain::bounce::{Category, classify};

#[tokio::test]
async fn every_category_is_reached_by_a_reply() {
    use Category::*;
    for (command, said, expected) in [
        ("RCPT", "550 5.1.1 <ada@example.test>: no such user here", InvalidRecipient),
        ("RCPT", "550 5.2.1 this account has been disabled", InactiveRecipient),
        ("RCPT", "556 5.1.10 the domain has a null MX", InvalidDomain),
        ("RCPT", "452 4.2.2 mailbox full", MailboxFull),
        (".", "552 5.3.4 message exceeds our size limit", MessageTooLarge),
        (".", "554 5.7.1 this message looks like spam", SpamContent),
        (".", "554 5.6.0 a virus was found in your message", ContentRejected),
        ("RCPT", "554 5.7.1 client host [192.0.2.7] blocked using bl.lists.test", Blocklisted),
        ("RCPT", "421 4.7.0 deferred for the poor reputation of your IP", ReputationBlock),
        ("RCPT", "450 4.7.1 too many messages, slow down", RateLimited),
        ("RCPT", "450 4.2.0 greylisted, come back in 300 seconds", Greylisted),
        (".", "550 5.7.26 DMARC check failed for example.test", AuthFailed),
        ("RCPT", "550 5.7.25 your host has no PTR record", SenderDnsInvalid),
        ("RCPT", "554 5.7.1 relay access denied", RelayDenied),
        ("RCPT", "550 5.7.1 only members may write to this list", PolicyRefused),
        ("RCPT", "451 5.7.3 start TLS before you go on", ProtocolError),
        ("DATA", "451 4.3.0 temporary local problem", ServerError),
        ("RCPT", "451 4.4.1 could not connect to the next host: connection timed out", Unreachable),
        ("RCPT", "550 5.7.1 the recipient is on our suppression list", Suppressed),
        ("RCPT", "550 5.0.0 #77-12", Unclassified),
    ] {
        let server = Server::start([(command, Act::Say(said))]).await;

        let outcome = send(&client(settings(&server))).await;
        let permanent = matches!(outcome, Err(SendError::Bounced { .. }));
        let verdict = classify(&diagnostic_of(outcome), permanent);

        assert_eq!(verdict.category, expected, "{said} by {}", verdict.rule);
        assert_eq!(verdict.permanent, said.starts_with('5'), "{said}");
    }
}
