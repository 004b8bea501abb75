//! Retires a key that signs once another one has followed it for long enough, and deletes its private half. Each control
//! does so by itself: a key that is retired already stays so, whoever comes second.
//!
//! A control signs with the newest key that it knows of, and knows of one when its directory has come to the event. What
//! it signed with the one before may still be on its way to the log then. An event that comes after its key's
//! retirement would be believed by nobody and would close its object for ever, so the wait is far longer than any
//! append takes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Authority, Installation, installation};
use events::clock::Clock;
use events::signers::PublishedSigner;
use events::{Actor, InstallationId, Owner, SignerId, SignerPurpose, SignerSet, Subject};
use projections::directory::Directory;
use tokio_util::sync::CancellationToken;

use crate::command::{Commands, Object, Sender, Wanted};
use crate::vault::{Vault, signer};

/// How long a key is believed beside the one that follows it.
pub const OVERLAP: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What keys are retired with.
pub struct Retiring {
    pub commands: Commands,
    pub directory: Arc<Directory>,
    /// Where their private halves lie.
    pub control: Vault,
    pub clock: Arc<dyn Clock>,
    pub overlap: Duration,
}

/// It asks for itself.
struct Itself;

impl Sender for Itself {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        Actor::signers()
    }

    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(Authority::Whole)
    }
}

/// Keys that others follow, each with since when this process knows so, and those whose private halves are gone.
#[derive(Default)]
struct Known {
    followed: HashMap<SignerId, Instant>,
    gone: Vec<SignerId>,
}

impl Known {
    /// Those that were followed for long enough.
    fn due(&mut self, set: &SignerSet, now: Instant, overlap: Duration) -> Vec<PublishedSigner> {
        let old = |signer: &&PublishedSigner| {
            let newest = set.newest(signer.purpose);
            signer.retired.is_none() && newest.is_some_and(|newest| newest.key.id != signer.key.id)
        };
        let old: Vec<_> = set.all().iter().filter(old).copied().collect();
        let due = old.into_iter().filter(|signer| {
            let since = *self.followed.entry(signer.key.id).or_insert(now);
            now.saturating_duration_since(since) >= overlap
        });
        due.collect()
    }
}

impl Retiring {
    /// Until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let mut known = Known::default();
        let every = LOOK_EVERY.min(self.overlap);
        while cancel.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            if cancel.run_until_cancelled(self.look(&mut known)).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self, known: &mut Known) {
        let set = self.directory.signers().now();
        let Some(installation) = set.installation() else { return };
        for signer in known.due(&set, self.clock.instant(), self.overlap) {
            self.retire(installation, &signer).await;
        }
        for signer in set.all().iter().filter(|signer| signer.retired.is_some()) {
            let (purpose, id) = (signer.purpose, signer.key.id);
            if !known.gone.contains(&id) && self.forget(purpose, id).await {
                known.gone.push(id);
            }
        }
    }

    async fn retire(&self, installation: &Subject, signer: &PublishedSigner) {
        let Ok(id) = InstallationId::try_from(&installation.aggregate_id) else { return };
        let object = Object {
            id: id.uuid(),
            subject: installation.clone(),
            keyholder: Owner::Installation.into(),
            ids: vec![signer.key.id.to_string()],
        };
        let wanted = Wanted { operation: "signers.retire", request: &(), idempotency_key: None };
        let command = installation::Command::RetireSigner { id: signer.key.id };
        let done = match self.commands.change::<Installation, _, _>(Itself, object, wanted).await {
            Ok(order) => order.carry_out(command).await,
            Err(failed) => Err(failed),
        };
        match done {
            Ok(done) if done.changed => {
                tracing::warn!(id = %signer.key.id, purpose = %signer.purpose, "a key that signed is retired");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(id = %signer.key.id, %error, "a key that signed could not be retired; trying again");
            }
        }
    }

    /// Deletes a private half. Whether it is gone.
    async fn forget(&self, purpose: SignerPurpose, id: SignerId) -> bool {
        match signer::purge(&self.control, purpose, id).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%id, %error, "a retired key's private half could not be deleted; trying again");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use events::clock::ManualClock;
    use events::{PublicKey, SignerKey, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn signer(number: u8, purpose: SignerPurpose, retired: Option<u64>) -> PublishedSigner {
        let id = SignerId::new(Uuid::from_u128(number.into()));
        let key = SignerKey { id, public: PublicKey([number; 32]) };
        PublishedSigner { purpose, key, published: number.into(), retired }
    }

    #[test]
    fn a_key_is_due_when_another_has_followed_it_for_long_enough() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let (writer, checkpoint) = (SignerPurpose::Writer, SignerPurpose::Checkpoint);
        let first = vec![signer(1, writer, None), signer(2, checkpoint, None)];
        let mut known = Known::default();
        let mut due = |keys: &[PublishedSigner]| -> Vec<u64> {
            let set = SignerSet::restored(keys.to_vec(), None);
            let due = known.due(&set, clock.instant(), OVERLAP);
            due.iter().map(|signer| signer.published).collect()
        };
        assert!(due(&first).is_empty());
        clock.advance(OVERLAP);
        let rotated = [first, vec![signer(3, writer, None)]].concat();
        assert!(due(&rotated).is_empty(), "it is followed as of now");
        clock.advance(OVERLAP - Duration::from_secs(1));
        assert!(due(&rotated).is_empty());
        clock.advance(Duration::from_secs(1));
        assert_eq!(due(&rotated), [1]);
        let retired = vec![signer(1, writer, Some(4)), signer(2, checkpoint, None), signer(3, writer, None)];
        assert!(due(&retired).is_empty());
    }
}
