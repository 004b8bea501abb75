//! Who signs what is written: an event that no writer of the installation signed is believed by nobody. Where the
//! private key lies, and which one signs now, is for whoever implements [`Writer`] to know.

use async_trait::async_trait;
use events::{Draft, Signed, SigningKey};

/// Signs events, right before they are appended.
#[async_trait]
pub trait Writer: Send + Sync + 'static {
    async fn sign(&self, draft: Draft) -> Result<Signed, SignError>;
}

/// Why an event was not signed. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("there is no key to sign events with: {0}")]
    NoKey(String),
    #[error("an event could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// One key alone, such as the one that a bootstrap draws.
#[async_trait]
impl Writer for SigningKey {
    async fn sign(&self, draft: Draft) -> Result<Signed, SignError> {
        Ok(draft.signed(self)?)
    }
}
