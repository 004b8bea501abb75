//! Opens texts for the read models.

use async_trait::async_trait;
use events::SealedText;
use events::sealed::SealedField;
use projections::postgres::text::{Unseal, UnsealError};

use super::VaultError;
use super::sealing::SealingKeys;

#[async_trait]
impl Unseal for SealingKeys {
    async fn open(&self, field: &SealedField, text: &SealedText) -> Result<Option<String>, UnsealError> {
        match SealingKeys::open(self, field, text).await {
            Ok(text) => Ok(text.map(|text| text.as_str().to_owned())),
            Err(error @ VaultError::Text { .. }) => Err(UnsealError::Damaged(error.to_string())),
            // A key that does not open says nothing of the text: the master key file may be the wrong one.
            Err(
                error @ (VaultError::Unavailable { .. }
                | VaultError::Sealed { .. }
                | VaultError::OtherKey { .. }
                | VaultError::Missing { .. }
                | VaultError::Disagree { .. }
                | VaultError::TextTooLong),
            ) => Err(UnsealError::Unavailable(error.to_string())),
        }
    }
}
