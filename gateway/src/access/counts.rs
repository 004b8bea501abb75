//! How much is told one by one in a minute, and what is counted beyond that: so nobody fills the stream, neither by a key
//! nor by credentials that nobody has.

use std::collections::HashMap;

use events::{Owner, Timestamp};

use super::record::{Kind, Told, Who};

/// Records of one key in a minute; more are counted.
pub(super) const OF_ONE_KEY: u64 = 120;
/// Keys that are told apart in a minute.
const KEYS: usize = 10_000;

/// Of the present minute.
#[derive(Debug, Default)]
pub(super) struct Counts {
    by_key: HashMap<Who, u64>,
    /// Of keys that are not told apart any more.
    others: u64,
    /// Credentials that nobody has.
    unknown: u64,
}

impl Counts {
    /// Whether one more of this key is told.
    pub fn has_room(&mut self, who: Who) -> bool {
        if self.by_key.len() >= KEYS && !self.by_key.contains_key(&who) {
            self.others += 1;
            return false;
        }
        let told = self.by_key.entry(who).or_default();
        *told += 1;
        *told <= OF_ONE_KEY
    }

    pub fn unknown(&mut self) {
        self.unknown += 1;
    }

    /// What the minute came to, beside what was told; the next begins.
    pub fn end(&mut self, now: Timestamp) -> Vec<Told> {
        let Self { by_key, others, unknown } = std::mem::take(self);
        let counted = |kind, who: Option<Who>, count| {
            let about = who.map_or(Owner::Installation, |who| who.owner);
            Told { count: Some(count), ..Told::new(kind, now, who, about) }
        };
        let mut ended: Vec<Told> = by_key
            .into_iter()
            .filter(|(_, told)| *told > OF_ONE_KEY)
            .map(|(who, told)| counted(Kind::RecordsOmitted, Some(who), told - OF_ONE_KEY))
            .collect();
        if others > 0 {
            ended.push(counted(Kind::RecordsOmitted, None, others));
        }
        if unknown > 0 {
            let refused = counted(Kind::AuthenticationRefused, None, unknown);
            ended.push(Told { reason: Some("unknown"), ..refused });
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use events::KeyId;
    use uuid::Uuid;

    use super::*;

    fn who(n: u128) -> Who {
        Who { key: KeyId::new(Uuid::from_u128(n)), owner: Owner::Installation }
    }

    fn ended(counts: &mut Counts) -> Vec<(Kind, Option<Who>, Option<u64>)> {
        let mut told: Vec<_> = counts
            .end(Timestamp::UNIX_EPOCH)
            .into_iter()
            .map(|told| (told.kind, told.who, told.count))
            .collect();
        told.sort_by_key(|(_, _, count)| *count);
        told
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted_once_a_minute() {
        let mut counts = Counts::default();
        let told = (0..OF_ONE_KEY + 7).filter(|_| counts.has_room(who(1))).count() as u64;
        assert_eq!(told, OF_ONE_KEY);
        assert!(counts.has_room(who(2)), "another key has its own");
        (0..300).for_each(|_| counts.unknown());
        assert_eq!(
            ended(&mut counts),
            [(Kind::RecordsOmitted, Some(who(1)), Some(7)), (Kind::AuthenticationRefused, None, Some(300)),]
        );
        assert_eq!(ended(&mut counts), []);
        assert!(counts.has_room(who(1)));
    }

    #[test]
    fn keys_beyond_the_bound_are_counted_together() {
        let mut counts = Counts::default();
        assert!((0..KEYS as u128).all(|n| counts.has_room(who(n))));
        assert!(!counts.has_room(who(u128::MAX)) && !counts.has_room(who(u128::MAX - 1)));
        assert!(counts.has_room(who(0)));
        assert_eq!(ended(&mut counts), [(Kind::RecordsOmitted, None, Some(2))]);
    }
}
