use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::bounce::Category;
use crate::domain::id::{AccountId, MessageId, RequestId, SendingId};
use crate::domain::message::{Cause, MessageEvent, Requested, SuppressedBy};
use crate::domain::message_engagement::MessageEngagementEvent;
use crate::domain::one_time_link::{Completion, VisitKind};
use crate::domain::password_reset::PasswordResetEvent;
use crate::domain::provider_event::{Client, Delivery, Diagnostic, DiagnosticText, SuppressionReason};
use crate::domain::sealed::Sealed;

#[derive(Debug, Clone)]
enum Told {
    Message(MessageEvent),
    Reading(MessageEngagementEvent),
    Reset(PasswordResetEvent),
}

fn fold<'a>(history: impl IntoIterator<Item = &'a Told>) -> Facts {
    let mut facts = Facts::default();
    for told in history {
        match told {
            Told::Message(event) => facts.message(event),
            Told::Reading(event) => facts.engagement(event),
            Told::Reset(event) => facts.link(event),
        }
    }
    facts
}

fn named(counters: &Counters) -> Vec<(&'static str, i64)> {
    Counters::FLAGS.iter().copied().zip(counters.values()).collect()
}

fn diagnostic(code: u16) -> Diagnostic {
    Diagnostic {
        code: Some(code),
        enhanced: None,
        reason: None,
        bounce_type: None,
        last_code: None,
        attempt: Some(1),
        retry_seconds: None,
        text: DiagnosticText::default().into(),
    }
}

fn requested(second: i64, opens_tracked: bool, clicks_tracked: bool) -> Told {
    Told::Message(MessageEvent::Requested(Requested {
        template: "password-reset".into(),
        recipient: Sealed::Erased,
        recipient_key: "00".into(),
        mailbox_provider: "other".into(),
        provider: "mailgun".into(),
        cause: Cause::Api { sending: SendingId::from_uuid(Uuid::from_u128(1)), by: "key_1".into() },
        locale: None,
        data: Sealed::Erased,
        opens_tracked,
        clicks_tracked,
        send_before: None,
        at: DateTime::from_timestamp(second, 0).unwrap(),
    }))
}

/// Any event at any second, contradictions welcome.
fn told() -> impl Strategy<Value = Told> {
    (0..16, 0_i64..30, 0..4_usize, any::<bool>()).prop_map(|(kind, second, variant, yes)| {
        let at = DateTime::from_timestamp(second, 0).unwrap();
        let agent = ["Mozilla/5.0", "Mozilla/5.0 Firefox/128.0", "GoogleImageProxy", ""][variant];
        let client = Client {
            user_agent: Some(agent.into()),
            client_type: None,
            bot: yes.then(|| "apple".into()).filter(|_| variant == 0),
            country: None,
            ip: Sealed::Erased,
        };
        let reset = Completion {
            request_id: RequestId::from_uuid(Uuid::nil()),
            message_id: MessageId::from_uuid(Uuid::nil()),
            account_id: AccountId::from_uuid(Uuid::nil()),
            attempt: 1,
            at,
        };
        let link = Some(["a", "b", "c", "d"][variant].to_owned());
        let visit = [VisitKind::Prefetch, VisitKind::Link, VisitKind::Page, VisitKind::Inspect][variant];
        let diagnostic = diagnostic([550, 421, 605, 554][variant]);
        let (reason, text) = (SuppressionReason::Bounce, "why".to_owned());
        let by = if yes { SuppressedBy::Us } else { SuppressedBy::Provider };
        let delivery = Delivery { mx_host: yes.then(|| "mx.google.com".into()), ..Delivery::default() };
        match kind {
            0 | 1 => requested(second, yes, variant > 1),
            2 | 3 => Told::Message(MessageEvent::Sent {
                attempt: 1,
                provider_message_id: "p".into(),
                reply: None,
                at,
            }),
            4 => Told::Message(MessageEvent::Suppressed { by, reason, diagnostic: None, at }),
            5 => Told::Message(MessageEvent::Rejected { reason: text, at }),
            6 => Told::Message(MessageEvent::Canceled { reason: text, at }),
            7 => Told::Message(MessageEvent::Deferred { diagnostic, at_hand_over: yes.then_some(1), at }),
            8 => Told::Message(MessageEvent::Delivered { delivery, at }),
            9 => Told::Message(MessageEvent::Bounced { diagnostic, delayed: yes, at_hand_over: None, at }),
            10 => Told::Message(MessageEvent::Complained { at }),
            11 => Told::Message(MessageEvent::Unsubscribed { at }),
            12 => Told::Reading(MessageEngagementEvent::Opened { client, at }),
            13 => Told::Reading(MessageEngagementEvent::Clicked { client, link, at }),
            14 => Told::Reset(PasswordResetEvent::LinkVisited {
                request_id: reset.request_id,
                message_id: reset.message_id,
                kind: visit,
                user_agent: Some(agent.into()),
                at,
            }),
            _ => Told::Reset(PasswordResetEvent::Completed(reset)),
        }
    })
}

