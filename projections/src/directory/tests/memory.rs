//! How small an entry is: a node holds one for each key.

use super::*;

#[test]
fn a_key_entry_stays_small() {
    assert!(size_of::<KeyEntry>() <= 208, "{} bytes", size_of::<KeyEntry>());
}
