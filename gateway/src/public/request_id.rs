//! Ids of requests: UUIDs of version 7 (RFC 9562 §5.7), as 32 hexadecimal digits.

use std::sync::{Mutex, PoisonError};

use events::clock::{Clock, Random};
use http::HeaderValue;

/// What an id has of chance, in bytes.
const CHANCE: usize = 10;
/// Ids for which chance is drawn at once: a system call a request would be more than an id is worth.
const AHEAD: usize = 64;

/// Makes the ids of one thread.
#[derive(Default)]
pub(super) struct RequestIds(Mutex<Drawn>);

#[derive(Default)]
struct Drawn {
    bytes: Vec<u8>,
}

impl RequestIds {
    pub(super) fn next(&self, clock: &dyn Clock, random: &dyn Random) -> HeaderValue {
        let chance = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(random);
        let millis = u64::try_from(clock.now().unix_millis()).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid();
        let mut text = [0; uuid::fmt::Simple::LENGTH];
        HeaderValue::from_str(id.as_simple().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("0"))
    }
}

impl Drawn {
    fn take(&mut self, random: &dyn Random) -> [u8; CHANCE] {
        if self.bytes.is_empty() {
            self.bytes.resize(CHANCE * AHEAD, 0);
            random.fill(&mut self.bytes);
        }
        let mut chance = [0; CHANCE];
        let rest = self.bytes.len().saturating_sub(CHANCE);
        chance.iter_mut().zip(self.bytes.drain(rest..)).for_each(|(to, from)| *to = from);
        chance
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use events::clock::{SystemClock, SystemRandom};

    use super::*;

    #[test]
    fn no_two_are_alike_and_each_is_a_uuid_of_version_7() {
        let ids = RequestIds::default();
        let made: HashSet<_> = (0..3 * AHEAD)
            .map(|_| {
                let id = ids.next(&SystemClock, &SystemRandom);
                let id: uuid::Uuid = id.to_str().unwrap().parse().unwrap();
                assert_eq!(id.get_version_num(), 7);
                id.as_bytes()[6..].to_vec()
            })
            .collect();
        assert_eq!(made.len(), 3 * AHEAD);
    }
}
