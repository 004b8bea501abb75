//! Digests of secrets: well-formed, and no two keys with the same.

use std::collections::HashSet;

use domain::key::secret::Prefix;
use events::Event;
use events::digest::DigestBytes;
use events::key::KeyEvent;

use super::{At, Check};

#[derive(Default)]
pub(super) struct Secrets {
    digests: HashSet<DigestBytes>,
}

impl Secrets {
    pub fn take(&mut self, event: &Event, at: &mut At<'_>) {
        let Event::Key(KeyEvent::Issued(issued)) = event else { return };
        let bytes = issued.digest.bytes;
        // 32 bytes they are, or the event is not read.
        if bytes.0 == [0; 32] {
            at.found(Check::Secret, "its digest is empty");
        } else if !self.digests.insert(bytes) {
            at.found(Check::Secret, "another key has the same digest");
        }
        let last_four = &issued.last_four;
        if last_four.len() != 4 || !last_four.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            at.found(Check::Secret, "its last four characters are none of a key's");
        }
        if issued.prefix.parse::<Prefix>().is_err() {
            at.found(Check::Secret, "no key starts with its prefix");
        }
    }
}
