//! The counters of delivery: for one message each flag is 0 or 1, for a cohort they are sums.

use serde::Serialize;

macro_rules! counters {
    (flags { $($(#[$flag_doc:meta])* $flag:ident,)* } counts { $($(#[$count_doc:meta])* $count:ident,)* }) => {
        /// One number for each counter.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct Counters {
            $($(#[$flag_doc])* pub $flag: i64,)*
            $($(#[$count_doc])* pub $count: i64,)*
        }

        impl Counters {
            /// The names of those that are 0 or 1 for one message.
            pub const FLAGS: &'static [&'static str] = &[$(stringify!($flag)),*];
            /// The names of those that count within one message.
            pub const COUNTS: &'static [&'static str] = &[$(stringify!($count)),*];

            /// Every number, flags first, in the order of the names.
            pub fn values(&self) -> Vec<i64> {
                vec![$(self.$flag,)* $(self.$count,)*]
            }

            /// Reads each number by its name.
            pub fn read<E>(mut number: impl FnMut(&str) -> Result<i64, E>) -> Result<Self, E> {
                Ok(Self {
                    $($flag: number(stringify!($flag))?,)*
                    $($count: number(stringify!($count))?,)*
                })
            }

            /// Adds the other's numbers `times` times; -1 takes them away.
            pub fn add(&mut self, other: &Self, times: i64) {
                $(self.$flag += times * other.$flag;)*
                $(self.$count += times * other.$count;)*
            }
        }
    };
}

counters! {
    flags {
        requested,
        suppressed,
        rejected,
        sent,
        /// Sent, though nobody recorded the hand-over.
        sent_inferred,
        delivered,
        /// Delivered, though no delivered event came.
        delivered_inferred,
        bounced,
        bounced_hard,
        bounced_soft,
        bounced_block,
        bounced_undetermined,
        /// Bounced after a delivered event.
        bounced_async,
        /// A permanent failure that a person's click or completion belies.
        bounce_contradicted,
        in_flight,
        settled,
        not_handed_over,
        canceled,
        deferred,
        complained,
        unsubscribed,
        opened,
        /// Machines' opens included.
        opened_raw,
        clicked,
        completed,
        /// Delivered and not completed.
        unaccounted,
        /// Delivered, and opens can be seen: what open rates divide by.
        open_tracked_delivered,
        open_tracked_opened,
        open_tracked_opened_raw,
        /// Delivered, and clicks can be seen: what click rates divide by.
        click_tracked_delivered,
        click_tracked_opened,
        click_tracked_clicked,
        /// Delivered before it was sent, by two clocks.
        clock_skewed,
        /// A delivery of it failed, for good or for now, whatever became of it.
        failed,
    }
    counts {
        opens_human,
        opens_machine,
        clicks_human,
        clicks_machine,
    }
}

/// Flags of which every message has the second that has the first; `requested` is had by all.
const PARTS: [(&str, &str); 31] = [
    ("sent_inferred", "sent"),
    ("settled", "sent"),
    ("in_flight", "sent"),
    ("deferred", "sent"),
    ("delivered", "settled"),
    ("bounced", "settled"),
    ("delivered_inferred", "delivered"),
    ("bounce_contradicted", "delivered"),
    ("bounce_contradicted", "failed"),
    ("opened_raw", "delivered"),
    ("unaccounted", "delivered"),
    ("open_tracked_delivered", "delivered"),
    ("click_tracked_delivered", "delivered"),
    ("bounced", "failed"),
    ("bounced_hard", "bounced"),
    ("bounced_soft", "bounced"),
    ("bounced_block", "bounced"),
    ("bounced_undetermined", "bounced"),
    ("bounced_async", "bounced"),
    ("canceled", "not_handed_over"),
    ("opened", "opened_raw"),
    ("clicked", "opened"),
    ("completed", "clicked"),
    ("open_tracked_opened_raw", "open_tracked_delivered"),
    ("open_tracked_opened_raw", "opened_raw"),
    ("open_tracked_opened", "open_tracked_opened_raw"),
    ("open_tracked_opened", "opened"),
    ("click_tracked_opened", "click_tracked_delivered"),
    ("click_tracked_opened", "opened"),
    ("click_tracked_clicked", "click_tracked_opened"),
    ("click_tracked_clicked", "clicked"),
];

impl Counters {
    /// Whether every message that has the one flag has the other, too.
    pub fn is_part_of(part: &str, whole: &str) -> bool {
        let wider = || PARTS.iter().filter(|(one, _)| *one == part);
        part == whole || whole == "requested" || wider().any(|(_, wider)| Self::is_part_of(wider, whole))
    }

    /// The flags as one number: bit n is the n-th flag.
    pub fn bits(&self) -> i64 {
        let flags = self.values().into_iter().take(Self::FLAGS.len());
        flags.enumerate().map(|(bit, value)| value << bit).sum()
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
