//! The keys that sign access tokens: published, used, followed by the next and retired. Each control does so by itself: what
//! another has done already stays so.
//!
//! A key is published before it is used, so that every node knows it when the first token of it comes. It signs until the
//! one that follows it does, and is retired once the last token that it signed has ended: nothing valid is refused
//! meanwhile.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::{Authority, Installation, installation};
use events::clock::Clock;
use events::installation::TokenKeyPublished;
use events::token_key::TokenAlgorithm;
use events::{Actor, InstallationId, Owner, Timestamp, TokenKeyId};
use moka::sync::Cache;
use projections::directory::{Directory, TokenKeyEntry, TokenKeyState};
use tokio_util::sync::CancellationToken;

use crate::access_token::Signer;
use crate::command::{Commands, Failed, Object, Sender, Wanted};
use crate::vault::{Vault, VaultError, token_key};

/// So long before its use a key is published: longer than any node that serves may be behind.
pub const AHEAD: Duration = Duration::from_secs(300);
/// So long after another one has begun to sign, a key is retired: longer than any token of it lives, and than a control that
/// knows nothing of the other goes on signing with it.
pub const OVERLAP: Duration = Duration::from_secs(3_900);
/// At this age a key is followed by the next.
pub const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3_600);
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the keys are kept with. Cheap to clone.
#[derive(Clone)]
pub struct TokenKeys {
    commands: Commands,
    directory: Arc<Directory>,
    /// Where their private halves lie.
    control: Vault,
    clock: Arc<dyn Clock>,
    random: Arc<dyn events::clock::Random>,
    signers: Cache<TokenKeyId, Arc<Signer>>,
}

/// Why no key signs now.
#[derive(Debug, thiserror::Error)]
pub enum NoTokenKey {
    #[error("no key signs access tokens yet")]
    None,
    #[error("the private half of the key {0} is not in the control vault")]
    Lost(TokenKeyId),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Why a key was not published, or not retired.
pub type Refused = Failed<installation::Refusal, Infallible>;

/// It asks for itself.
struct Itself;

impl Sender for Itself {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        Actor::token_keys()
    }

    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(Authority::Whole)
    }
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    /// The key that follows the newest.
    Next,
    Retire(TokenKeyId),
}

/// Of all keys that were published, in their order.
fn due(keys: &[Arc<TokenKeyEntry>], now: Timestamp) -> Vec<Due> {
    let live: Vec<_> = keys.iter().filter(|key| key.state == TokenKeyState::Published).collect();
    let Some((newest, before)) = live.split_last() else { return vec![] };
    let is_past = |from, span| now.since(from) >= span;
    if before.is_empty() {
        return if is_past(newest.used_from, MAX_AGE) { vec![Due::Next] } else { vec![] };
    }
    if !is_past(newest.used_from, OVERLAP) {
        return vec![];
    }
    before.iter().map(|key| Due::Retire(key.id)).collect()
}

impl TokenKeys {
    pub fn new(
        commands: Commands,
        directory: Arc<Directory>,
        control: Vault,
        clock: Arc<dyn Clock>,
        random: Arc<dyn events::clock::Random>,
    ) -> Self {
        Self { commands, directory, control, clock, random, signers: Cache::new(4) }
    }

    /// What signs an access token now.
    pub async fn signer(&self) -> Result<Arc<Signer>, NoTokenKey> {
        let entry = self.directory.token_key_at(self.clock.now()).ok_or(NoTokenKey::None)?;
        if let Some(signer) = self.signers.get(&entry.id) {
            return Ok(signer);
        }
        let key = token_key::load(&self.control, entry.id).await?.ok_or(NoTokenKey::Lost(entry.id))?;
        let signer = Arc::new(Signer::new(&key.pkcs8, entry.id.to_string()));
        self.signers.insert(entry.id, Arc::clone(&signer));
        Ok(signer)
    }

    /// Publishes the first key of all, where there is none: when somebody begins to sign in, which takes longer than the log
    /// takes to tell of it. An installation where nobody does has no such key.
    pub async fn ensure(&self) -> Result<(), Refused> {
        let keys = self.directory.token_keys();
        if keys.iter().any(|key| key.state == TokenKeyState::Published) {
            return Ok(());
        }
        self.publish(Duration::ZERO).await
    }

    /// Until cancelled: publishes the next key when one is old enough, and retires those that others follow.
    pub async fn run(self, cancel: CancellationToken) {
        let mut gone = HashSet::new();
        loop {
            if cancel.run_until_cancelled(self.look(&mut gone)).await.is_none()
                || cancel.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none()
            {
                return;
            }
        }
    }