proptest! {
    #[test]
    fn any_order_and_any_duplication_give_the_same_facts(
        (history, shuffled) in prop::collection::vec(told(), 0..25)
            .prop_flat_map(|history| (Just(history.clone()), Just([history.clone(), history].concat()).prop_shuffle())),
    ) {
        prop_assert_eq!(fold(&history), fold(&shuffled));
    }

    #[test]
    fn facts_read_back_as_they_were_stored(history in prop::collection::vec(told(), 0..25)) {
        let facts = fold(&history);

        let stored = serde_json::to_string(&facts).unwrap();

        prop_assert_eq!(serde_json::from_str::<Facts>(&stored).unwrap(), facts);
    }

    #[test]
    fn the_identities_hold_for_every_history(history in prop::collection::vec(told(), 0..25)) {
        let facts = fold(&history);
        let c = Outcome::derive(&facts).counters;

        prop_assert_eq!(c.requested, i64::from(facts.request.is_some()));
        prop_assert_eq!(c.requested, c.suppressed + c.rejected + c.sent + c.not_handed_over);
        prop_assert_eq!(c.sent, c.delivered + c.bounced + c.in_flight);
        prop_assert_eq!(c.settled, c.delivered + c.bounced);
        prop_assert_eq!(c.unaccounted, c.delivered - c.completed);
        let classes = c.bounced_hard + c.bounced_soft + c.bounced_block + c.bounced_undetermined;
        prop_assert_eq!(c.bounced, classes);
        let funnel = [c.completed, c.clicked, c.opened, c.delivered, c.sent, c.requested];
        prop_assert!(funnel.is_sorted(), "{:?}", funnel);
        prop_assert!(c.opened <= c.opened_raw && c.opened_raw <= c.delivered);
        prop_assert!(c.canceled <= c.not_handed_over && c.bounced_async <= c.bounced);
        prop_assert!(Counters::FLAGS.iter().zip(c.values()).all(|(_, flag)| flag == 0 || flag == 1));
    }

    #[test]
    fn whoever_has_a_flag_has_those_that_it_is_a_part_of(history in prop::collection::vec(told(), 0..25)) {
        let flags = named(&Outcome::derive(&fold(&history)).counters);
        for (part, _) in flags.iter().filter(|(_, has)| *has == 1) {
            for (whole, has) in flags.iter().filter(|(whole, _)| Counters::is_part_of(part, whole)) {
                prop_assert_eq!(*has, 1, "{} without {}", part, whole);
            }
        }
    }

    #[test]
    fn bits_hold_every_flag(history in prop::collection::vec(told(), 0..25)) {
        let counters = Outcome::derive(&fold(&history)).counters;

        let bits = counters.bits();

        for (bit, value) in counters.values().into_iter().take(Counters::FLAGS.len()).enumerate() {
            prop_assert_eq!((bits >> bit) & 1, value);
        }
    }
}

#[test]
fn a_refused_call_that_the_provider_had_taken_after_all_is_sent() {
    let at = DateTime::from_timestamp(9, 0).unwrap();
    let rejected = Told::Message(MessageEvent::Rejected { reason: "timed out".into(), at });
    let delivered = Told::Message(MessageEvent::Delivered { delivery: Delivery::default(), at });

    let refused = Outcome::derive(&fold(&[requested(1, true, true), rejected.clone()])).counters;
    let taken = Outcome::derive(&fold(&[requested(1, true, true), rejected, delivered])).counters;

    assert_eq!((refused.rejected, refused.sent), (1, 0));
    assert_eq!((taken.rejected, taken.sent_inferred, taken.delivered), (0, 1, 1));
}

