use std::collections::BTreeMap;
use std::sync::Mutex;

use events::clock::SystemRandom;

use super::*;

/// Entries in memory: what a bucket must do is tested on NATS.
#[derive(Default)]
pub struct Memory(pub Mutex<BTreeMap<String, Bytes>>);

#[async_trait]
impl Entries for Memory {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, VaultError> {
        // Others come between a look and what is done on it.
        tokio::task::yield_now().await;
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    async fn create(&self, name: &str, value: Bytes) -> Result<bool, VaultError> {
        let mut entries = self.0.lock().unwrap();
        let new = !entries.contains_key(name);
        if new {
            entries.insert(name.to_owned(), value);
        }
        Ok(new)
    }

    async fn replace(&self, name: &str, value: Bytes) -> Result<(), VaultError> {
        self.0.lock().unwrap().insert(name.to_owned(), value);
        Ok(())
    }

    async fn purge(&self, name: &str) -> Result<(), VaultError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, VaultError> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }

    async fn swap(&self, name: &str, from: &Bytes, to: Bytes) -> Result<bool, VaultError> {
        let mut entries = self.0.lock().unwrap();
        let same = entries.get(name) == Some(from);
        if same {
            entries.insert(name.to_owned(), to);
        }
        Ok(same)
    }
}

pub fn vault(name: VaultName, master: u8) -> (Arc<Memory>, Vault) {
    let entries = Arc::new(Memory::default());
    (Arc::clone(&entries), reopened(name, &entries, master))
}

pub fn reopened(name: VaultName, entries: &Arc<Memory>, master: u8) -> Vault {
    Vault::new(name, Arc::<Memory>::clone(entries), MasterKey::of(&[master; 32]).unwrap())
}

fn reason(error: VaultError) -> &'static str {
    match error {
        VaultError::Sealed { reason, .. } => reason,
        other @ (VaultError::Unavailable { .. }
        | VaultError::OtherKey { .. }
        | VaultError::Missing { .. }
        | VaultError::Disagree { .. }
        | VaultError::Text { .. }
        | VaultError::TextTooLong) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_value_comes_back_and_is_not_stored_in_the_clear() {
    let (entries, vault) = vault(VaultName::Node, 1);
    let drawn = b"a secret of this very test";
    vault.get_or_create("a", Purpose::Pepper, drawn, &SystemRandom).await.unwrap();
    assert_eq!(vault.get("a", Purpose::Pepper).await.unwrap().unwrap().as_slice(), drawn);
    let stored = entries.0.lock().unwrap()["a"].clone();
    assert!(!stored.windows(8).any(|part| drawn.windows(8).any(|other| part == other)));
    assert!(vault.get("b", Purpose::Pepper).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_there_stays() {
    let (_, vault) = vault(VaultName::Node, 1);
    vault.get_or_create("a", Purpose::Pepper, b"first", &SystemRandom).await.unwrap();
    let second = vault.get_or_create("a", Purpose::Pepper, b"second", &SystemRandom).await.unwrap();
    assert_eq!(second.as_slice(), b"first");
}

#[tokio::test]
async fn a_value_opens_at_its_own_place_alone() {
    let (entries, vault) = vault(VaultName::Node, 1);
    vault.get_or_create("a", Purpose::Pepper, b"secret", &SystemRandom).await.unwrap();
    let moved = "it was changed, or moved from another place";
    assert_eq!(reason(vault.get("a", Purpose::Session).await.unwrap_err()), moved);
    let value = entries.0.lock().unwrap()["a"].clone();
    entries.create("b", value).await.unwrap();
    assert_eq!(reason(vault.get("b", Purpose::Pepper).await.unwrap_err()), moved);
    let other = reopened(VaultName::Control, &entries, 1);
    assert_eq!(reason(other.get("a", Purpose::Pepper).await.unwrap_err()), moved);
}

#[tokio::test]
async fn another_master_key_does_not_open_it() {
    let (entries, vault) = vault(VaultName::Node, 1);
    vault.get_or_create("a", Purpose::Pepper, b"secret", &SystemRandom).await.unwrap();
    let other = reopened(VaultName::Node, &entries, 2);
    let told = other.get("a", Purpose::Pepper).await.unwrap_err();
    assert!(matches!(&told, VaultError::OtherKey { entry, .. } if entry == "a"), "{told}");
}

#[tokio::test]
async fn changed_bytes_and_newer_versions_do_not_open() {
    let (entries, vault) = vault(VaultName::Node, 1);
    vault.get_or_create("a", Purpose::Pepper, b"secret", &SystemRandom).await.unwrap();
    let stored = entries.0.lock().unwrap()["a"].clone();
    let wire: Wire = serde_json::from_slice(&stored).unwrap();
    let mut broken = wire.ciphertext.0.clone();
    broken[0] ^= 1;
    for (version, ciphertext, expected) in [
        (1, broken, "it was changed, or moved from another place"),
        (2, wire.ciphertext.0.clone(), "its version is newer than this program"),
    ] {
        let changed = Wire {
            version,
            master: wire.master.clone(),
            nonce: wire.nonce.clone(),
            ciphertext: SealedBytes(ciphertext),
        };
        let changed = serde_json::to_vec(&changed).unwrap();
        entries.0.lock().unwrap().insert("a".to_owned(), changed.into());
        assert_eq!(reason(vault.get("a", Purpose::Pepper).await.unwrap_err()), expected);
    }
    entries.0.lock().unwrap().insert("a".to_owned(), "{}".into());
    assert_eq!(reason(vault.get("a", Purpose::Pepper).await.unwrap_err()), "it is no sealed value");
}
