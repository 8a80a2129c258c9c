//! What receiving servers say, by the category that it should be understood as.
//!
//! Made up in the manner of the large providers and the common mail servers; `{to}` and `{domain}` stand for
//! the recipient and its domain.

/// One way to be refused.
#[derive(Debug, PartialEq)]
pub(super) struct Diagnostic {
    pub(super) category: &'static str,
    /// Mailgun's word for it.
    pub(super) reason: &'static str,
    /// SMTP reply code, or one of Mailgun's own.
    pub(super) code: u16,
    pub(super) enhanced: Option<&'static str>,
    /// What the server said.
    pub(super) message: &'static str,
    /// What Mailgun said.
    pub(super) description: &'static str,
    /// The last answer, where Mailgun gave up for age.
    pub(super) last: Option<(u16, &'static str)>,
}

/// When no category, or none that exists, is named.
const DEFAULT: &str = "invalid_recipient";

/// What Mailgun says without having tried.
pub(super) static ON_THE_LIST: Diagnostic =
    not_tried("suppress-bounce", 605, "Not delivering to previously bounced address");

const fn said(
    category: &'static str,
    reason: &'static str,
    code: u16,
    enhanced: &'static str,
    message: &'static str,
) -> Diagnostic {
    let enhanced = if enhanced.is_empty() { None } else { Some(enhanced) };
    Diagnostic { category, reason, code, enhanced, message, description: "", last: None }
}

const fn not_tried(reason: &'static str, code: u16, description: &'static str) -> Diagnostic {
    Diagnostic { category: "suppressed", reason, code, enhanced: None, message: "", description, last: None }
}

const fn gave_up(category: &'static str, code: u16, message: &'static str) -> Diagnostic {
    let last = if code == 0 { None } else { Some((code, message)) };
    Diagnostic {
        category,
        reason: "old",
        code: 602,
        enhanced: None,
        message: "Too old",
        description: "",
        last,
    }
}

#[rustfmt::skip]
static DIAGNOSTICS: [Diagnostic; 43] = [
    said("invalid_recipient", "bounce", 550, "5.1.1", "5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"),
    said("invalid_recipient", "bounce", 550, "5.1.1", "5.1.1 The account that you tried to reach does not exist. Check the address for\n5.1.1 typing errors. For more, go to https://help.mail.test/?p=nouser q12si"),
    said("invalid_recipient", "bounce", 550, "5.1.1", "5.1.1 RESOLVER.ADR.RecipNotFound; Recipient {to} not found by SMTP address lookup"),
    said("inactive_recipient", "bounce", 550, "5.2.1", "5.2.1 The account that you tried to reach is disabled. https://help.mail.test/?p=disabled"),
    said("inactive_recipient", "bounce", 525, "5.7.13", "5.7.13 User account is disabled"),
    said("invalid_domain", "bounce", 498, "", "No MX for {domain}"),
    said("invalid_domain", "bounce", 556, "5.1.10", "5.1.10 <{to}>: Recipient address rejected: Domain {domain} does not accept mail (nullMX)"),
    said("mailbox_full", "generic", 552, "5.2.2", "5.2.2 The recipient's inbox is out of storage space. https://help.mail.test/?p=overquota"),
    said("mailbox_full", "generic", 552, "5.2.2", "5.2.2 <{to}>: Quota exceeded (mailbox for user is full)"),
    said("message_too_large", "generic", 552, "5.3.4", "5.3.4 Message size exceeds fixed maximum message size (10485760)"),
    said("message_too_large", "generic", 552, "5.2.3", "5.2.3 Your message exceeded our message size limits"),
    said("spam_content", "espblock", 550, "5.7.1", "5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce\n5.7.1 the amount of spam, this message has been blocked."),
    said("spam_content", "espblock", 554, "5.7.1", "5.7.1 Message identified as spam (score 11.2)"),
    said("content_rejected", "espblock", 552, "5.7.0", "5.7.0 This message was blocked because its attachment type is not allowed"),
    said("content_rejected", "espblock", 554, "5.6.0", "5.6.0 Message rejected: it contains a virus"),
    said("blocklisted", "blacklisted", 554, "5.7.1", "5.7.1 Service unavailable; Client host [198.51.100.7] blocked using bl.lists.test; https://lists.test/query/ip/198.51.100.7"),
    said("blocklisted", "blacklisted", 550, "5.7.1", "5.7.1 Messages from [198.51.100.7] were not sent: part of your network is on our block list (S3140)"),
    said("reputation_block", "espblock", 550, "5.7.1", "5.7.1 Mail from 198.51.100.7 was refused because of the poor reputation of the sending IP"),
    said("reputation_block", "espblock", 550, "5.7.1", "5.7.1 This message has been blocked due to the very low reputation of the sending domain"),
    said("rate_limited", "espblock", 550, "5.7.28", "5.7.28 Too many messages from your network in a short time: rate limit exceeded"),
    gave_up("rate_limited", 421, "4.7.28 Our system has detected an unusual rate of mail from your IP address; slow down"),
    gave_up("greylisted", 450, "4.2.0 <{to}>: Recipient address rejected: Greylisted, please come back in 300 seconds"),
    said("greylisted", "greylisted", 451, "4.7.1", "4.7.1 Greylisting in action, please come back later"),
    said("auth_failed", "espblock", 550, "5.7.26", "5.7.26 Unauthenticated email is not accepted due to the sending domain's DMARC policy"),
    said("auth_failed", "espblock", 550, "5.7.23", "5.7.23 SPF check failed: 198.51.100.7 is not permitted to send for the envelope domain"),
    said("sender_dns_invalid", "espblock", 550, "5.7.25", "5.7.25 The IP address sending this message does not have a PTR record (reverse DNS)"),
    said("sender_dns_invalid", "generic", 553, "5.1.8", "5.1.8 Sender address rejected: Domain of sender address not found"),
    said("relay_denied", "bounce", 554, "5.7.1", "5.7.1 <{to}>: Relay access denied"),
    said("relay_denied", "bounce", 550, "5.7.1", "5.7.1 Unable to relay"),
    said("policy_refused", "espblock", 550, "5.7.133", "5.7.133 Only members of the organisation may send to this group"),
    said("policy_refused", "espblock", 550, "5.7.1", "5.7.1 Message refused by local policy"),
    said("protocol_error", "generic", 530, "5.7.0", "5.7.0 Must issue a STARTTLS command first"),
    said("protocol_error", "generic", 503, "5.5.1", "5.5.1 Bad sequence of commands"),
    said("server_error", "generic", 554, "5.3.5", "5.3.5 Local configuration error: internal server error"),
    gave_up("server_error", 451, "4.3.0 Temporary server error: internal error, please try again later"),
    said("unreachable", "generic", 499, "", "connect to mx1.{domain}:25: connection timed out"),
    gave_up("unreachable", 0, ""),
    not_tried("suppress-bounce", 605, "Not delivering to previously bounced address"),
    not_tried("suppress-unsubscribe", 606, "Not delivering to unsubscribed address"),
    not_tried("suppress-complaint", 607, "Not delivering to a user who marked your messages as spam"),
    said("unclassified", "generic", 550, "5.0.0", "5.0.0 #77-12"),
    said("unclassified", "generic", 550, "5.0.0", "5.0.0 0x2F1 [q7]"),
    said("unclassified", "unknown", 550, "", "xyzzy plugh"),
];

/// The diagnostic of the category that `named` begins with, so that `mailbox_full-7` works too; which of
/// them, the address decides, always alike.
pub(super) fn of(named: &str, address: &str) -> &'static Diagnostic {
    let category = DIAGNOSTICS
        .iter()
        .map(|diagnostic| diagnostic.category)
        .find(|category| named.starts_with(category))
        .unwrap_or(DEFAULT);
    let candidates: Vec<_> =
        DIAGNOSTICS.iter().filter(|diagnostic| diagnostic.category == category).collect();
    let sum: usize = address.bytes().map(usize::from).sum();
    candidates[sum % candidates.len()]
}

