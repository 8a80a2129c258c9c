//! The closed set of reasons for a failed delivery. Names are an interface: new knowledge becomes new rules,
//! never a new meaning of an old name.

use serde::{Deserialize, Serialize};

/// Why a delivery failed or was delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The address does not exist there.
    InvalidRecipient,
    /// The mailbox is disabled, expired, closed.
    InactiveRecipient,
    /// The domain does not exist or takes no mail.
    InvalidDomain,
    /// The recipient's own storage is exhausted.
    MailboxFull,
    /// Over a size limit.
    MessageTooLarge,
    /// This message's content was judged spam or phishing.
    SpamContent,
    /// A virus, a forbidden attachment, broken MIME or headers.
    ContentRejected,
    /// The sending address, host or domain is on a list.
    Blocklisted,
    /// Poor reputation; no list named.
    ReputationBlock,
    /// Too much, too fast.
    RateLimited,
    /// Asked to come back later, as a stranger.
    Greylisted,
    /// SPF, DKIM, DMARC or ARC failed or is missing.
    AuthFailed,
    /// Reverse DNS, HELO name or the sender's domain is wrong.
    SenderDnsInvalid,
    /// That server takes no mail for that domain from us.
    RelayDenied,
    /// Refused by the receiver's or recipient's rules.
    PolicyRefused,
    /// Trouble in the SMTP dialogue or its encryption.
    ProtocolError,
    /// The receiving system's own trouble.
    ServerError,
    /// No conversation took place.
    Unreachable,
    /// The provider did not try: its suppression list.
    Suppressed,
    /// The diagnostic gives no reason.
    Unclassified,
}

/// A category, summed up for rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceClass {
    /// The address is dead.
    Hard,
    /// The address may live; nobody refused *us*.
    Soft,
    /// Somebody refused us: reputation, authentication, content, policy.
    Block,
    /// Nobody knows.
    Undetermined,
}

impl Category {
    /// Every category, in the order of the documentation.
    pub const ALL: [Self; 20] = [
        Self::InvalidRecipient,
        Self::InactiveRecipient,
        Self::InvalidDomain,
        Self::MailboxFull,
        Self::MessageTooLarge,
        Self::SpamContent,
        Self::ContentRejected,
        Self::Blocklisted,
        Self::ReputationBlock,
        Self::RateLimited,
        Self::Greylisted,
        Self::AuthFailed,
        Self::SenderDnsInvalid,
        Self::RelayDenied,
        Self::PolicyRefused,
        Self::ProtocolError,
        Self::ServerError,
        Self::Unreachable,
        Self::Suppressed,
        Self::Unclassified,
    ];

    /// The name in events, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRecipient => "invalid_recipient",
            Self::InactiveRecipient => "inactive_recipient",
            Self::InvalidDomain => "invalid_domain",
            Self::MailboxFull => "mailbox_full",
            Self::MessageTooLarge => "message_too_large",
            Self::SpamContent => "spam_content",
            Self::ContentRejected => "content_rejected",
            Self::Blocklisted => "blocklisted",
            Self::ReputationBlock => "reputation_block",
            Self::RateLimited => "rate_limited",
            Self::Greylisted => "greylisted",
            Self::AuthFailed => "auth_failed",
            Self::SenderDnsInvalid => "sender_dns_invalid",
            Self::RelayDenied => "relay_denied",
            Self::PolicyRefused => "policy_refused",
            Self::ProtocolError => "protocol_error",
            Self::ServerError => "server_error",
            Self::Unreachable => "unreachable",
            Self::Suppressed => "suppressed",
            Self::Unclassified => "unclassified",
        }
    }

    /// What it means, for an operator.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::InvalidRecipient => "The address does not exist there, or is not a valid address.",
            Self::InactiveRecipient => "The mailbox is disabled, suspended, expired or closed.",
            Self::InvalidDomain => "The recipient's domain does not exist or takes no mail.",
            Self::MailboxFull => "The recipient's own storage or message quota is exhausted.",
            Self::MessageTooLarge => "The message is over a size limit.",
            Self::SpamContent => "This message's content or links were judged spam or phishing.",
            Self::ContentRejected => "A virus, a forbidden attachment, or broken MIME or headers.",
            Self::Blocklisted => "The sending address, network, host or domain is on a list.",
            Self::ReputationBlock => "Refused for poor reputation, complaints or past abuse.",
            Self::RateLimited => "Too many messages, connections or recipients, too fast.",
            Self::Greylisted => "The receiver asked strangers to come back later.",
            Self::AuthFailed => "SPF, DKIM, DMARC or ARC failed, or is required and missing.",
            Self::SenderDnsInvalid => "Reverse DNS, the HELO name or the sender's domain is wrong.",
            Self::RelayDenied => "That server does not take mail for that domain from us.",
            Self::PolicyRefused => "Refused by the receiver's or recipient's own rules.",
            Self::ProtocolError => "Trouble in the SMTP dialogue or its encryption.",
            Self::ServerError => "The receiving system has trouble of its own.",
            Self::Unreachable => "No conversation with the receiving server took place.",
            Self::Suppressed => "The provider did not try: the address is on its suppression list.",
            Self::Unclassified => "The diagnostic gives no reason.",
        }
    }

    /// What an operator should do about it.
    pub fn advice(self) -> &'static str {
        super::advice::of(self)
    }

    /// The category of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == name)
    }

    /// Hard: the address is dead. Block: every critical category, and refusal by policy, which is also a
    /// refusal of the sender. Undetermined: no reason given. Soft: the rest.
    pub fn class(self) -> BounceClass {
        match self {
            Self::InvalidRecipient | Self::InactiveRecipient | Self::InvalidDomain => BounceClass::Hard,
            Self::PolicyRefused => BounceClass::Block,
            Self::Unclassified => BounceClass::Undetermined,
            _ if self.is_critical() => BounceClass::Block,
            _ => BounceClass::Soft,
        }
    }

    /// Whether an operator is needed now, because delivery of everything else is threatened.
    pub fn is_critical(self) -> bool {
        matches!(
            self,
            Self::SpamContent
                | Self::Blocklisted
                | Self::ReputationBlock
                | Self::AuthFailed
                | Self::SenderDnsInvalid
        )
    }
}

impl BounceClass {
    /// The name in metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Block => "block",
            Self::Undetermined => "undetermined",
        }
    }
}
