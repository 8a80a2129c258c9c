//! Chance that repeats itself: the same numbers for the same seed. For stories only; keys and ids never come from it.

use chrono::TimeDelta;
use fastrand::Rng;

/// Where the stories of one day take their turns.
pub struct Chance(Rng);

impl Chance {
    /// For one of the days of one seed.
    pub fn of(seed: u64, day: u64) -> Self {
        Self(Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(day)))
    }

    /// Whether something with this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// A number below the bound, which is above 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound.max(1))
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of them, the first ones more often than the last.
    pub fn pick_early<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.0.f64() * self.0.f64() * of.len() as f64;
        // Below the length, so the cast is exact.
        &of[(place as usize).min(of.len() - 1)]
    }

    /// One of them, each as often as its weight says.
    pub fn weighted<'a, T>(&mut self, of: &'a [(f64, T)]) -> &'a T {
        let total: f64 = of.iter().map(|(weight, _)| weight).sum();
        let mut rest = self.0.f64() * total;
        for (weight, item) in of {
            rest -= weight;
            if rest < 0.0 {
                return item;
            }
        }
        &of[of.len() - 1].1
    }

    /// A span between two.
    pub fn between(&mut self, least: TimeDelta, most: TimeDelta) -> TimeDelta {
        least + scaled(most - least, self.0.f64())
    }

    /// A span of so many seconds in the middle, with a long tail: log-normal, `spread` being its sigma.
    pub fn seconds(&mut self, median: f64, spread: f64) -> TimeDelta {
        // Box and Muller; of 1 − x, because x may be 0.
        let normal = (-2.0 * (1.0 - self.0.f64()).ln()).sqrt() * (std::f64::consts::TAU * self.0.f64()).cos();
        scaled(TimeDelta::seconds(1), median * (spread * normal).exp())
    }

    /// Hexadecimal digits.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from_digit(self.0.u32(..16), 16).unwrap_or('0')).collect()
    }
}

/// A span, multiplied; spans here are at most days, which a double holds to the microsecond.
fn scaled(span: TimeDelta, by: f64) -> TimeDelta {
    TimeDelta::microseconds((span.num_microseconds().unwrap_or_default() as f64 * by) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_day_give_the_same_turns_and_others_do_not() {
        let turns = |seed, day| {
            let mut chance = Chance::of(seed, day);
            (0..20).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };

        assert_eq!(turns(1, 2), turns(1, 2));
        assert_ne!(turns(1, 2), turns(1, 3));
        assert_ne!(turns(1, 2), turns(2, 2));
    }

    #[test]
    fn half_of_all_spans_are_below_their_median_and_some_far_above() {
        let mut chance = Chance::of(7, 0);

        let spans: Vec<_> = (0..2_000).map(|_| chance.seconds(4.0, 1.0)).collect();

        let below = spans.iter().filter(|span| **span < TimeDelta::seconds(4)).count();
        assert!((900..1_100).contains(&below), "{below}");
        assert!(spans.iter().any(|span| *span > TimeDelta::seconds(40)));
    }

    #[test]
    fn weights_are_kept() {
        let mut chance = Chance::of(7, 0);

        let rare = (0..2_000).filter(|_| *chance.weighted(&[(0.9, "often"), (0.1, "seldom")]) == "seldom");

        assert!((140..260).contains(&rare.count()));
    }
}
