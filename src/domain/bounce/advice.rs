//! What an operator should do about failures of each category.

use super::Category as C;

pub(super) fn of(category: C) -> &'static str {
    match category {
        C::InvalidRecipient => {
            "Check where the address came from: a typo at sign-up, an old import. If the share rises, confirm \
             addresses at sign-up."
        }
        C::InactiveRecipient => {
            "The person has probably left this mailbox; ask for another address through another channel."
        }
        C::InvalidDomain => "Look for a misspelt domain; offer a correction at sign-up.",
        C::MailboxFull => "Nothing to fix; a mailbox that stays full for weeks is abandoned.",
        C::MessageTooLarge => {
            "Link to large files instead of attaching them; check the inline images of the template."
        }
        C::SpamContent => {
            "Stop this template; compare subject, links, link shorteners and new domains with the last version \
             that went through."
        }
        C::ContentRejected => {
            "Read the named header or attachment rule; after a verdict of a virus, check the machine that makes \
             the mail."
        }
        C::Blocklisted => {
            "Find out what got the named address or domain listed, end it, then use the list's own form for \
             removal."
        }
        C::ReputationBlock => {
            "Send less to this provider, and only to people who read it; check complaints, recent growth of the \
             list, and the provider's postmaster tool."
        }
        C::RateLimited => "Slow down to this provider; warm up the sending address or domain.",
        C::Greylisted => "Nothing to do: it is tried again.",
        C::AuthFailed => {
            "Check SPF, the DKIM key and the alignment of the From domain for the sending domain, then the \
             DMARC reports."
        }
        C::SenderDnsInvalid => {
            "Set forward-confirmed reverse DNS, a real HELO name, and MX or A for the envelope domain."
        }
        C::RelayDenied => {
            "The recipient's domain has left that host, or its mail exchanger is wrong; nothing on your side \
             unless it is every domain."
        }
        C::PolicyRefused => {
            "Ask the recipient, or their administrator, to allow the sender; check that they expect this mail."
        }
        C::ProtocolError => {
            "Usually the relay's business; where TLS is demanded, check that the route offers it with a valid \
             certificate."
        }
        C::ServerError => "Wait: it is on their side.",
        C::Unreachable => {
            "Wait; if every domain fails, look at your own network or the mail provider's status page."
        }
        C::Suppressed => {
            "The mail provider has this address on its suppression list; see why and since when before you \
             take it off."
        }
        C::Unclassified => "Read the text; if it gives a reason, make it a rule of your own.",
    }
}
