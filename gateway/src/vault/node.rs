//! What a node needs to serve: the peppers, the keys of its identity tokens, the keys of its sessions. The first are drawn at
//! bootstrap, of which one wins when several run at once; the peppers lie in the control vault as well, since
//! keys are issued there.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use domain::key::secret::{ParsedKey, Pepper};
use events::clock::{Clock, Random, uuid_v7};
use events::digest::KeyDigest;
use events::{PepperId, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Purpose, Ring, Vault, VaultError};
use crate::current::Current;

/// All that a node's vault holds, the secret in use before the others.
#[derive(Debug)]
pub struct NodeSecrets {
    pub peppers: Peppers,
    pub identity: Ring<IdentityKey>,
    pub session: Ring<SessionKey>,
}

/// The active peppers: 1 to 3. A clone shares what it is told of others.
#[derive(Clone)]
pub struct Peppers(Arc<Current<Ring<Pepper>>>);

/// The Ed25519 key (RFC 8032) that signs identity tokens, and nothing else.
pub struct IdentityKey {
    kid: Uuid,
    pkcs8: Zeroizing<Vec<u8>>,
    public: [u8; 32],
}

/// The key under which clients' session ids are sealed.
pub struct SessionKey {
    id: Uuid,
    bytes: Zeroizing<[u8; 32]>,
}

pub(super) const PEPPERS: [&str; 3] = ["pepper.1", "pepper.2", "pepper.3"];
pub(super) const IDENTITY: [&str; 3] = ["identity.1", "identity.2", "identity.3"];
pub(super) const SESSION: [&str; 3] = ["session.1", "session.2", "session.3"];

impl NodeSecrets {
    /// Reads the node's vault.
    pub async fn load(vault: &Vault, now: Timestamp) -> Result<Self, VaultError> {
        Ok(Self {
            peppers: Peppers::load(vault, now).await?,
            identity: ring(vault, IDENTITY, Purpose::Identity, now, IdentityKey::of).await?,
            session: ring(vault, SESSION, Purpose::Session, now, SessionKey::of).await?,
        })
    }

    /// Which secrets these are, and in which order.
    pub fn ids(&self) -> Vec<Uuid> {
        let peppers = self.peppers.0.get();
        peppers.ids().chain(self.identity.ids()).chain(self.session.ids()).collect()
    }

    /// Draws what is missing into the control's and the node's vault, and reads it back. What is there stays,
    /// so a second run, also at the same time, comes to the same secrets.
    pub async fn create(
        control: &Vault,
        node: &Vault,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self, VaultError> {
        let [pepper, ..] = PEPPERS;
        let drawn = Secret::draw(clock, random);
        let chosen = control.get_or_create(pepper, Purpose::Pepper, &drawn, random).await?;
        if node.get_or_create(pepper, Purpose::Pepper, &chosen, random).await? != chosen {
            return Err(VaultError::Disagree { entry: pepper.to_owned() });
        }
        for (entry, purpose) in [(IDENTITY[0], Purpose::Identity), (SESSION[0], Purpose::Session)] {
            let drawn = Secret::draw(clock, random);
            node.get_or_create(entry, purpose, &drawn, random).await?;
        }
        Self::load(node, clock.now()).await
    }
}

/// The secrets of these entries.
pub(super) async fn ring<T>(
    vault: &Vault,
    entries: [&'static str; 3],
    purpose: Purpose,
    now: Timestamp,
    make: impl Fn(&Vault, &str, Secret) -> Result<T, VaultError>,
) -> Result<Ring<T>, VaultError> {
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(value) = vault.get(entry, purpose).await? {
            let secret = Secret::parse(vault, entry, &value)?;
            found.push((secret.id, make(vault, entry, secret)?));
        }
    }
    Ring::new(found, now).ok_or_else(|| vault.missing(entries[0]))
}

impl Peppers {
    /// Reads them from the node's or the control's vault.
    pub async fn load(vault: &Vault, now: Timestamp) -> Result<Self, VaultError> {
        let make =
            |_: &Vault, _: &str, Secret { id, bytes }: Secret| Ok(Pepper::new(PepperId::new(id), &bytes));
        let ring = ring(vault, PEPPERS, Purpose::Pepper, now, make).await?;
        Ok(Self(Arc::new(Current::new(ring))))
    }

    /// One pepper alone.
    pub fn one(pepper: Pepper) -> Self {
        Self(Arc::new(Current::new(Ring::one(pepper.id().uuid(), pepper))))
    }

    /// The one under which new keys are issued.
    pub fn issuing(&self) -> Pepper {
        self.0.with(|peppers| peppers.first().clone())
    }

    /// Takes what another has been read to be: so does every clone.
    pub fn take(&self, other: &Self) {
        self.0.set(Ring::clone(&other.0.get()));
    }

    /// What is found by the key's digest under one of the peppers, each of which the directory may know it under.
    pub fn find<T>(&self, key: &ParsedKey<'_>, by: impl FnMut(KeyDigest) -> Option<T>) -> Option<T> {
        self.0.with(|peppers| peppers.iter().map(|pepper| pepper.digest(key)).find_map(by))
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.get().ids()).finish()
    }
}

impl IdentityKey {
    /// The JWS `kid` (RFC 7515 §4.1.4).
    pub fn kid(&self) -> String {
        self.kid.to_string()
    }

    /// The private key as PKCS#8 version 1 (RFC 8410 §7).
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key: `x` of its JWK (RFC 8037 §2), before base64url.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    fn of(vault: &Vault, entry: &str, Secret { id: kid, bytes: seed }: Secret) -> Result<Self, VaultError> {
        Self::from_seed(kid, &seed).ok_or_else(|| vault.broken(entry, "it is no Ed25519 key"))
    }

    /// The key of a seed (RFC 8032 §5.1.5).
    pub fn from_seed(kid: Uuid, seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec());
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { kid, pkcs8, public })
    }
}

impl SessionKey {
    pub fn new(id: Uuid, bytes: [u8; 32]) -> Self {
        Self { id, bytes: Zeroizing::new(bytes) }
    }

    pub fn id(&self) -> Uuid {
        self.id
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn of(_: &Vault, _: &str, Secret { id, bytes }: Secret) -> Result<Self, VaultError> {
        Ok(Self { id, bytes })
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({})", self.kid)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({})", self.id)
    }
}

/// A value of ours in a vault: an id of 16 bytes, and 32 random bytes.
pub(super) struct Secret {
    pub(super) id: Uuid,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

impl Secret {
    pub(super) fn draw(clock: &dyn Clock, random: &dyn Random) -> Zeroizing<Vec<u8>> {
        let mut value = Zeroizing::new(vec![0; 48]);
        random.fill(&mut value[16..]);
        value[..16].copy_from_slice(uuid_v7(clock, random).as_bytes());
        value
    }

    pub(super) fn parse(vault: &Vault, entry: &str, value: &[u8]) -> Result<Self, VaultError> {
        let broken = || vault.broken(entry, "it is not an id and 32 bytes");
        let (id, bytes) = value.split_at_checked(16).ok_or_else(broken)?;
        Ok(Self {
            id: Uuid::from_slice(id).map_err(|_| broken())?,
            bytes: Zeroizing::new(bytes.try_into().map_err(|_| broken())?),
        })
    }
}

#[cfg(test)]
mod tests;
