//! Deletes the sealing keys of organizations that are forgotten: what an event of the log sets off, whoever made it and
//! whenever control was away. Each control does it, and what is deleted is left alone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use events::{OrganizationId, Owner};
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
        lasts: "the key of an organization that is forgotten is not deleted yet",
        ends: "the keys of organizations that are forgotten are deleted",
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
    done: &mut HashSet<OrganizationId>,
) -> Result<(), VaultError> {
    for organization in directory.forgotten() {
        if done.contains(&organization) {
            continue;
        }
        let owner = Owner::Organization(organization);
        if !sealing.is_deleted(owner).await? {
            sealing.forget(owner).await?;
            tracing::info!(%organization, "the key that sealed its texts is deleted");
        }
        done.insert(organization);
    }
    Ok(())
}
