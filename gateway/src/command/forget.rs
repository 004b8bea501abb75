//! Deletes the sealing keys of organizations and people that are forgotten: what an event of the log sets off, whoever made it and
//! whenever control was away. Each control does it, and what is deleted is left alone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use events::{Keyholder, Owner};
use projections::directory::Directory;
use tokio_util::sync::CancellationToken;

use crate::vault::{SealingKeys, VaultError};

/// How often it is looked who is new among them, and what failed is tried again.
const EVERY: Duration = Duration::from_secs(1);

/// Until it is told to end.
pub async fn keep_forgetting(directory: Arc<Directory>, sealing: SealingKeys, cancel: CancellationToken) {
    let mut done = HashSet::new();
    let mut applied = 0;
    let words = Words {
        lasts: "the key of an organization or a person that is forgotten is not deleted yet",
        ends: "the keys of organizations and people that are forgotten are deleted",
    };
    let undeleted = Lasting::new(Arc::new(SystemClock), words);
    let looking = async {
        loop {
            tokio::time::sleep(EVERY).await;
            let now = directory.applied();
            if now == applied {
                continue;
            }
            match forget(&directory, &sealing, &mut done).await {
                Ok(()) => {
                    undeleted.ended();
                    applied = now;
                }
                Err(error) => undeleted.warn(&error),
            }
        }
    };
    cancel.run_until_cancelled(looking).await.unwrap_or(())
}

async fn forget(
    directory: &Directory,
    sealing: &SealingKeys,
    done: &mut HashSet<Keyholder>,
) -> Result<(), VaultError> {
    let organizations = directory.forgotten().into_iter().map(|id| Owner::Organization(id).into());
    let people = directory.forgotten_people().into_iter().map(Keyholder::Person);
    for of in organizations.chain(people) {
        if done.contains(&of) {
            continue;
        }
        if !sealing.is_deleted(of).await? {
            sealing.forget(of).await?;
            tracing::info!(%of, "the key that sealed its texts is deleted");
        }
        done.insert(of);
    }
    Ok(())
}
