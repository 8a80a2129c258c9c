//! Tables from codes to categories: the registry of enhanced status codes, the reply codes of SMTP, and
//! Mailgun's own codes.

use super::{Category as C, EnhancedStatus, Finding};

/// Mailgun's own codes: its look-up, its connection, its patience. Every other code is the receiver's.
pub(super) fn of_provider(code: u16, permanent: bool) -> Option<Finding> {
    Some(match code {
        // May be a passing fault of the look-up, so it counts only when the provider gave up.
        498 if permanent => Finding::sure(C::InvalidDomain, "provider.no_mx"),
        490..=499 | 600..=699 => Finding::sure(C::Unreachable, "provider.no_connection"),
        _ => return None,
    })
}

/// What an enhanced code points to; none where it says next to nothing. A detail that is not registered
/// means its subject.
pub(super) fn of_enhanced(status: EnhancedStatus, permanent: bool) -> Option<Finding> {
    let EnhancedStatus { subject, detail } = status;
    let exact = |category| Some(Finding::sure(category, "enhanced"));
    let vague = |category| Some(Finding::unsure(category, "enhanced.subject"));
    match (subject, detail) {
        (1, 1 | 3 | 4 | 6) => exact(C::InvalidRecipient),
        (1, 2 | 10) => exact(C::InvalidDomain),
        (1, 7 | 8) => exact(C::SenderDnsInvalid),
        (1, 9) => exact(C::ServerError),
        (2, 1) => exact(C::InactiveRecipient),
        (2, 2) => exact(C::MailboxFull),
        (2, 3) => exact(C::MessageTooLarge),
        (2, 4) => exact(C::ServerError),
        (3, 3) => exact(C::ProtocolError),
        (3, 4) => exact(C::MessageTooLarge),
        (3, 1 | 2 | 5) => exact(C::ServerError),
        (3, _) => vague(C::ServerError),
        (4, 4) if permanent => exact(C::InvalidDomain),
        (4, 5) => exact(C::ServerError),
        (4, 1..=4 | 6 | 7) => exact(C::Unreachable),
        (4, _) => vague(C::Unreachable),
        (5, 3) => exact(C::RateLimited),
        (5, 1 | 2 | 4..=6) => exact(C::ProtocolError),
        (5, _) => vague(C::ProtocolError),
        (6, 7) => exact(C::InvalidRecipient),
        (6, 1..=6 | 8..=10) => exact(C::ContentRejected),
        (6, _) => vague(C::ContentRejected),
        (7, 1) => vague(C::PolicyRefused),
        (7, 2 | 15 | 19) => exact(C::PolicyRefused),
        (7, 3..=6 | 8..=12 | 14 | 30) => exact(C::ProtocolError),
        (7, 7) => exact(C::ContentRejected),
        (7, 13) => exact(C::InactiveRecipient),
        (7, 16) => exact(C::MessageTooLarge),
        (7, 17) => exact(C::InvalidRecipient),
        (7, 18) => exact(C::InvalidDomain),
        (7, 20..=24 | 26 | 29) => exact(C::AuthFailed),
        (7, 25 | 27) => exact(C::SenderDnsInvalid),
        (7, 28) => exact(C::RateLimited),
        _ => None,
    }
}

/// What a reply code points to when nothing better is there.
pub(super) fn of_reply(code: u16) -> Option<Finding> {
    let sure = |category| Some(Finding::sure(category, "reply"));
    match code {
        421 | 450..=452 => sure(C::ServerError),
        455 | 500..=504 | 530 | 534 | 535 | 538 | 555 => sure(C::ProtocolError),
        521 | 556 => sure(C::InvalidDomain),
        523 => sure(C::MessageTooLarge),
        525 => sure(C::InactiveRecipient),
        551 => sure(C::InvalidRecipient),
        552 => sure(C::MailboxFull),
        // A dead address in about one case of three, and anything else in the others.
        550 | 553 => Some(Finding::unsure(C::InvalidRecipient, "reply.ambiguous")),
        554 => Some(Finding::unsure(C::PolicyRefused, "reply.ambiguous")),
        _ => None,
    }
}
