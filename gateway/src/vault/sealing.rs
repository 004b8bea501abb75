//! The keys under which people's and organizations' texts are sealed. Deleting one forgets the texts, and the
//! log stays whole. A key is in the vault before the first event that needs it is appended.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hkdf, hmac};
use events::Fingerprint;
use events::clock::{Clock, Random};
use events::sealed::{SealedBytes, SealedField};
use events::{Keyholder, Owner, SealedText, SealingKeyId};
use moka::sync::Cache;
use zeroize::Zeroizing;

use super::node::Secret;
use super::{Purpose, Vault, VaultError};
use crate::crypto::aead::{AeadKey, SealError};

/// A bound on the keys that a process holds in memory.
const CACHED_KEYS: u64 = 10_000;
/// A key that another process deleted may be used here for this long.
const CACHED_FOR: Duration = Duration::from_secs(60);

/// Sealing keys by whose they are.
#[derive(Clone)]
pub struct SealingKeys {
    vault: Vault,
    cache: Cache<Keyholder, Arc<SealingKey>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// One keyholder's sealing key.
#[derive(Debug)]
pub struct SealingKey {
    id: SealingKeyId,
    key: AeadKey,
    /// Derived from the key, so that what it says of a command is forgotten with it.
    fingerprint: hmac::Key,
}

impl SealingKeys {
    pub fn new(vault: Vault, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let cache = Cache::builder().max_capacity(CACHED_KEYS).time_to_live(CACHED_FOR).build();
        Self { vault, cache, clock, random }
    }

    /// The vault that they lie in.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// `None`: it has no key, or it was deleted.
    pub async fn get(&self, of: impl Into<Keyholder> + Send) -> Result<Option<Arc<SealingKey>>, VaultError> {
        let of = of.into();
        if let Some(key) = self.cache.get(&of) {
            return Ok(Some(key));
        }
        let entry = entry(of);
        let Some(value) = self.vault.get(&entry, Purpose::Sealing).await? else { return Ok(None) };
        self.keep(of, &entry, &value).map(Some)
    }

    /// The key, drawn when there is none. Of several who draw at once one wins.
    pub async fn get_or_create(
        &self,
        of: impl Into<Keyholder> + Send,
    ) -> Result<Arc<SealingKey>, VaultError> {
        let of = of.into();
        if let Some(key) = self.get(of).await? {
            return Ok(key);
        }
        let entry = entry(of);
        let drawn = Secret::draw(&*self.clock, &*self.random);
        let value = self.vault.get_or_create(&entry, Purpose::Sealing, &drawn, &*self.random).await?;
        self.keep(of, &entry, &value)
    }

    /// Opens a text. `None`: its key is gone, and the text with it.
    pub async fn open(
        &self,
        field: &SealedField,
        text: &SealedText,
    ) -> Result<Option<Zeroizing<String>>, VaultError> {
        match self.get(field.keyholder).await? {
            Some(key) if key.id == text.key => key
                .open(field, text)
                .map(Some)
                .map_err(|SealError| VaultError::Text { entry: entry(field.keyholder) }),
            Some(_) | None => Ok(None),
        }
    }

    /// Forgets the keyholder's texts, for ever, by deleting the key. Other processes that hold it follow within a
    /// minute.
    pub async fn forget(&self, of: impl Into<Keyholder> + Send) -> Result<(), VaultError> {
        let of = of.into();
        self.vault.purge(&entry(of)).await?;
        self.cache.invalidate(&of);
        Ok(())
    }

    /// Whether the vault holds no key of this keyholder, by its own word of now.
    pub async fn is_deleted(&self, of: impl Into<Keyholder> + Send) -> Result<bool, VaultError> {
        Ok(self.vault.get(&entry(of.into()), Purpose::Sealing).await?.is_none())
    }

    fn keep(&self, of: Keyholder, entry: &str, value: &[u8]) -> Result<Arc<SealingKey>, VaultError> {
        let Secret { id, bytes } = Secret::parse(&self.vault, entry, value)?;
        let key = SealingKey::new(SealingKeyId::new(id), &bytes)
            .map_err(|SealError| self.vault.broken(entry, "it is no sealing key"))?;
        let key = Arc::new(key);
        self.cache.insert(of, Arc::clone(&key));
        Ok(key)
    }
}

impl SealingKey {
    /// Longer texts are refused, in bytes.
    pub const MAX_TEXT_BYTES: usize = 16 * 1_024;

    pub fn new(id: SealingKeyId, bytes: &[u8; 32]) -> Result<Self, SealError> {
        // HKDF-SHA-256 (RFC 5869) without salt: the key is random already.
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(bytes);
        let fingerprint = derived
            .expand(&[b"keyledger command fingerprint v1"], hkdf::HKDF_SHA256.hmac_algorithm())
            .map_err(|_| SealError)?
            .into();
        Ok(Self { id, key: AeadKey::new(bytes)?, fingerprint })
    }

    pub fn id(&self) -> SealingKeyId {
        self.id
    }

    /// Seals a text to its field.
    pub fn seal(
        &self,
        field: &SealedField,
        text: &str,
        random: &dyn Random,
    ) -> Result<SealedText, VaultError> {
        if text.len() > Self::MAX_TEXT_BYTES {
            return Err(VaultError::TextTooLong);
        }
        let sealed = self.key.seal(&field.associated_data(), text.as_bytes(), random);
        let sealed = sealed.map_err(|SealError| VaultError::TextTooLong)?;
        Ok(SealedText {
            key: self.id,
            nonce: SealedBytes(sealed.nonce.to_vec()),
            ciphertext: SealedBytes(sealed.ciphertext),
        })
    }

    pub fn open(&self, field: &SealedField, text: &SealedText) -> Result<Zeroizing<String>, SealError> {
        let clear = self.key.open(&field.associated_data(), &text.nonce.0, text.ciphertext.0.clone())?;
        std::str::from_utf8(&clear).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| SealError)
    }

    /// HMAC-SHA-256 of a command as the client sent it. Whoever hands it over leaves out what differs from one
    /// sending to the next: generated ids, secrets, times.
    pub fn fingerprint(&self, command: &[u8]) -> Fingerprint {
        let tag = hmac::sign(&self.fingerprint, command);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Fingerprint(bytes)
    }
}

/// `installation`, `organization.<id>` or `person.<id>`.
fn entry(of: Keyholder) -> String {
    match of {
        Keyholder::Owner(Owner::Installation) => "installation".to_owned(),
        Keyholder::Owner(Owner::Organization(id)) => format!("organization.{id}"),
        Keyholder::Person(id) => format!("person.{id}"),
    }
}

#[cfg(test)]
mod tests;
