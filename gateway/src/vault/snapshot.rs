//! The keys that sign the directory's snapshots (Ed25519, RFC 8032). The private half lies in the people vault,
//! where control draws it and the worker signs with it; the public half in the node vault, so that a node
//! believes only what a worker of its installation has signed, whoever can write to the snapshots' store.
//!
//! At most three at a time, told apart by their ids, so that one can follow another.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use events::clock::{Clock, Random};
use uuid::Uuid;

use super::node::Secret;
use super::{Purpose, Vault, VaultError};

/// The same names in both vaults.
pub(super) const ENTRIES: [&str; 3] = ["snapshot.1", "snapshot.2", "snapshot.3"];

/// A private key: signs.
pub struct SnapshotKey {
    id: Uuid,
    pair: Ed25519KeyPair,
}

/// Public keys: verify.
#[derive(Clone, Debug, Default)]
pub struct SnapshotKeys(Vec<(Uuid, [u8; 32])>);

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("it is signed by a key that this installation has not")]
    UnknownKey,
    #[error("its signature is wrong")]
    Wrong,
}

/// Draws the first key where there is none, and puts its public half where nodes look for it. As control, which
/// alone may write both vaults.
pub async fn ensure(
    people: &Vault,
    node: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<(), VaultError> {
    let [first, ..] = ENTRIES;
    let drawn = Secret::draw(clock, random);
    people.get_or_create(first, Purpose::Snapshot, &drawn, random).await?;
    for key in SnapshotKey::all(people).await? {
        let (entry, key) = key;
        let public = key.public_value();
        let chosen = node.get_or_create(entry, Purpose::SnapshotPublic, &public, random).await?;
        if *chosen != public {
            return Err(VaultError::Disagree { entry: entry.to_owned() });
        }
    }
    Ok(())
}

impl SnapshotKey {
    /// The newest; `None`: control has not drawn one yet.
    pub async fn load(people: &Vault) -> Result<Option<Self>, VaultError> {
        // Their ids are UUIDs of version 7: the order of their drawing.
        Ok(Self::all(people).await?.into_iter().map(|(_, key)| key).max_by_key(|key| key.id))
    }

    async fn all(people: &Vault) -> Result<Vec<(&'static str, Self)>, VaultError> {
        let mut keys = Vec::with_capacity(ENTRIES.len());
        for entry in ENTRIES {
            if let Some(value) = people.get(entry, Purpose::Snapshot).await? {
                keys.push((entry, Self::parse(people, entry, &value)?));
            }
        }
        Ok(keys)
    }

    pub(super) fn parse(vault: &Vault, entry: &str, value: &[u8]) -> Result<Self, VaultError> {
        let Secret { id, bytes } = Secret::parse(vault, entry, value)?;
        Self::from_seed(id, &bytes).ok_or_else(|| vault.broken(entry, "it is no Ed25519 key"))
    }

    /// The key of a seed (RFC 8032 §5.1.5).
    pub fn from_seed(id: Uuid, seed: &[u8; 32]) -> Option<Self> {
        Some(Self { id, pair: Ed25519KeyPair::from_seed_unchecked(seed).ok()? })
    }

    pub fn id(&self) -> Uuid {
        self.id
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.iter_mut().zip(self.pair.sign(message).as_ref()).for_each(|(to, from)| *to = *from);
        signature
    }

    /// The public half as it lies in the node vault.
    pub(super) fn public_value(&self) -> Vec<u8> {
        [self.id.as_bytes().as_slice(), &self.public()].concat()
    }

    fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.iter_mut().zip(self.pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        public
    }
}

impl SnapshotKeys {
    /// Those that a node believes.
    pub async fn load(node: &Vault) -> Result<Self, VaultError> {
        let mut keys = Vec::with_capacity(ENTRIES.len());
        for entry in ENTRIES {
            if let Some(value) = node.get(entry, Purpose::SnapshotPublic).await? {
                let Secret { id, bytes } = Secret::parse(node, entry, &value)?;
                keys.push((id, *bytes));
            }
        }
        Ok(Self(keys))
    }

    /// The public halves of what the worker signs with.
    pub async fn of_worker(people: &Vault) -> Result<Self, VaultError> {
        let keys = SnapshotKey::all(people).await?;
        Ok(Self(keys.iter().map(|(_, key)| (key.id, key.public())).collect()))
    }

    pub fn verify(&self, key: Uuid, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let (_, public) = self.0.iter().find(|(id, _)| *id == key).ok_or(SignatureError::UnknownKey)?;
        UnparsedPublicKey::new(&ED25519, public).verify(message, signature).map_err(|_| SignatureError::Wrong)
    }
}

impl fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use events::clock::{SystemClock, SystemRandom};

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    #[tokio::test]
    async fn what_the_worker_signs_a_node_believes_and_nothing_else() {
        let (_, people) = vault(VaultName::People, 1);
        let (_, node) = vault(VaultName::Node, 2);
        assert!(SnapshotKey::load(&people).await.unwrap().is_none());
        for _ in 0..2 {
            ensure(&people, &node, &SystemClock, &SystemRandom).await.unwrap();
        }
        let key = SnapshotKey::load(&people).await.unwrap().unwrap();
        for keys in [SnapshotKeys::load(&node).await, SnapshotKeys::of_worker(&people).await] {
            let keys = keys.unwrap();
            let signature = key.sign(b"a header");
            assert_eq!(keys.verify(key.id(), b"a header", &signature), Ok(()));
            assert_eq!(keys.verify(key.id(), b"another", &signature), Err(SignatureError::Wrong));
            assert_eq!(keys.verify(key.id(), b"a header", &signature[1..]), Err(SignatureError::Wrong));
            let other = SnapshotKey::from_seed(Uuid::nil(), &[7; 32]).unwrap();
            let signature = other.sign(b"a header");
            assert_eq!(keys.verify(other.id(), b"a header", &signature), Err(SignatureError::UnknownKey));
            assert_eq!(keys.verify(key.id(), b"a header", &signature), Err(SignatureError::Wrong));
        }
    }

    #[tokio::test]
    async fn the_newest_key_signs_and_the_one_before_is_still_believed() {
        let (_, people) = vault(VaultName::People, 1);
        let (_, node) = vault(VaultName::Node, 2);
        ensure(&people, &node, &SystemClock, &SystemRandom).await.unwrap();
        let first = SnapshotKey::load(&people).await.unwrap().unwrap();
        let mut value = vec![0xff; 48];
        value[16..].fill(7);
        people.get_or_create("snapshot.2", Purpose::Snapshot, &value, &SystemRandom).await.unwrap();
        ensure(&people, &node, &SystemClock, &SystemRandom).await.unwrap();
        let second = SnapshotKey::load(&people).await.unwrap().unwrap();
        assert_ne!(first.id(), second.id());
        let keys = SnapshotKeys::load(&node).await.unwrap();
        for key in [first, second] {
            assert_eq!(keys.verify(key.id(), b"a header", &key.sign(b"a header")), Ok(()));
        }
    }

    #[tokio::test]
    async fn vaults_of_two_backups_are_told() {
        let (_, people) = vault(VaultName::People, 1);
        let (_, other) = vault(VaultName::People, 1);
        let (_, node) = vault(VaultName::Node, 2);
        ensure(&people, &node, &SystemClock, &SystemRandom).await.unwrap();
        let told = ensure(&other, &node, &SystemClock, &SystemRandom).await;
        assert!(matches!(told, Err(VaultError::Disagree { .. })), "{told:?}");
    }
}
