//! Tables from codes to categories: the registry of enhanced status codes, the reply codes of SMTP.

use super::{Category as C, EnhancedStatus};

/// Where a code points to. What is not `sure` never suppresses an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) category: C,
    pub(super) sure: bool,
}

fn sure(category: C) -> Option<Pointer> {
    Some(Pointer { category, sure: true })
}

fn unsure(category: C) -> Option<Pointer> {
    Some(Pointer { category, sure: false })
}

/// What an enhanced code points to; none where it says next to nothing. A detail that is not registered
/// means its subject.
pub(super) fn of_enhanced(status: EnhancedStatus, permanent: bool) -> Option<Pointer> {
    let EnhancedStatus { subject, detail, .. } = status;
    match (subject, detail) {
        (1, 1 | 3 | 4 | 6) => sure(C::InvalidRecipient),
        (1, 2 | 10) => sure(C::InvalidDomain),
        (1, 7 | 8) => sure(C::SenderDnsInvalid),
        (1, 9) => sure(C::ServerError),
        (2, 1) => sure(C::InactiveRecipient),
        (2, 2) => sure(C::MailboxFull),
        (2, 3) => sure(C::MessageTooLarge),
        (2, 4) => sure(C::ServerError),
        (3, 3) => sure(C::ProtocolError),
        (3, 4) => sure(C::MessageTooLarge),
        (3, 1 | 2 | 5) => sure(C::ServerError),
        (3, _) => unsure(C::ServerError),
        (4, 4) if permanent => sure(C::InvalidDomain),
        (4, 5) => sure(C::ServerError),
        (4, 1..=4 | 6 | 7) => sure(C::Unreachable),
        (4, _) => unsure(C::Unreachable),
        (5, 3) => sure(C::RateLimited),
        (5, 1 | 2 | 4..=6) => sure(C::ProtocolError),
        (5, _) => unsure(C::ProtocolError),
        (6, 7) => sure(C::InvalidRecipient),
        (6, 1..=6 | 8..=10) => sure(C::ContentRejected),
        (6, _) => unsure(C::ContentRejected),
        (7, 1) => unsure(C::PolicyRefused),
        (7, 2 | 15 | 19) => sure(C::PolicyRefused),
        (7, 3..=6 | 8..=12 | 14 | 30) => sure(C::ProtocolError),
        (7, 7) => sure(C::ContentRejected),
        (7, 13) => sure(C::InactiveRecipient),
        (7, 16) => sure(C::MessageTooLarge),
        (7, 17) => sure(C::InvalidRecipient),
        (7, 18) => sure(C::InvalidDomain),
        (7, 20..=24 | 26 | 29) => sure(C::AuthFailed),
        (7, 25 | 27) => sure(C::SenderDnsInvalid),
        (7, 28) => sure(C::RateLimited),
        _ => None,
    }
}

/// What a reply code points to when nothing better is there.
pub(super) fn of_reply(code: u16) -> Option<Pointer> {
    match code {
        421 | 450..=452 => sure(C::ServerError),
        455 | 500..=504 | 530 | 534 | 535 | 538 | 555 => sure(C::ProtocolError),
        521 | 556 => sure(C::InvalidDomain),
        523 => sure(C::MessageTooLarge),
        525 => sure(C::InactiveRecipient),
        551 => sure(C::InvalidRecipient),
        552 => sure(C::MailboxFull),
        // A dead address in about one case of three, and anything else in the others.
        550 | 553 => unsure(C::InvalidRecipient),
        554 => unsure(C::PolicyRefused),
        _ => None,
    }
}
