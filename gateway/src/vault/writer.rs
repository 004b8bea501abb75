//! Signs events with the key that the log says signs now, whose private half lies in the control vault. Every control
//! signs with the same key; one that was published a moment ago is fetched when the log tells of it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::{SignError, Writer};
use events::log::Log;
use events::{Draft, Signed, SignerKey, SignerPurpose, Signers, SigningKey};

use super::{Vault, signer};

pub struct VaultWriter {
    control: Vault,
    log: Arc<dyn Log>,
    signers: Arc<Signers>,
    /// The key that it signed with last.
    held: Mutex<Option<Arc<SigningKey>>>,
}

impl VaultWriter {
    /// `signers` follow the log, or catch up with it when they know no key.
    pub fn new(control: Vault, log: Arc<dyn Log>, signers: Arc<Signers>) -> Self {
        Self { control, log, signers, held: Mutex::new(None) }
    }

    async fn key(&self) -> Result<Arc<SigningKey>, SignError> {
        let newest = self.newest().await?;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held.filter(|held| held.id() == newest.id) {
            return Ok(held);
        }
        let no_key = |reason: String| SignError::NoKey(reason);
        let loaded = signer::load(&self.control, SignerPurpose::Writer, newest.id).await;
        let key = loaded.map_err(|error| no_key(error.to_string()))?.ok_or_else(|| {
            no_key(format!(
                "the control vault has no private half of {}, which the log says signs now: restore the vault and \
                 the log from one backup",
                newest.id
            ))
        })?;
        if key.public() != newest {
            return Err(no_key(format!("the control vault holds another key under {}", newest.id)));
        }
        let key = Arc::new(key);
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&key));
        Ok(key)
    }

    async fn newest(&self) -> Result<SignerKey, SignError> {
        let newest = || self.signers.now().newest(SignerPurpose::Writer).map(|signer| signer.key);
        if let Some(newest) = newest() {
            return Ok(newest);
        }
        let caught_up = self.signers.catch_up(&*self.log).await;
        caught_up.map_err(|error| SignError::NoKey(error.to_string()))?;
        newest().ok_or_else(|| SignError::NoKey("the log has published none".to_owned()))
    }
}

#[async_trait]
impl Writer for VaultWriter {
    async fn sign(&self, draft: Draft) -> Result<Signed, SignError> {
        Ok(draft.signed(&*self.key().await?)?)
    }
}
