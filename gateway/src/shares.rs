//! Shares: who has how much of something that has a bound, so that nobody takes it all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who has nothing is not in it, so that it is no larger than what is shared.
pub struct Shares<K>(Mutex<HashMap<K, usize>>);

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Shares<K> {
    /// Gives each of these so much more; or, where one would have more than its bound, names the first such and gives
    /// nothing.
    pub fn take<const N: usize>(&self, holders: [(K, usize); N], amount: usize) -> Result<(), K> {
        let mut held = self.lock();
        let full = |(holder, most): &&(K, usize)| {
            held.get(holder).copied().unwrap_or_default().saturating_add(amount) > *most
        };
        if let Some((holder, _)) = holders.iter().find(full) {
            return Err(*holder);
        }
        for (holder, _) in holders {
            *held.entry(holder).or_default() += amount;
        }
        Ok(())
    }

    pub fn give_back<const N: usize>(&self, holders: [K; N], amount: usize) {
        let mut held = self.lock();
        for holder in holders {
            let Some(has) = held.get_mut(&holder) else { continue };
            *has = has.saturating_sub(amount);
            if *has == 0 {
                held.remove(&holder);
            }
        }
    }

    /// What one of them has.
    #[cfg(test)]
    pub fn of(&self, holder: K) -> usize {
        self.lock().get(&holder).copied().unwrap_or_default()
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_its_bound_and_all_comes_back() {
        let shares = Shares::default();
        let of = |name: &'static str| [(name, 3), ("all", 5)];
        assert_eq!(shares.take(of("a"), 2), Ok(()));
        assert_eq!(shares.take(of("a"), 2), Err("a"));
        assert_eq!(shares.take(of("b"), 3), Ok(()));
        assert_eq!(shares.take(of("c"), 1), Err("all"));
        assert_eq!((shares.of("a"), shares.of("c"), shares.of("all")), (2, 0, 5));
        shares.give_back(["b", "all"], 3);
        assert_eq!(shares.take(of("a"), 1), Ok(()));
        shares.give_back(["a", "all"], 3);
        assert!(shares.is_empty());
    }
}
