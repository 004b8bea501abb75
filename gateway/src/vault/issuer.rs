//! With what the gateway shows issuers who it is: client secrets, and private keys with their certificates. They lie in
//! control's vault, each under the id that the log tells, and are there before the event that names them.

use std::fmt;

use events::SecretId;
use events::clock::Random;
use zeroize::Zeroizing;

use super::{Purpose, Vault, VaultError};

/// Credentials of issuers, by id.
#[derive(Clone)]
pub struct IssuerCredentials(Vault);

/// A client secret, or PEM of a private key and its certificate.
pub struct IssuerCredential(Zeroizing<String>);

impl IssuerCredential {
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IssuerCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuerCredential")
    }
}

impl IssuerCredentials {
    /// Of control's vault.
    pub fn new(control: Vault) -> Self {
        Self(control)
    }

    /// Keeps a credential under a new id.
    pub async fn keep(
        &self,
        id: SecretId,
        credential: &IssuerCredential,
        random: &dyn Random,
    ) -> Result<(), VaultError> {
        self.0.replace(&entry(id), Purpose::Issuer, credential.expose().as_bytes(), random).await
    }

    /// `None`: there is none of this id any more.
    pub async fn get(&self, id: SecretId) -> Result<Option<IssuerCredential>, VaultError> {
        let Some(value) = self.0.get(&entry(id), Purpose::Issuer).await? else { return Ok(None) };
        let text = std::str::from_utf8(&value).map_err(|_| self.0.broken(&entry(id), "it is no text"))?;
        Ok(Some(IssuerCredential(Zeroizing::new(text.to_owned()))))
    }

    /// Deletes a credential for ever.
    pub async fn purge(&self, id: SecretId) -> Result<(), VaultError> {
        self.0.purge(&entry(id)).await
    }
}

fn entry(id: SecretId) -> String {
    format!("issuer.{id}")
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;
    use uuid::Uuid;

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    #[tokio::test]
    async fn a_credential_is_kept_purged_and_never_printed() {
        let (_, control) = vault(VaultName::Control, 1);
        let credentials = IssuerCredentials::new(control);
        let id = SecretId::new(Uuid::from_u128(1));
        let kept = IssuerCredential::new(Zeroizing::new("a secret".to_owned()));
        assert!(!format!("{kept:?}").contains("secret"));
        credentials.keep(id, &kept, &SystemRandom).await.unwrap();
        assert_eq!(credentials.get(id).await.unwrap().unwrap().expose(), "a secret");
        credentials.purge(id).await.unwrap();
        assert!(credentials.get(id).await.unwrap().is_none());
    }
}
