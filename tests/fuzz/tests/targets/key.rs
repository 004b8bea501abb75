//! Keys: what has a key's form has its checksum, and no other text has.

use domain::key::secret::{ParsedKey, Prefix};

#[test]
fn key() {
    fuzz::target!("key", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(key) = ParsedKey::parse(text) else { return false };
        let prefix: Prefix = key.prefix().parse().unwrap();
        assert!(text.starts_with(&format!("{prefix}_")), "the prefix is where the key begins");
        assert!(text.ends_with(key.last_four()) && key.last_four().len() == 4);
        assert!((ParsedKey::MIN_BYTES..=ParsedKey::MAX_BYTES).contains(&text.len()));
        for at in 0..text.len() {
            for bit in [1, 2, 4, 8, 0x10, 0x20, 0x40] {
                let mut other = input.to_vec();
                other[at] ^= bit;
                let other = String::from_utf8(other).unwrap();
                assert!(ParsedKey::parse(&other).is_err(), "{other} differs from a key in one letter");
            }
        }
        true
    });
}
