//! The secrets that sign what webhooks are sent (Standard Webhooks: `whsec_` and base64). Each has an id, which the log
//! tells; the secret itself lies in the people vault, which control writes and a worker reads. One is in the vault before
//! the event that names it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::SecretId;
use events::clock::Random;
use moka::sync::Cache;
use zeroize::Zeroizing;

use super::{Purpose, Vault, VaultError};

/// A bound on the secrets that a process holds in memory.
const CACHED: u64 = 10_000;
const CACHED_FOR: Duration = Duration::from_secs(60);

/// Secrets of webhooks, by id.
#[derive(Clone)]
pub struct WebhookSecrets {
    vault: Vault,
    cache: Cache<SecretId, Arc<WebhookSecret>>,
}

/// A secret of 32 bytes.
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecrets {
    pub fn new(vault: Vault) -> Self {
        let cache = Cache::builder().max_capacity(CACHED).time_to_live(CACHED_FOR).build();
        Self { vault, cache }
    }

    /// Draws the secret of this id and keeps it.
    pub async fn draw(&self, id: SecretId, random: &dyn Random) -> Result<WebhookSecret, VaultError> {
        let mut drawn = Zeroizing::new(vec![0; 32]);
        random.fill(&mut drawn);
        self.vault.get_or_create(&entry(id), Purpose::Webhook, &drawn, random).await.map(WebhookSecret)
    }

    /// `None`: there is none of this id any more.
    pub async fn get(&self, id: SecretId) -> Result<Option<Arc<WebhookSecret>>, VaultError> {
        if let Some(secret) = self.cache.get(&id) {
            return Ok(Some(secret));
        }
        let Some(value) = self.vault.get(&entry(id), Purpose::Webhook).await? else { return Ok(None) };
        let secret = Arc::new(WebhookSecret(value));
        self.cache.insert(id, Arc::clone(&secret));
        Ok(Some(secret))
    }

    /// Deletes a secret for ever.
    pub async fn purge(&self, id: SecretId) -> Result<(), VaultError> {
        self.cache.invalidate(&id);
        self.vault.purge(&entry(id)).await
    }
}

impl WebhookSecret {
    /// As its owner is shown it, once.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("whsec_{}", STANDARD.encode(&*self.0)))
    }

    /// `v1,` and the base64 of HMAC-SHA-256 over id, seconds since 1970 and body.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

fn entry(id: SecretId) -> String {
    format!("webhook.{id}")
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;
    use uuid::Uuid;

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn a_signature_is_the_specifications() {
        let secret =
            WebhookSecret(Zeroizing::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()));
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[tokio::test]
    async fn a_secret_is_drawn_kept_and_never_printed() {
        let (_, people) = vault(VaultName::People, 1);
        let secrets = WebhookSecrets::new(people);
        let id = SecretId::new(Uuid::from_u128(1));
        let drawn = secrets.draw(id, &SystemRandom).await.unwrap();
        assert!(drawn.expose().starts_with("whsec_"));
        assert_eq!(secrets.get(id).await.unwrap().unwrap().expose(), drawn.expose());
        assert!(!format!("{drawn:?}").contains(&drawn.expose()[6..]));
        secrets.purge(id).await.unwrap();
        assert!(secrets.get(id).await.unwrap().is_none());
    }
}
