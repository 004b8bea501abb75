//! The private keys that sign access tokens (ES256, RFC 7518 §3.4). They lie in the control vault, each under its id; the
//! log publishes their public halves, and says which of them sign from when on. So a key is in the vault before its
//! publication is in the log, and every control finds it there.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use events::TokenKeyId;
use events::clock::{Clock, Random};
use events::token_key::Coordinate;
use zeroize::Zeroizing;

use super::node::Secret;
use super::{Purpose, Vault, VaultError};

/// One key with its private half.
pub struct PrivateTokenKey {
    pub id: TokenKeyId,
    /// The public point.
    pub x: Coordinate,
    pub y: Coordinate,
    /// The private key (RFC 5958).
    pub pkcs8: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for PrivateTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateTokenKey({})", self.id)
    }
}

/// `token.<id>`
fn entry(id: TokenKeyId) -> String {
    format!("token.{id}")
}

/// A new key, of which no token is taken before the log has published it.
pub async fn draw(
    control: &Vault,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<PrivateTokenKey, VaultError> {
    let drawn = Secret::draw(clock, random);
    let Secret { id, .. } = Secret::parse(control, "token", &drawn)?;
    let entry = entry(TokenKeyId::new(id));
    // One number in 2^32 is no key: that is told, and the next call draws another.
    of(control, &entry, &drawn)?;
    let value = control.get_or_create(&entry, Purpose::Token, &drawn, random).await?;
    of(control, &entry, &value)
}

/// The key of this id; `None`: the vault has none.
pub async fn load(control: &Vault, id: TokenKeyId) -> Result<Option<PrivateTokenKey>, VaultError> {
    let entry = entry(id);
    match control.get(&entry, Purpose::Token).await? {
        Some(value) => of(control, &entry, &value).map(Some),
        None => Ok(None),
    }
}

/// Deletes a private key for ever: it signs nothing any more.
pub async fn purge(control: &Vault, id: TokenKeyId) -> Result<(), VaultError> {
    control.purge(&entry(id)).await
}

fn of(control: &Vault, entry: &str, value: &[u8]) -> Result<PrivateTokenKey, VaultError> {
    let Secret { id, bytes } = Secret::parse(control, entry, value)?;
    let broken = || control.broken(entry, "it is no key on P-256");
    let private = PrivateKey::from_private_key(&ECDH_P256, &*bytes).map_err(|_| broken())?;
    let public = private.compute_public_key().map_err(|_| broken())?;
    // An uncompressed point (SEC 1 §2.3.3).
    let point: &[u8; 65] = public.as_ref().try_into().map_err(|_| broken())?;
    let (_, coordinates) = point.split_at(1);
    let (x, y) = coordinates.split_at(32);
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        &*bytes,
        public.as_ref(),
    );
    let pkcs8 = pair.map_err(|_| broken())?.to_pkcs8v1().map_err(|_| broken())?;
    Ok(PrivateTokenKey {
        id: TokenKeyId::new(id),
        x: Coordinate(x.try_into().map_err(|_| broken())?),
        y: Coordinate(y.try_into().map_err(|_| broken())?),
        pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom as Chance;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use events::clock::{SystemClock, SystemRandom};

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    #[tokio::test]
    async fn what_its_private_half_signs_its_public_half_verifies() {
        let (_, control) = vault(VaultName::Control, 1);
        let drawn = draw(&control, &SystemClock, &SystemRandom).await.unwrap();
        let found = load(&control, drawn.id).await.unwrap().unwrap();
        assert_eq!((found.x, found.y), (drawn.x, drawn.y));
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &found.pkcs8).unwrap();
        let signature = pair.sign(&Chance::new(), b"a token").unwrap();
        let point = [&[4], drawn.x.0.as_slice(), &drawn.y.0].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(b"a token", signature.as_ref())
            .unwrap();
        purge(&control, drawn.id).await.unwrap();
        assert!(load(&control, drawn.id).await.unwrap().is_none());
    }
}
