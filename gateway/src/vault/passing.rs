//! The key of what passes at the authorization server (`KL_OAUTH`): it names entries so that who reads the bucket finds
//! no code or cookie, seals their values, and proves what clients and browsers bring back. In the control vault, drawn
//! when there is none. Up to three count: what began under one goes on under it until it ends (decision 0027).

use std::sync::Arc;

use aws_lc_rs::{hkdf, hmac};
use events::Timestamp;
use events::clock::{Clock, Random};
use events::parts;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::node::{Secret, ring};
use super::{Purpose, Ring, Vault, VaultError};
use crate::crypto::aead::{AeadKey, NONCE_LEN, SealError};
use crate::current::Current;

/// The first was the only one once.
pub(super) const PASSING: [&str; 3] = ["passing", "passing.2", "passing.3"];

/// The keys that count: 1 to 3. A clone shares what it is told of others.
#[derive(Clone)]
pub struct PassingKeys(Arc<Current<Ring<Arc<PassingKey>>>>);

impl PassingKeys {
    /// Of several who draw at once one wins, and all have the winner's.
    pub async fn load_or_draw(
        control: &Vault,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self, VaultError> {
        match Self::load(control, clock.now()).await {
            Err(VaultError::Missing { .. }) => {
                let [first, ..] = PASSING;
                let drawn = Secret::draw(clock, random);
                control.get_or_create(first, Purpose::Passing, &drawn, random).await?;
                Self::load(control, clock.now()).await
            }
            loaded => loaded,
        }
    }

    pub async fn load(control: &Vault, now: Timestamp) -> Result<Self, VaultError> {
        let make = |vault: &Vault, entry: &str, Secret { bytes, .. }: Secret| {
            let key = PassingKey::new(&bytes).map_err(|SealError| vault.broken(entry, "it is no key"))?;
            Ok(Arc::new(key))
        };
        let ring = ring(control, PASSING, Purpose::Passing, now, make).await?;
        Ok(Self(Arc::new(Current::new(ring))))
    }

    /// One key alone.
    pub fn one(key: PassingKey) -> Self {
        Self::of(Ring::one(Uuid::nil(), Arc::new(key)))
    }

    pub fn of(keys: Ring<Arc<PassingKey>>) -> Self {
        Self(Arc::new(Current::new(keys)))
    }

    /// Takes what another has been read to be: so does every clone.
    pub fn take(&self, other: &Self) {
        self.0.set(Ring::clone(&other.0.get()));
    }

    /// Under which what begins now lies.
    pub fn used(&self) -> Arc<PassingKey> {
        self.0.with(|keys| Arc::clone(keys.first()))
    }

    /// The one that is used first.
    pub fn all(&self) -> Vec<Arc<PassingKey>> {
        self.0.with(|keys| keys.iter().cloned().collect())
    }
}

pub struct PassingKey {
    seals: AeadKey,
    names: hmac::Key,
    proves: hmac::Key,
}

impl PassingKey {
    pub fn new(bytes: &[u8; 32]) -> Result<Self, SealError> {
        // HKDF-SHA-256 (RFC 5869) without salt: the key is random already. One key for each use.
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(bytes);
        let derive = |info: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            let length = hkdf::HKDF_SHA256;
            derived.expand(&[info], length).and_then(|okm| okm.fill(&mut *key)).map_err(|_| SealError)?;
            Ok(key)
        };
        Ok(Self {
            seals: AeadKey::new(&*derive(b"keyledger passing seal v1")?)?,
            names: hmac::Key::new(hmac::HMAC_SHA256, &*derive(b"keyledger passing names v1")?),
            proves: hmac::Key::new(hmac::HMAC_SHA256, &*derive(b"keyledger passing proofs v1")?),
        })
    }

    /// An entry's name: nobody finds what it was made of.
    pub fn name(&self, kind: &str, secret: &str) -> String {
        use std::fmt::Write as _;
        let tag = hmac::sign(&self.names, &parts::joined([kind.as_bytes(), secret.as_bytes()]));
        let mut name = format!("{kind}.");
        for byte in tag.as_ref() {
            // Writing into a String can't fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    /// A proof that these parts, in this order, were ours for this use.
    pub fn prove<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let tag = hmac::sign(&self.proves, &parts::joined(parts));
        let mut proof = [0; 32];
        proof.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        proof
    }

    /// Nonce, then ciphertext; it opens at the same entry alone.
    pub fn seal(&self, entry: &str, value: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
        let sealed = self.seals.seal(entry.as_bytes(), value, random)?;
        Ok([sealed.nonce.as_slice(), &sealed.ciphertext].concat())
    }

    pub fn open(&self, entry: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        self.seals.open(entry.as_bytes(), nonce, ciphertext.to_vec())
    }
}

impl std::fmt::Debug for PassingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.get().ids()).finish()
    }
}

impl std::fmt::Debug for PassingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassingKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use events::clock::{SystemClock, SystemRandom};

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    #[tokio::test]
    async fn all_who_load_it_have_the_same_key() {
        let (_, control) = vault(VaultName::Control, 1);
        let load = || PassingKeys::load_or_draw(&control, &SystemClock, &SystemRandom);
        let (one, other) = (load().await.unwrap().used(), load().await.unwrap().used());
        assert_eq!(one.name("code", "x"), other.name("code", "x"));
        let sealed = one.seal("code.1", b"value", &SystemRandom).unwrap();
        assert_eq!(other.open("code.1", &sealed).unwrap().as_slice(), b"value");
        // A value that was moved, cut or changed opens nowhere.
        assert!(other.open("code.2", &sealed).is_err());
        assert!(other.open("code.1", &sealed[..NONCE_LEN]).is_err());
        assert!(other.open("code.1", &[]).is_err());
    }

    #[test]
    fn a_name_is_of_one_kind_and_one_secret() {
        let key = PassingKey::new(&[7; 32]).unwrap();
        let name = key.name("code", "abc");
        assert!(name.starts_with("code.") && name.len() == "code.".len() + 64 && !name.contains("abc"));
        assert_ne!(
            name.trim_start_matches("code."),
            key.name("session", "abc").trim_start_matches("session.")
        );
        assert_ne!(key.prove([b"a".as_slice(), b"bc"]), key.prove([b"ab".as_slice(), b"c"]));
    }
}
