//! Every key, found by its digest and by its id. Both are sets of the entries themselves, for an entry knows both: a key
//! beside it would be held once more for each of a million.

use std::borrow::Borrow;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use events::KeyId;
use events::digest::DigestBytes;
use papaya::HashSet;

use super::hash::IdHasher;
use super::key::KeyEntry;

#[derive(Default)]
pub(super) struct Keys {
    by_digest: HashSet<ByDigest, BuildHasherDefault<IdHasher>>,
    by_id: HashSet<ByItsId, BuildHasherDefault<IdHasher>>,
}

impl Keys {
    pub fn of_digest(&self, digest: &DigestBytes) -> Option<Arc<KeyEntry>> {
        self.by_digest.pin().get(digest).map(|ByDigest(entry)| Arc::clone(entry))
    }

    pub fn of_id(&self, id: KeyId) -> Option<Arc<KeyEntry>> {
        self.by_id.pin().get(&id).map(|ByItsId(entry)| Arc::clone(entry))
    }

    /// The generation of the key of this digest.
    pub fn generation(&self, digest: &DigestBytes) -> Option<u64> {
        self.by_digest.pin().get(digest).map(|ByDigest(entry)| entry.generation)
    }

    /// Whether one of them is a key's.
    pub fn knows(&self, id: KeyId, digest: &DigestBytes) -> bool {
        self.by_id.pin().contains(&id) || self.by_digest.pin().contains(digest)
    }

    /// The key is so from now on.
    pub fn put(&self, entry: Arc<KeyEntry>) {
        self.by_digest.pin().insert(ByDigest(Arc::clone(&entry)));
        self.by_id.pin().insert(ByItsId(entry));
    }

    /// Room for so many more.
    pub fn reserve(&self, more: usize) {
        self.by_digest.pin().reserve(more);
        self.by_id.pin().reserve(more);
    }

    pub fn len(&self) -> usize {
        self.by_digest.len()
    }

    pub fn all(&self) -> Vec<Arc<KeyEntry>> {
        self.by_digest.pin().iter().map(|ByDigest(entry)| Arc::clone(entry)).collect()
    }

    /// As the ids find them.
    #[cfg(test)]
    pub fn all_by_id(&self) -> Vec<Arc<KeyEntry>> {
        self.by_id.pin().iter().map(|ByItsId(entry)| Arc::clone(entry)).collect()
    }
}

/// An entry that is what its digest is.
struct ByDigest(Arc<KeyEntry>);

impl Borrow<DigestBytes> for ByDigest {
    fn borrow(&self) -> &DigestBytes {
        &self.0.digest
    }
}

impl Hash for ByDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl PartialEq for ByDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for ByDigest {}

/// An entry that is what its id is.
struct ByItsId(Arc<KeyEntry>);

impl Borrow<KeyId> for ByItsId {
    fn borrow(&self) -> &KeyId {
        &self.0.id
    }
}

impl Hash for ByItsId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ByItsId {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ByItsId {}

#[cfg(test)]
mod tests {
    use events::ScopeSet;
    use events::key::{Environment, KeyOwner};
    use events::{Owner, SecretId};
    use uuid::Uuid;

    use super::super::key::{KeyState, LastFour};
    use super::super::newest::Newest;
    use super::*;

    #[test]
    fn the_entry_that_comes_later_is_found_by_both() {
        let id = KeyId::new(Uuid::from_u128(1));
        let digest = DigestBytes([7; 32]);
        let entry = |generation| KeyEntry {
            id,
            secret_id: SecretId::new(Uuid::from_u128(2)),
            digest,
            owner: Owner::Installation,
            key_owner: KeyOwner::Installation,
            state: KeyState::Active,
            not_before: None,
            expires_at: None,
            scopes: Arc::new(ScopeSet::nothing()),
            generation,
            newest: Newest::default(),
            prefix: "kl_live".into(),
            last_four: LastFour::new("abcd"),
            environment: Environment::Live,
        };
        let keys = Keys::default();
        for generation in [1, 2] {
            keys.put(Arc::new(entry(generation)));
        }
        assert_eq!(keys.len(), 1);
        assert_eq!(keys.of_id(id).map(|it| it.generation), Some(2));
        assert_eq!(keys.of_digest(&digest).map(|it| it.generation), Some(2));
        assert_eq!(keys.generation(&digest), Some(2));
        assert!(keys.knows(id, &DigestBytes([0; 32])) && keys.knows(KeyId::new(Uuid::from_u128(3)), &digest));
    }
}