impl Diagnostic {
    /// Fills in the recipient.
    pub(super) fn tell(text: &str, address: &str) -> String {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        text.replace("{to}", address).replace("{domain}", domain)
    }

    /// Mailgun adds its own verdict to what a server said.
    pub(super) fn bounce_type(&self) -> Option<&'static str> {
        match self.reason {
            "bounce" => Some("hard"),
            reason if reason.starts_with("suppress") || reason == "old" => None,
            _ => Some("soft"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_category_is_what_follows_the_plus() {
        assert_eq!(of("mailbox_full", "a@b.test").category, "mailbox_full");
        assert_eq!(of("mailbox_full-7", "a@b.test").category, "mailbox_full");
        assert_eq!(of("", "a@b.test").category, "invalid_recipient");
        assert_eq!(of("no_such_category", "a@b.test").category, "invalid_recipient");
    }

    #[test]
    fn each_is_understood_as_what_it_stands_for() {
        use crate::domain::bounce::classify;
        use crate::domain::provider_event::DiagnosticText;

        for told in &DIAGNOSTICS {
            let (last_code, last) = told.last.map_or((None, ""), |(code, text)| (Some(code), text));
            let text = DiagnosticText {
                message: Diagnostic::tell(told.message, "ada@example.test"),
                description: told.description.to_owned(),
                last_message: last.to_owned(),
                mx_host: None,
            };
            let diagnostic = crate::domain::provider_event::Diagnostic {
                code: Some(told.code),
                enhanced: told.enhanced.map(str::to_owned),
                reason: Some(told.reason.to_owned()),
                bounce_type: None,
                last_code,
                attempt: None,
                retry_seconds: None,
                text: text.into(),
            };
            let verdict = classify(&diagnostic, true);
            assert_eq!(verdict.category.as_str(), told.category, "{told:?} by {}", verdict.rule);
        }
    }

    #[test]
    fn each_category_is_said_in_several_ways() {
        let categories: std::collections::BTreeSet<_> = DIAGNOSTICS.iter().map(|d| d.category).collect();

        assert_eq!(categories.len(), 20);
        for category in categories {
            let ways = ["a@b.test", "b@b.test", "c@b.test"].map(|to| std::ptr::from_ref(of(category, to)));
            assert_ne!(ways[0], ways[1], "{category}");
        }
    }
}