#[test]
fn what_a_server_put_off_was_not_handed_over_and_what_it_refused_for_good_was() {
    let at = |second| DateTime::from_timestamp(second, 0).unwrap();
    let (later, never) = (diagnostic(451), diagnostic(552));
    let deferred =
        Told::Message(MessageEvent::Deferred { diagnostic: later, at_hand_over: Some(1), at: at(5) });
    let bounced = Told::Message(MessageEvent::Bounced {
        diagnostic: never,
        delayed: false,
        at_hand_over: Some(2),
        at: at(9),
    });
    let sent = Told::Message(MessageEvent::Sent {
        attempt: 2,
        provider_message_id: "p".into(),
        reply: None,
        at: at(9),
    });
    let asked = requested(1, false, true);

    let waiting = Outcome::derive(&fold(&[asked.clone(), deferred.clone()]));
    let refused = Outcome::derive(&fold(&[asked.clone(), deferred.clone(), bounced]));
    let taken = Outcome::derive(&fold(&[asked, deferred, sent]));

    let counters = |outcome: &Outcome| {
        let c = outcome.counters;
        (c.not_handed_over, c.sent, c.deferred, c.bounced_soft, c.in_flight)
    };
    assert_eq!((counters(&waiting), waiting.status()), ((1, 0, 0, 0, 0), Status::Queued));
    assert_eq!((counters(&refused), refused.status()), ((0, 1, 1, 1, 0), Status::Bounced));
    assert_eq!((counters(&taken), taken.status()), ((0, 1, 1, 0, 1), Status::Sent));
}

#[test]
fn of_a_mail_that_a_mail_server_took_it_is_said_that_nobody_reports_about_it() {
    let sent = |provider: &str| {
        let Told::Message(MessageEvent::Requested(mut wanted)) = requested(1, false, true) else {
            unreachable!("it was asked for")
        };
        wanted.provider = provider.into();
        let at = DateTime::from_timestamp(2, 0).unwrap();
        let sent = MessageEvent::Sent { attempt: 1, provider_message_id: "p".into(), reply: None, at };
        Outcome::derive(&fold(&[Told::Message(MessageEvent::Requested(wanted)), Told::Message(sent)]))
    };

    assert_eq!(
        ["smtp", "mailgun"].map(|provider| sent(provider).explanation()),
        [
            "The mail server took it; what became of it is not reported.",
            "The mail provider took it; nothing was heard of it since.",
        ]
    );
}

#[test]
fn a_completion_belies_a_bounce() {
    let at = DateTime::from_timestamp(9, 0).unwrap();
    let bounced = Told::Message(MessageEvent::Bounced {
        diagnostic: diagnostic(551),
        delayed: false,
        at_hand_over: None,
        at,
    });
    let completed = Told::Reset(PasswordResetEvent::Completed(Completion {
        request_id: RequestId::from_uuid(Uuid::nil()),
        message_id: MessageId::from_uuid(Uuid::nil()),
        account_id: AccountId::from_uuid(Uuid::nil()),
        attempt: 1,
        at,
    }));

    let outcome = Outcome::derive(&fold(&[requested(1, true, true), bounced, completed]));

    let c = outcome.counters;
    assert_eq!((c.bounce_contradicted, c.delivered_inferred, c.bounced, c.completed), (1, 1, 0, 1));
    assert_eq!(outcome.status(), Status::Delivered);
}

proptest! {
    #[test]
    fn failures_are_told_by_one_number(said in proptest::collection::vec((0..Category::ALL.len(), any::<bool>()), 0..12)) {
        let mut failures = Failures::default();
        said.iter().for_each(|(place, permanent)| failures.add(Category::ALL[*place], *permanent));

        let again = Failures::of_bits(failures.bits());

        prop_assert_eq!(&again, &failures);
        prop_assert!(failures.categories().all(|(category, _)| failures.bits() & Failures::mask(Some(category), None) != 0));
    }
}

/// Indexes of the database are made for these bits.
#[test]
fn a_category_keeps_its_bits_for_ever() {
    let first = Failures::mask(Some(Category::InvalidRecipient), None);
    let last = Failures::mask(Some(Category::Unclassified), Some(false));

    assert_eq!((first, last), (1 | 1 << 32, 1 << 19));
    assert_eq!(Failures::mask(None, None), ((1 << 20) - 1) * (1 | 1 << 32));
    for migration in [
        include_str!("../../../migrations/postgres/0014_bounce_rollups.sql"),
        include_str!("../../../migrations/sqlite/0014_bounce_rollups.sql"),
    ] {
        let words = migration.split_whitespace().collect::<Vec<_>>().join(" ");
        let failed = Counters::FLAGS.iter().position(|flag| *flag == "failed").unwrap();
        let index = format!(
            "delivery_facts_failed ON delivery_facts (requested_at, message_id) WHERE (flags >> {failed}) & 1 = 1;"
        );
        assert!(words.contains(&index), "{index}");
        for category in Category::ALL {
            let mask = Failures::mask(Some(category), None);
            let index = format!(
                "delivery_facts_failed_{} ON delivery_facts (requested_at, message_id) WHERE (failures & {mask}) <> 0;",
                category.as_str()
            );
            assert!(words.contains(&index), "{index}");
        }
    }
}
