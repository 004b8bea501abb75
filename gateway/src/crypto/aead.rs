//! AES-256-GCM (NIST SP 800-38D) with nonces drawn at random: one key seals at most 2^32 values (§8.3).

pub use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use events::clock::Random;
use zeroize::Zeroizing;

/// A key that seals and opens.
pub struct AeadKey(LessSafeKey);

/// A sealed value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    pub nonce: [u8; NONCE_LEN],
    /// With the 16-byte tag at its end.
    pub ciphertext: Vec<u8>,
}

/// It does not open, or can't be sealed. Why is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seal is broken, or made for another place or key")]
pub struct SealError;

impl AeadKey {
    pub fn new(bytes: &[u8; 32]) -> Result<Self, SealError> {
        UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map(Self).map_err(|_| SealError)
    }

    /// Seals to a place: the value opens only with the same associated data.
    pub fn seal(&self, place: &[u8], value: &[u8], random: &dyn Random) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        // Room for the tag from the start: a vector that grows leaves the plain value behind.
        let mut sealed = Vec::with_capacity(value.len() + 16);
        sealed.extend_from_slice(value);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_| SealError)?;
        Ok(Sealed { nonce, ciphertext: sealed })
    }

    pub fn open(
        &self,
        place: &[u8],
        nonce: &[u8],
        ciphertext: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut value = Zeroizing::new(ciphertext);
        let length = self.open_in_place(place, nonce, &mut value)?.len();
        value.truncate(length);
        Ok(value)
    }

    /// The same where the ciphertext lies, at its beginning.
    pub fn open_in_place<'a>(
        &self,
        place: &[u8],
        nonce: &[u8],
        ciphertext: &'a mut [u8],
    ) -> Result<&'a mut [u8], SealError> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        self.0.open_in_place(nonce, Aad::from(place), ciphertext).map_err(|_| SealError)
    }
}

impl std::fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AeadKey(hidden)")
    }
}
