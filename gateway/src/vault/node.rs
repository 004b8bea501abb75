//! What a node needs to serve: the peppers, the key of its identity tokens, the key of its sessions. Drawn at
//! bootstrap, of which one wins when several run at once; the peppers lie in the control vault as well, since
//! keys are issued there.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use domain::key::secret::{ParsedKey, Pepper};
use events::PepperId;
use events::clock::{Clock, Random, uuid_v7};
use events::digest::KeyDigest;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Purpose, Vault, VaultError};

/// All that a node's vault holds.
#[derive(Debug)]
pub struct NodeSecrets {
    pub peppers: Peppers,
    pub identity: IdentityKey,
    pub session: SessionKey,
}

/// The active peppers, newest first: 1 to 3.
#[derive(Clone, Debug)]
pub struct Peppers {
    newest: Pepper,
    older: Vec<Pepper>,
}

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

const PEPPERS: [&str; 3] = ["pepper.1", "pepper.2", "pepper.3"];
const IDENTITY: &str = "identity.1";
const SESSION: &str = "session.1";

impl NodeSecrets {
    /// Reads the node's vault.
    pub async fn load(vault: &Vault) -> Result<Self, VaultError> {
        let peppers = Peppers::load(vault).await?;
        let identity = vault.get(IDENTITY, Purpose::Identity).await?;
        let session = vault.get(SESSION, Purpose::Session).await?;
        let identity = identity.ok_or_else(|| vault.missing(IDENTITY))?;
        let session = session.ok_or_else(|| vault.missing(SESSION))?;
        Ok(Self {
            peppers,
            identity: IdentityKey::of(vault, &identity)?,
            session: SessionKey::of(vault, &session)?,
        })
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
        for (entry, purpose) in [(IDENTITY, Purpose::Identity), (SESSION, Purpose::Session)] {
            let drawn = Secret::draw(clock, random);
            node.get_or_create(entry, purpose, &drawn, random).await?;
        }
        Self::load(node).await
    }
}

impl Peppers {
    /// Reads them from the node's or the control's vault.
    pub async fn load(vault: &Vault) -> Result<Self, VaultError> {
        let mut peppers = Vec::with_capacity(PEPPERS.len());
        for entry in PEPPERS {
            if let Some(value) = vault.get(entry, Purpose::Pepper).await? {
                let Secret { id, bytes } = Secret::parse(vault, entry, &value)?;
                peppers.push(Pepper::new(PepperId::new(id), &bytes));
            }
        }
        // Their ids are UUIDs of version 7: the order of their drawing.
        peppers.sort_by_key(|pepper| std::cmp::Reverse(pepper.id()));
        let mut peppers = peppers.into_iter();
        let newest = peppers.next().ok_or_else(|| vault.missing(PEPPERS[0]))?;
        Ok(Self { newest, older: peppers.collect() })
    }

    /// One pepper alone.
    pub fn one(pepper: Pepper) -> Self {
        Self { newest: pepper, older: Vec::new() }
    }

    /// The one under which new keys are issued.
    pub fn newest(&self) -> &Pepper {
        &self.newest
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Pepper> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// The key's digest under each pepper, newest first: those under which the directory may know it.
    pub fn digests<'a>(&'a self, key: &'a ParsedKey<'_>) -> impl Iterator<Item = KeyDigest> + 'a {
        self.iter().map(|pepper| pepper.digest(key))
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

    fn of(vault: &Vault, value: &[u8]) -> Result<Self, VaultError> {
        let Secret { id: kid, bytes: seed } = Secret::parse(vault, IDENTITY, value)?;
        Self::from_seed(kid, &seed).ok_or_else(|| vault.broken(IDENTITY, "it is no Ed25519 key"))
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

    fn of(vault: &Vault, value: &[u8]) -> Result<Self, VaultError> {
        let Secret { id, bytes } = Secret::parse(vault, SESSION, value)?;
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
