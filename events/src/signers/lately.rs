//! What was judged good lately. Several parts of a process follow the log (the directory, the read models, control's
//! checkpoints), and each has a message at about the same time: it is judged once, and hashed by the others, which costs a
//! twentieth.

use std::sync::{Mutex, PoisonError};

use crate::tlog::Hash;

/// So many messages are known, a newer one in the place of an older one.
const PLACES: usize = 1_024;

#[derive(Default, Debug)]
pub(super) struct Lately(Mutex<Vec<Option<Good>>>);

/// A message, byte for byte, at its place, and the keys that it was judged by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Good {
    pub sequence: u64,
    pub leaf: Hash,
    /// The sequence of the newest event that changed them: by others it may be judged otherwise.
    pub keys: u64,
}

impl Lately {
    pub fn knows(&self, good: &Good) -> bool {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(good.place()).is_some_and(|known| known.as_ref() == Some(good))
    }

    pub fn keep(&self, good: Good) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.is_empty() {
            places.resize(PLACES, None);
        }
        if let Some(place) = places.get_mut(good.place()) {
            *place = Some(good);
        }
    }
}

impl Good {
    fn place(&self) -> usize {
        usize::try_from(self.sequence % PLACES as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_as_it_was_judged_and_not_otherwise() {
        let lately = Lately::default();
        let good = Good { sequence: 5, leaf: Hash::leaf(b"one"), keys: 1 };
        assert!(!lately.knows(&good));
        lately.keep(good);
        assert!(lately.knows(&good));
        for other in [
            Good { sequence: 6, ..good },
            Good { sequence: 5 + PLACES as u64, ..good },
            Good { leaf: Hash::leaf(b"two"), ..good },
            Good { keys: 2, ..good },
        ] {
            assert!(!lately.knows(&other), "{other:?}");
        }
        let newer = Good { sequence: 5 + PLACES as u64, ..good };
        lately.keep(newer);
        assert!(lately.knows(&newer) && !lately.knows(&good));
    }
}
