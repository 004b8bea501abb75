//! Secrets of one purpose, up to three, of which one is in use and the others still count. A new one is announced before it
//! is used, so that every process knows it by then: nothing is refused while one follows another.

use std::time::Duration;

use events::Timestamp;
use uuid::Uuid;

/// So long a new secret lies in the vault before it is used: longer than `jwks.json` may be kept, and a look. Processes look each [`LOOK_EVERY`].
pub const ANNOUNCED: Duration = Duration::from_secs(600);
/// How often a process looks for new ones.
pub const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The one in use, and the others, newest first.
#[derive(Clone, Debug)]
pub struct Ring<T> {
    first: (Uuid, T),
    others: Vec<(Uuid, T)>,
}

impl<T> Ring<T> {
    /// Of secrets with the ids under which they were drawn: UUIDs of version 7, which tell when. `None`: there is none.
    pub fn new(mut drawn: Vec<(Uuid, T)>, now: Timestamp) -> Option<Self> {
        drawn.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        let oldest = drawn.len().checked_sub(1)?;
        let in_use = drawn.iter().position(|(id, _)| is_known(*id, now)).unwrap_or(oldest);
        Some(Self { first: drawn.remove(in_use), others: drawn })
    }

    /// One alone.
    pub fn one(id: Uuid, secret: T) -> Self {
        Self { first: (id, secret), others: Vec::new() }
    }

    /// The one in use.
    pub fn first(&self) -> &T {
        &self.first.1
    }

    /// The one in use first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.others).map(|(_, secret)| secret)
    }

    /// In this order.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        std::iter::once(&self.first).chain(&self.others).map(|(id, _)| *id)
    }
}

/// When a secret was drawn, as its id tells.
pub fn drawn_at(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let millis = seconds.checked_mul(1_000)?.checked_add(u64::from(nanos) / 1_000_000)?;
    Timestamp::from_unix_millis(millis.try_into().ok()?)
}

/// Whether every process knows it by now.
fn is_known(id: Uuid, now: Timestamp) -> bool {
    drawn_at(id).is_none_or(|drawn| now.since(drawn) >= ANNOUNCED)
}

#[cfg(test)]
mod tests {
    use events::clock::{ManualClock, SystemRandom, uuid_v7};

    use super::*;

    fn drawn(at: Timestamp) -> Uuid {
        uuid_v7(&ManualClock::new(at), &SystemRandom)
    }

    #[test]
    fn a_new_one_is_used_once_it_was_announced_for_long_enough() {
        let start = Timestamp::from_unix_millis(1_800_000_000_000).unwrap();
        let later = |seconds| start.saturating_add(Duration::from_secs(seconds));
        let (old, new) = (drawn(start), drawn(later(1_000)));
        assert_eq!(drawn_at(new), Some(later(1_000)));
        let order = |now| {
            let ring = Ring::new(vec![(old, "old"), (new, "new")], now).unwrap();
            ring.iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(order(later(1_599)), ["old", "new"]);
        assert_eq!(order(later(1_600)), ["new", "old"]);
        // The first of an installation waits for nobody.
        assert_eq!(Ring::new(vec![(old, "old")], start).unwrap().first(), &"old");
        assert!(Ring::<()>::new(vec![], start).is_none());
    }
}
