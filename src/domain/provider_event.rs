//! What a mail provider reports about one message, in our words. Made by `providers`, and by nobody else.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::MessageId;
use super::sealed::Sealed;

/// One report of a provider about one recipient of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderEvent {
    /// The provider's own id of the event. Unique for a day only, so never a key by itself.
    pub event_id: String,
    /// When it happened, by the provider's clock.
    pub at: DateTime<Utc>,
    /// Our id of the message, as the provider handed it back in the user variables.
    pub delivery_id: Option<MessageId>,
    /// The Message-ID header without angle brackets.
    pub provider_message_id: Option<String>,
    /// The address as the provider wrote it, empty if that is not a text; absent if it wrote none.
    pub recipient: Option<String>,
    /// Sent in the provider's test mode: accepted, never delivered to anyone.
    pub is_test_mode: bool,
    /// What happened.
    pub kind: ProviderEventKind,
}

/// What a provider can say about a message.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderEventKind {
    /// The provider took the message; it says nothing about delivery.
    Accepted,
    /// The receiving server took the message; inbox or spam folder is unknown.
    Delivered(Delivery),
    /// A temporary failure; the provider tries again by itself.
    Deferred(Diagnostic),
    /// A permanent failure. `delayed`: by a report that came after the receiving server had taken it.
    Bounced {
        /// What was said.
        diagnostic: Diagnostic,
        /// Whether it is an asynchronous bounce.
        delayed: bool,
    },
    /// The provider did not try: the address is on its suppression list.
    Suppressed {
        /// Which list.
        reason: SuppressionReason,
        /// What was said.
        diagnostic: Diagnostic,
    },
    /// The provider refused the message after it had accepted the call.
    Rejected {
        /// In the provider's words.
        reason: String,
    },
    /// The open pixel was fetched, by whom `Client` gives evidence.
    Opened(Client),
    /// A tracked link was followed, by whom `Client` gives evidence.
    Clicked {
        /// Evidence of who it was.
        client: Client,
        /// Scheme, host and path of the target at most, never its query: that could hold a token.
        link: Option<String>,
    },
    /// The recipient asked for no more mail.
    Unsubscribed,
    /// The recipient called it spam.
    Complained,
    /// A kind of event that this version does not know, by its name.
    Unknown(String),
}

impl ProviderEventKind {
    /// The word for it in effect keys, logs and metrics.
    pub fn name(&self) -> &str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered(_) => "delivered",
            Self::Deferred(_) => "deferred",
            Self::Bounced { .. } => "bounced",
            Self::Suppressed { .. } => "suppressed",
            Self::Rejected { .. } => "rejected",
            Self::Opened(_) => "opened",
            Self::Clicked { .. } => "clicked",
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
            Self::Unknown(name) => name,
        }
    }
}

/// Why an address gets no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// It bounced for good before.
    Bounce,
    /// Its owner unsubscribed.
    Unsubscribe,
    /// Its owner complained.
    Complaint,
    /// An operator of ours decided so.
    Manual,
    /// Some other reason of the provider's.
    Other,
}

/// How the receiving server took a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The host that took it.
    pub mx_host: Option<String>,
    /// Whether the connection was encrypted.
    pub tls: Option<bool>,
    /// The provider's attempt, counted from 1.
    pub attempt: Option<u32>,
}

/// What was said when a message was refused or delayed. Codes stay readable for ever; words and hosts can
/// name a person, so they are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// SMTP reply code (RFC 5321 §4.2), or one of the provider's own (Mailgun: 498, 499, 602, 605–607 …).
    pub code: Option<u16>,
    /// Enhanced status code (RFC 3463), as `5.1.1`.
    pub enhanced: Option<String>,
    /// The provider's one-word reason, such as `bounce`, `generic`, `old`, `suppress-bounce`.
    pub reason: Option<String>,
    /// The provider's own verdict, such as `hard` or `soft`.
    pub bounce_type: Option<String>,
    /// The last SMTP reply before the provider gave up.
    pub last_code: Option<u16>,
    /// The provider's attempt, counted from 1.
    pub attempt: Option<u32>,
    /// Seconds until the provider's next attempt.
    pub retry_seconds: Option<u32>,
    /// The words.
    pub text: Sealed<DiagnosticText>,
}

/// The words of a diagnostic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticText {
    /// What the receiving server said.
    pub message: String,
    /// What the provider said.
    pub description: String,
    /// What the receiving server said last, when the provider gave up for age.
    pub last_message: String,
    /// The host that said it.
    pub mx_host: Option<String>,
}

/// Evidence of who opened a mail or followed a link. The verdict, person or machine, is derived from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The user agent as sent, cut to 500 characters.
    pub user_agent: Option<String>,
    /// The provider's class: `browser`, `mobile browser`, `email client`, `robot` …
    pub client_type: Option<String>,
    /// Which machine the provider thinks it was: `apple`, `gmail`, `generic`; absent when none.
    pub bot: Option<String>,
    /// Two letters, where known.
    pub country: Option<String>,
    /// The network address it came from.
    pub ip: Sealed<Option<String>>,
}
