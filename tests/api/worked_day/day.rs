//! The day itself: what happened to each mail, as events of the log and as webhooks.

use backstamp::domain::address::EmailAddress;
use backstamp::domain::id::{AccountId, MessageId, RequestId};
use backstamp::domain::keys::IndexKey;
use backstamp::domain::mailbox_provider::MailboxProvider;
use backstamp::domain::message::{Cause, MessageEvent, Requested, SuppressedBy};
use backstamp::domain::message_engagement::MessageEngagementEvent;
use backstamp::domain::one_time_link::{Completion, VisitKind};
use backstamp::domain::password_reset::PasswordResetEvent;
use backstamp::domain::provider_event::{Client, Delivery, Diagnostic, DiagnosticText, SuppressionReason};
use backstamp::domain::sealed::Sealed;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::webhook;

use Fact::{
    Bounced, Clicked, Complained, Completed, Deferred, Delivered, DeliveredThenBounced, MachineOpened,
    Opened, RefusedByApi, Sent, SuppressedByProvider, SuppressedByUs,
};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const RESET: &str = "password-reset";
const VERIFY: &str = "email-verification";

/// One mail of the day.
pub struct Mail {
    number: u128,
    template: &'static str,
    pub recipient: &'static str,
    tracked: bool,
    requested: &'static str,
    pub story: Vec<Told>,
}

