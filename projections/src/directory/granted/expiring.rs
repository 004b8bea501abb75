//! When each grant leaves the directory.

use std::collections::BTreeSet;

use events::{GrantId, Timestamp};

#[derive(Default)]
pub(in crate::directory) struct Expiring(BTreeSet<(Timestamp, GrantId)>);

impl Expiring {
    pub fn add(&mut self, at: Timestamp, grant: GrantId) {
        self.0.insert((at, grant));
    }

    /// One whose time is over, which is not told again.
    pub fn pop(&mut self, now: Timestamp) -> Option<GrantId> {
        let (at, _) = self.0.first()?;
        if *at > now {
            return None;
        }
        self.0.pop_first().map(|(_, grant)| grant)
    }
}

impl FromIterator<(Timestamp, GrantId)> for Expiring {
    fn from_iter<I: IntoIterator<Item = (Timestamp, GrantId)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}
