//! Who holds how many of something that there is only so much of, so that nobody takes all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What everybody holds. Cheap to clone.
pub struct Shares<K: Eq + Hash>(Arc<Mutex<HashMap<K, usize>>>);

/// One of what somebody holds; given back when it is dropped.
pub struct Share<K: Eq + Hash> {
    shares: Shares<K>,
    holder: K,
}

impl<K: Eq + Hash> Default for Shares<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// One more for this holder, who may hold so many at most.
    pub fn take(&self, holder: K, most: usize) -> Option<Share<K>> {
        let mut held = self.lock();
        let count = held.get(&holder).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        held.insert(holder.clone(), count + 1);
        drop(held);
        Some(Share { shares: self.clone(), holder })
    }
}

impl<K: Eq + Hash> Shares<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.lock();
        // Who holds nothing is forgotten: there are as many networks as there are addresses.
        match held.get_mut(&self.holder) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.holder)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_share_of_its_own_and_what_is_given_back_can_be_taken_again() {
        let shares = Shares::default();
        let first = shares.take("a", 2).unwrap();
        let _second = shares.take("a", 2).unwrap();

        assert!(shares.take("a", 2).is_none());
        assert!(shares.take("b", 2).is_some());
        drop(first);
        let _third = shares.take("a", 2).unwrap();
        assert!(shares.take("a", 2).is_none());
    }

    #[test]
    fn who_holds_nothing_is_forgotten() {
        let shares = Shares::default();
        drop([shares.take("a", 2), shares.take("a", 2), shares.take("b", 1)]);

        assert!(shares.lock().is_empty());
    }
}
