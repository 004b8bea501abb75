//! Ids of requests: UUIDs of version 7 (RFC 9562 §5.7), as 32 hexadecimal digits.

use std::sync::{Arc, Mutex, PoisonError};

use events::clock::{Clock, Random, uuid_v7};
use http::HeaderValue;

/// Chance is drawn ahead, so many bytes at once: a system call a request would be more than an id is worth.
const DRAWN: usize = 640;

/// Makes the ids of one thread.
pub(super) struct RequestIds {
    random: Arc<dyn Random>,
    drawn: Mutex<Vec<u8>>,
}

impl RequestIds {
    pub(super) fn new(random: Arc<dyn Random>) -> Self {
        Self { random, drawn: Mutex::default() }
    }

    pub(super) fn next(&self, clock: &dyn Clock) -> HeaderValue {
        let mut text = [0; uuid::fmt::Simple::LENGTH];
        let text = uuid_v7(clock, self).as_simple().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("0"))
    }
}

impl Random for RequestIds {
    fn fill(&self, bytes: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.len() < bytes.len() {
            drawn.resize(bytes.len().max(DRAWN), 0);
            self.random.fill(&mut drawn);
        }
        let rest = drawn.len() - bytes.len();
        bytes.copy_from_slice(&drawn[rest..]);
        drawn.truncate(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use events::clock::{SystemClock, SystemRandom};

    use super::*;

    #[test]
    fn no_two_are_alike_and_each_is_a_uuid_of_version_7() {
        let ids = RequestIds::new(Arc::new(SystemRandom));
        let made: HashSet<_> = (0..192)
            .map(|_| {
                let id = ids.next(&SystemClock);
                let id: uuid::Uuid = id.to_str().unwrap().parse().unwrap();
                assert_eq!(id.get_version_num(), 7);
                id.as_bytes()[6..].to_vec()
            })
            .collect();
        assert_eq!(made.len(), 192);
    }
}
