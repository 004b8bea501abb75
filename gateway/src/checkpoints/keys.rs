//! Which key signs checkpoints: the one that the log says, whose private half lies in the control vault.

use std::sync::Arc;

use async_trait::async_trait;
use events::log::Log;
use events::tlog::{Signer, Usage, VerifierKey};
use events::{SignerPurpose, Signers};

use super::error::KeeperError;
use super::keeper::Keys;
use crate::vault::{Vault, signer};

/// Keys as the log publishes them.
pub struct LogKeys {
    pub control: Vault,
    /// Follows the log, or catches up with it where it knows no key.
    pub signers: Arc<Signers>,
}

#[async_trait]
impl Keys for LogKeys {
    async fn keys(&self, origin: &str, log: &dyn Log) -> Result<(Signer, Vec<VerifierKey>), KeeperError> {
        if self.signers.now().newest(SignerPurpose::Checkpoint).is_none() {
            self.signers.catch_up(log).await?;
        }
        let now = self.signers.now();
        let newest = now.newest(SignerPurpose::Checkpoint).ok_or_else(|| {
            KeeperError::Unavailable("the log has published no key that signs checkpoints".to_owned())
        })?;
        let id = newest.key.id;
        let key = signer::load(&self.control, SignerPurpose::Checkpoint, id).await?.ok_or_else(|| {
            KeeperError::Unavailable(format!(
                "the control vault has no private half of {id}, which the log says signs checkpoints now"
            ))
        })?;
        let named = |error: events::tlog::KeyError| KeeperError::Unavailable(error.to_string());
        let verifiers = now.all().iter().filter(|signer| signer.purpose == SignerPurpose::Checkpoint);
        let verifiers: Result<_, _> =
            verifiers.map(|signer| VerifierKey::new(origin, Usage::Note, signer.key.public.0)).collect();
        Ok((Signer::new(origin, key).map_err(named)?, verifiers.map_err(named)?))
    }

    fn signers(&self) -> &Arc<Signers> {
        &self.signers
    }
}
