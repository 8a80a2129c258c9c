//! In which ways deliveries of a message failed, for good or for now, whatever became of it afterwards.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::bounce::Category;

/// Where the bits of failures for good begin. Those for now lie below.
const FOR_GOOD: usize = 32;

/// A set, so the same whatever the order of events and however often they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures(BTreeSet<(Category, bool)>);

impl Failures {
    /// Takes in a failure, for good or for now.
    pub(super) fn add(&mut self, category: Category, permanent: bool) {
        self.0.insert((category, permanent));
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each category once, and whether it ever was for good.
    pub fn categories(&self) -> impl Iterator<Item = (Category, bool)> + '_ {
        let one = |category| (category, self.0.contains(&(category, true)));
        self.0.iter().map(|(category, _)| *category).collect::<BTreeSet<_>>().into_iter().map(one)
    }

    /// One number that tells the set, for the column of that name.
    pub fn bits(&self) -> i64 {
        self.0.iter().fold(0, |bits, (category, permanent)| bits | Self::bit(*category, *permanent))
    }

    /// The set that a number tells.
    pub fn of_bits(bits: i64) -> Self {
        let every = Category::ALL.into_iter().flat_map(|category| [(category, false), (category, true)]);
        Self(every.filter(|(category, permanent)| bits & Self::bit(*category, *permanent) != 0).collect())
    }

    /// The bits of the failures of this category, or of all; for good, for now, or both.
    pub fn mask(category: Option<Category>, permanent: Option<bool>) -> i64 {
        let categories = Category::ALL.into_iter().filter(|one| category.is_none_or(|only| only == *one));
        let of =
            |category, is_asked: bool, permanent| if is_asked { Self::bit(category, permanent) } else { 0 };
        categories.fold(0, |mask, category| {
            mask | of(category, permanent != Some(false), true) | of(category, permanent != Some(true), false)
        })
    }

    /// A category keeps its place among all for ever.
    fn bit(category: Category, permanent: bool) -> i64 {
        let place = Category::ALL.iter().position(|one| *one == category).unwrap_or_default();
        1 << (place + if permanent { FOR_GOOD } else { 0 })
    }
}
