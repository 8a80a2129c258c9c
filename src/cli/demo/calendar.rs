//! When it happens: thirty days up to now, in the rhythm of days and weeks, with one afternoon on which many people
//! were asked to change their passwords.

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Utc};

use super::chance::Chance;

/// How many days are told.
pub const DAYS: u64 = 30;
/// How many days ago the busy afternoon was.
const BUSY_DAY: u64 = 5;
/// Stories of that afternoon, as a share of all others.
const BUSY_SHARE: f64 = 0.13;

/// How much happens in each hour of a day, UTC.
const HOURS: [f64; 24] = [
    1.2, 0.8, 0.6, 0.5, 0.6, 1.0, 2.2, 4.2, 6.4, 7.2, 7.0, 6.3, 5.6, 6.0, 6.2, 6.0, 5.6, 5.2, 5.4, 6.0, 5.8,
    4.6, 3.2, 2.0,
];
/// And on each day of a week, from Monday.
const WEEKDAYS: [f64; 7] = [1.18, 1.14, 1.10, 1.06, 0.98, 0.74, 0.80];

/// The days of a demo.
pub struct Calendar {
    now: DateTime<Utc>,
    /// Stories of an ordinary day.
    per_day: f64,
}

/// One day's beginnings.
pub struct Day {
    /// The number of the day since 1970: with the seed it decides what happens.
    pub number: u64,
    /// When a story begins, and whether it belongs to the busy afternoon.
    pub beginnings: Vec<(DateTime<Utc>, bool)>,
}

impl Calendar {
    /// So many stories in all, up to now.
    pub fn new(now: DateTime<Utc>, stories: f64) -> Self {
        Self { now, per_day: stories / DAYS as f64 / (1.0 + BUSY_SHARE) }
    }

    /// When the story begins.
    pub fn start(&self) -> DateTime<Utc> {
        self.now - TimeDelta::days(DAYS as i64)
    }

    /// The hour in which Microsoft's servers would take nothing, on the busy afternoon.
    pub fn bad_hour(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let from = self.midnight(BUSY_DAY) + TimeDelta::hours(15);
        (from, from + TimeDelta::hours(1))
    }

    /// Every day, the first one first; the first and the last are not whole.
    pub fn days(&self, seed: u64) -> impl Iterator<Item = (Day, Chance)> {
        (0..=DAYS).rev().map(move |ago| {
            let midnight = self.midnight(ago);
            let number = (midnight.timestamp() / 86_400).unsigned_abs();
            let mut chance = Chance::of(seed, number);
            (Day { number, beginnings: self.beginnings(ago, midnight, &mut chance) }, chance)
        })
    }

    fn beginnings(
        &self,
        ago: u64,
        midnight: DateTime<Utc>,
        chance: &mut Chance,
    ) -> Vec<(DateTime<Utc>, bool)> {
        let weekday = WEEKDAYS[midnight.weekday().num_days_from_monday() as usize];
        // A little more or less than the day before.
        let count = self.per_day * weekday * (0.92 + 0.16 * (chance.below(1_000) as f64 / 1_000.0));
        let hours: Vec<(f64, i64)> = HOURS.into_iter().zip(0..).collect();
        let mut beginnings: Vec<_> = (0..count.round() as usize)
            .map(|_| {
                let hour = midnight + TimeDelta::hours(*chance.weighted(&hours));
                (hour + chance.between(TimeDelta::zero(), TimeDelta::hours(1)), false)
            })
            .collect();
        if ago == BUSY_DAY {
            let noon = midnight + TimeDelta::hours(13);
            let count = (self.per_day * DAYS as f64 * BUSY_SHARE).round() as usize;
            // Most come soon after they were asked.
            let at = |chance: &mut Chance| noon + chance.seconds(5_400.0, 0.6).min(TimeDelta::hours(7));
            beginnings.extend((0..count).map(|_| (at(chance), true)));
        }
        beginnings.retain(|(at, _)| (self.start()..self.now).contains(at));
        beginnings.sort();
        beginnings
    }

    fn midnight(&self, ago: u64) -> DateTime<Utc> {
        let day = self.now.date_naive() - TimeDelta::days(ago as i64);
        day.and_time(NaiveTime::MIN).and_utc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn about_as_many_stories_begin_as_were_asked_for_and_none_outside_the_days() {
        let calendar = Calendar::new(now(), 3_000.0);

        let days: Vec<_> = calendar.days(7).map(|(day, _)| day).collect();

        let all: Vec<_> = days.iter().flat_map(|day| day.beginnings.iter().map(|(at, _)| *at)).collect();
        assert!((2_700..3_300).contains(&all.len()), "{}", all.len());
        assert!(all.iter().all(|at| *at >= calendar.start() && *at < now()) && all.is_sorted());
        let busy = days.iter().flat_map(|day| &day.beginnings).filter(|(_, busy)| *busy).count();
        assert!((250..450).contains(&busy), "{busy}");
    }

    #[test]
    fn nights_are_quieter_than_days() {
        let calendar = Calendar::new(now(), 3_000.0);

        let hours: Vec<_> = calendar
            .days(7)
            .flat_map(|(day, _)| day.beginnings)
            .map(|(at, _)| at.timestamp() / 3600 % 24)
            .collect();

        let within = |from, to| hours.iter().filter(|hour| (from..to).contains(*hour)).count();
        assert!(within(9, 12) > 5 * within(2, 5), "{} {}", within(9, 12), within(2, 5));
    }

    #[test]
    fn a_later_look_at_the_same_day_only_adds_to_it() {
        let beginnings = |now| -> Vec<_> {
            Calendar::new(now, 3_000.0).days(7).last().map(|(day, _)| day.beginnings).unwrap()
        };

        let (before, after) = (beginnings(now()), beginnings(now() + TimeDelta::hours(2)));

        assert!(after.len() > before.len());
        assert_eq!(after[..before.len()], before);
    }
}