/// What happened, and at what time of the day.
pub struct Told(Fact, &'static str);

#[derive(Clone, Copy, PartialEq)]
enum Fact {
    Sent,
    RefusedByApi,
    SuppressedByUs,
    SuppressedByProvider,
    Deferred,
    Delivered,
    Bounced,
    DeliveredThenBounced,
    Complained,
    Opened,
    MachineOpened,
    Clicked,
    Completed,
}

/// Twelve mails.
pub fn the_day() -> Vec<Mail> {
    let mail = |number, template, recipient, requested, story: &[(Fact, &'static str)]| Mail {
        number,
        template,
        recipient,
        tracked: number != 4,
        requested,
        story: story.iter().map(|(fact, time)| Told(*fact, time)).collect(),
    };
    vec![
        mail(
            1,
            RESET,
            "m01@gmail.com",
            "10:00:00",
            &[
                (Sent, "10:00:01"),
                (Delivered, "10:00:03"),
                (Opened, "10:02:00"),
                (Opened, "10:02:10"),
                (Clicked, "10:02:30"),
                (Completed, "10:03:00"),
            ],
        ),
        mail(
            2,
            RESET,
            "m02@gmail.com",
            "10:01:00",
            &[(Sent, "10:01:01"), (Delivered, "10:01:06"), (MachineOpened, "10:01:10")],
        ),
        // Its first click is a machine's: no person is that fast.
        mail(
            3,
            RESET,
            "m03@outlook.com",
            "10:02:00",
            &[
                (Sent, "10:02:01"),
                (Delivered, "10:02:31"),
                (Clicked, "10:02:33"),
                (Opened, "10:10:00"),
                (Clicked, "10:10:20"),
                (Completed, "10:11:00"),
            ],
        ),
        mail(
            4,
            VERIFY,
            "m04@yahoo.com",
            "10:03:00",
            &[(Sent, "10:03:01"), (Deferred, "10:03:05"), (Deferred, "10:08:00"), (Delivered, "10:18:01")],
        ),
        mail(5, VERIFY, "m05@gmail.com", "10:04:00", &[(Sent, "10:04:01"), (Bounced, "10:04:03")]),
        mail(6, VERIFY, "m06@example.test", "10:05:00", &[(SuppressedByUs, "10:05:00")]),
        mail(
            7,
            RESET,
            "m07@example.test",
            "10:06:00",
            &[(Sent, "10:06:01"), (SuppressedByProvider, "10:06:02")],
        ),
        mail(
            8,
            RESET,
            "m08@outlook.com",
            "10:07:00",
            &[(Sent, "10:07:01"), (Delivered, "10:07:05"), (DeliveredThenBounced, "10:30:00")],
        ),
        mail(
            9,
            RESET,
            "m09@icloud.com",
            "10:08:00",
            &[
                (Sent, "10:08:01"),
                (Delivered, "10:08:09"),
                (MachineOpened, "10:08:12"),
                (Complained, "10:40:00"),
            ],
        ),
        mail(
            10,
            RESET,
            "m10@gmail.com",
            "10:09:00",
            &[(Sent, "10:09:01"), (Clicked, "10:12:00"), (Completed, "10:13:00")],
        ),
        mail(11, VERIFY, "m11@yahoo.com", "10:10:00", &[(Sent, "10:10:01"), (Deferred, "10:10:05")]),
        mail(12, VERIFY, "m12@example.test", "10:11:00", &[(RefusedByApi, "10:11:01")]),
    ]
}

fn instant(time: &str) -> DateTime<Utc> {
    format!("2026-01-05T{time}Z").parse().expect("a time of day")
}

impl Mail {
    pub fn id(&self) -> MessageId {
        MessageId::from_uuid(Uuid::from_u128(self.number))
    }

    /// The reset's stream; no two mails of the day share one.
    pub fn stream(&self) -> String {
        format!("{:032x}", self.number)
    }

    fn request_id(&self) -> RequestId {
        RequestId::from_uuid(Uuid::from_u128(self.number))
    }

    pub fn requested(&self, index: &IndexKey) -> MessageEvent {
        let address = EmailAddress::parse(self.recipient).expect("an address");
        MessageEvent::Requested(Requested {
            template: self.template.to_owned(),
            recipient_key: index.stream_key(&address).to_string(),
            mailbox_provider: MailboxProvider::of_domain(address.domain()).as_str().to_owned(),
            recipient: address.into(),
            provider: "sandbox".to_owned(),
            cause: Cause::PasswordReset { request_id: self.request_id(), stream: self.stream() },
            locale: None,
            data: Sealed::Known(Map::new()),
            opens_tracked: self.tracked,
            clicks_tracked: self.tracked,
            send_before: None,
            at: instant(self.requested),
        })
    }

    pub fn as_reset_event(&self, Told(fact, time): &Told) -> Option<PasswordResetEvent> {
        let (request_id, message_id, at) = (self.request_id(), self.id(), instant(time));
        match fact {
            Clicked => {
                let user_agent = Some(BROWSER.to_owned());
                let kind = VisitKind::Link;
                Some(PasswordResetEvent::LinkVisited { request_id, message_id, kind, user_agent, at })
            }
            Completed => {
                let account_id = AccountId::from_uuid(Uuid::from_u128(self.number));
                Some(PasswordResetEvent::Completed(Completion {
                    request_id,
                    message_id,
                    account_id,
                    attempt: 1,
                    at,
                }))
            }
            _ => None,
        }
    }

    /// What the provider posts about it.
    pub fn webhooks(&self) -> Vec<Value> {
        let told = self.story.iter().filter_map(|told| Some((told.as_webhook()?, instant(told.1))));
        let whole = told.map(|((name, details), at)| {
            let mut event = webhook::event(name, &self.id().to_string(), self.recipient, at);
            event.as_object_mut().expect("an object").extend(details);
            event
        });
        whole.collect()
    }
}

impl Told {
    pub fn as_message_event(&self) -> Option<MessageEvent> {
        let at = instant(self.1);
        Some(match self.0 {
            Sent => MessageEvent::Sent {
                attempt: 1,
                provider_message_id: "id@mail.test".to_owned(),
                reply: None,
                at,
            },
            RefusedByApi => MessageEvent::Rejected { reason: "400".to_owned(), at },
            SuppressedByUs => MessageEvent::Suppressed {
                by: SuppressedBy::Us,
                reason: SuppressionReason::Bounce,
                diagnostic: None,
                at,
            },
            SuppressedByProvider => MessageEvent::Suppressed {
                by: SuppressedBy::Provider,
                reason: SuppressionReason::Bounce,
                diagnostic: Some(diagnostic(605, None)),
                at,
            },
            Deferred => {
                MessageEvent::Deferred { diagnostic: diagnostic(451, Some("4.3.2")), at_hand_over: None, at }
            }
            Delivered => MessageEvent::Delivered { delivery: Delivery::default(), at },
            Bounced => MessageEvent::Bounced {
                diagnostic: diagnostic(550, Some("5.1.1")),
                delayed: false,
                at_hand_over: None,
                at,
            },
            DeliveredThenBounced => MessageEvent::Bounced {
                diagnostic: diagnostic(550, Some("5.1.1")),
                delayed: true,
                at_hand_over: None,
                at,
            },
            Complained => MessageEvent::Complained { at },
            Opened | MachineOpened | Clicked | Completed => return None,
        })
    }

    pub fn as_reading(&self) -> Option<MessageEngagementEvent> {
        let (user_agent, bot) = match self.0 {
            Opened => (BROWSER, None),
            MachineOpened => ("Mozilla/5.0", Some("apple".to_owned())),
            _ => return None,
        };
        let client = Client {
            user_agent: Some(user_agent.to_owned()),
            client_type: None,
            bot,
            country: None,
            ip: Sealed::Erased,
        };
        Some(MessageEngagementEvent::Opened { client, at: instant(self.1) })
    }

    /// The event's name and its details, if it is the provider who tells it.
    pub fn as_webhook(&self) -> Option<(&'static str, Map<String, Value>)> {
        let person = json!({ "client-type": "browser", "user-agent": BROWSER, "bot": "" });
        let machine = json!({ "client-type": "email client", "user-agent": "Mozilla/5.0", "bot": "apple" });
        let failed = |severity: &str, reason: &str, code: u16, enhanced: &str| {
            let status = json!({ "code": code, "enhanced-code": enhanced, "message": "as it is" });
            json!({ "severity": severity, "reason": reason, "delivery-status": status })
        };
        let (name, details) = match self.0 {
            SuppressedByProvider => ("failed", failed("permanent", "suppress-bounce", 605, "")),
            Deferred => ("failed", failed("temporary", "generic", 451, "4.3.2")),
            Delivered => ("delivered", json!({ "delivery-status": { "code": 250, "attempt-no": 1 } })),
            Bounced => ("failed", failed("permanent", "bounce", 550, "5.1.1")),
            DeliveredThenBounced => {
                let mut details = failed("permanent", "bounce", 550, "5.1.1");
                details["flags"] = json!({ "is-delayed-bounce": true });
                ("failed", details)
            }
            Complained => ("complained", json!({})),
            Opened => ("opened", json!({ "client-info": person })),
            MachineOpened => ("opened", json!({ "client-info": machine })),
            Clicked => ("clicked", json!({ "client-info": person, "url": "https://app.test/reset" })),
            Sent | RefusedByApi | SuppressedByUs | Completed => return None,
        };
        Some((name, details.as_object().cloned().unwrap_or_default()))
    }
}

fn diagnostic(code: u16, enhanced: Option<&str>) -> Diagnostic {
    Diagnostic {
        code: Some(code),
        enhanced: enhanced.map(str::to_owned),
        reason: None,
        bounce_type: None,
        last_code: None,
        attempt: None,
        retry_seconds: None,
        text: DiagnosticText::default().into(),
    }
}