    async fn look(&self, gone: &mut HashSet<TokenKeyId>) {
        // Before the installation is known nothing is.
        if self.installation().is_none() {
            return;
        }
        let keys = self.directory.token_keys();
        for due in due(&keys, self.clock.now()) {
            let done = match due {
                Due::Next => self.publish(AHEAD).await,
                Due::Retire(id) => self.retire(id).await,
            };
            match done {
                Ok(()) => tracing::info!(?due, "keys that sign access tokens"),
                Err(error) => tracing::warn!(?due, %error, "keys that sign access tokens; trying again"),
            }
        }
        for key in keys.iter().filter(|key| key.state == TokenKeyState::Retired) {
            if !gone.contains(&key.id) {
                match token_key::purge(&self.control, key.id).await {
                    Ok(()) => drop(gone.insert(key.id)),
                    Err(error) => {
                        tracing::warn!(id = %key.id, %error, "a retired key's private half could not be deleted");
                    }
                }
            }
        }
    }

    fn installation(&self) -> Option<Object> {
        let subject = self.directory.signers().now().installation()?.clone();
        let id = InstallationId::try_from(&subject.aggregate_id).ok()?.uuid();
        Some(Object { id, subject, keyholder: Owner::Installation.into(), ids: vec![] })
    }

    /// Publishes a further key, which signs once so much time is over.
    async fn publish(&self, ahead: Duration) -> Result<(), Refused> {
        let key = token_key::draw(&self.control, &*self.clock, &*self.random).await?;
        let used_from = self.clock.now().saturating_add(ahead);
        let published =
            TokenKeyPublished { id: key.id, algorithm: TokenAlgorithm::Es256, x: key.x, y: key.y, used_from };
        let command = installation::Command::PublishTokenKey(published);
        let done = self.carry_out("token_keys.publish", command).await;
        // Where the outcome is not known it stays: the log may tell of it yet.
        if let Err(Failed::Command(domain::CommandError::Refused(_))) = &done {
            token_key::purge(&self.control, key.id).await?;
        }
        done
    }

    async fn retire(&self, id: TokenKeyId) -> Result<(), Refused> {
        self.carry_out("token_keys.retire", installation::Command::RetireTokenKey { id }).await
    }

    async fn carry_out(
        &self,
        operation: &'static str,
        command: installation::Command,
    ) -> Result<(), Refused> {
        let object = self.installation().ok_or(Failed::NoOwner)?;
        let wanted = Wanted { operation, request: &(), idempotency_key: None };
        let order = self.commands.change::<Installation, _, _>(Itself, object, wanted).await?;
        order.carry_out(command).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use events::token_key::Coordinate;
    use uuid::Uuid;

    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(second))
    }

    fn key(number: u8, used_from: u64, state: TokenKeyState) -> Arc<TokenKeyEntry> {
        Arc::new(TokenKeyEntry {
            id: id(number),
            algorithm: TokenAlgorithm::Es256,
            x: Coordinate([number; 32]),
            y: Coordinate([number; 32]),
            used_from: at(used_from),
            state,
            published: number.into(),
            generation: number.into(),
        })
    }

    fn id(number: u8) -> TokenKeyId {
        TokenKeyId::new(Uuid::from_u128(number.into()))
    }

    #[test]
    fn a_key_is_followed_at_its_age_and_retired_once_its_last_token_has_ended() {
        let (published, retired) = (TokenKeyState::Published, TokenKeyState::Retired);
        let age = MAX_AGE.as_secs();
        assert_eq!(due(&[], at(0)), [], "the first is published when somebody signs in");
        let first = key(1, 10, published);
        assert_eq!(due(&[Arc::clone(&first)], at(9 + age)), []);
        assert_eq!(due(&[Arc::clone(&first)], at(10 + age)), [Due::Next]);
        let used = 10 + age + AHEAD.as_secs();
        let both = [first, key(2, used, published)];
        assert_eq!(due(&both, at(used - 1)), [], "the next is not used yet");
        assert_eq!(due(&both, at(used + OVERLAP.as_secs() - 1)), []);
        assert_eq!(due(&both, at(used + OVERLAP.as_secs())), [Due::Retire(id(1))]);
        assert_eq!(due(&[key(1, 10, retired), key(2, used, published)], at(used + OVERLAP.as_secs())), []);
    }
}
