//! How ids and digests are hashed. They are as good as drawn by chance, and not by who presents them: a digest is made
//! under a pepper, an id by us. So what is asked for on every call needs no keyed hash; slugs, which tenants choose,
//! keep theirs.

use std::hash::{BuildHasherDefault, Hasher};

use papaya::HashMap;

/// A map by ids or digests.
pub(super) type ById<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

#[derive(Default)]
pub(super) struct IdHasher(u64);

/// 2^64 over the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = folded(self.0.rotate_left(5) ^ word);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        folded(self.0)
    }
}

/// Both halves of a product, so that low bits depend on high ones as well.
fn folded(word: u64) -> u64 {
    let product = u128::from(word) * u128::from(MULTIPLIER);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use events::KeyId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_of_one_moment_fall_apart_in_their_low_and_their_high_bits() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let hashes: Vec<_> = (0..4_096_u128)
            .map(|n| hasher.hash_one(KeyId::new(Uuid::from_u128(0x0199_0000_0000_7000_8000 << 48 | n))))
            .collect();
        for shift in [0, 52] {
            let buckets: HashSet<_> = hashes.iter().map(|hash| hash >> shift & 0xfff).collect();
            assert!(buckets.len() > 2_200, "{shift}: {} of 4,096 buckets are met", buckets.len());
        }
    }
}
