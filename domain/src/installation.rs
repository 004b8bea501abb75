//! The installation: it exists from its bootstrap on, once and for ever. It publishes the keys that sign.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::installation::{
    Bootstrapped, InstallationEvent, Recovered, SignerPublished, SignerRetired, TokenKeyPublished,
    TokenKeyRetired,
};
use events::{KeyId, PepperId, SignerId, SignerKey, SignerPurpose, Timestamp, TokenKeyId};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Installation {
    #[default]
    Unknown,
    Bootstrapped {
        /// The admin key that the last bootstrap or recovery let in.
        admin_key: KeyId,
        pepper: PepperId,
        /// Every key that was published, oldest first.
        signers: Vec<Signer>,
        /// Every key that was published to sign tokens, oldest first.
        token_keys: Vec<TokenKey>,
    },
}

/// A key that signs access tokens, or did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenKey {
    pub id: TokenKeyId,
    pub used_from: Timestamp,
    pub retired: bool,
}

/// A key that signs, or did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signer {
    pub purpose: SignerPurpose,
    pub key: SignerKey,
    pub retired: bool,
}

impl Installation {
    pub fn signers(&self) -> &[Signer] {
        match self {
            Self::Unknown => &[],
            Self::Bootstrapped { signers, .. } => signers,
        }
    }

    /// The newest key of a purpose that is not retired.
    pub fn newest(&self, purpose: SignerPurpose) -> Option<&Signer> {
        self.signers().iter().rev().find(|signer| signer.purpose == purpose && !signer.retired)
    }

    pub fn token_keys(&self) -> &[TokenKey] {
        match self {
            Self::Unknown => &[],
            Self::Bootstrapped { token_keys, .. } => token_keys,
        }
    }

    /// The newest key for tokens that is not retired.
    pub fn newest_token_key(&self) -> Option<&TokenKey> {
        self.token_keys().iter().rev().find(|key| !key.retired)
    }

    fn token_key(&self, id: TokenKeyId) -> Option<&TokenKey> {
        self.token_keys().iter().find(|key| key.id == id)
    }

    fn signer(&self, id: SignerId) -> Option<&Signer> {
        self.signers().iter().find(|signer| signer.key.id == id)
    }

    fn applied(&mut self, event: &InstallationEvent) {
        match event {
            InstallationEvent::Bootstrapped(Bootstrapped { admin_key, pepper, writer, checkpoint }) => {
                let first = [(SignerPurpose::Writer, writer), (SignerPurpose::Checkpoint, checkpoint)];
                let first = first.map(|(purpose, key)| Signer { purpose, key: *key, retired: false });
                *self = Self::Bootstrapped {
                    admin_key: *admin_key,
                    pepper: *pepper,
                    signers: first.to_vec(),
                    token_keys: Vec::new(),
                };
            }
            InstallationEvent::Recovered(Recovered { admin_key: new }) => {
                if let Self::Bootstrapped { admin_key, .. } = self {
                    *admin_key = *new;
                }
            }
            InstallationEvent::SignerPublished(SignerPublished { purpose, key }) => {
                if let Self::Bootstrapped { signers, .. } = self {
                    signers.push(Signer { purpose: *purpose, key: *key, retired: false });
                }
            }
            InstallationEvent::TokenKeyPublished(TokenKeyPublished { id, used_from, .. }) => {
                if let Self::Bootstrapped { token_keys, .. } = self {
                    token_keys.push(TokenKey { id: *id, used_from: *used_from, retired: false });
                }
            }
            InstallationEvent::TokenKeyRetired(TokenKeyRetired { id }) => {
                if let Self::Bootstrapped { token_keys, .. } = self {
                    let named = token_keys.iter_mut().filter(|key| key.id == *id);
                    named.for_each(|key| key.retired = true);
                }
            }
            // The log goes on as it is.
            InstallationEvent::LossAccepted(_) => {}
            InstallationEvent::SignerRetired(SignerRetired { purpose, id }) => {
                if let Self::Bootstrapped { signers, .. } = self {
                    let named = signers.iter_mut().filter(|it| it.key.id == *id && it.purpose == *purpose);
                    named.for_each(|signer| signer.retired = true);
                }
            }
        }
    }
}
