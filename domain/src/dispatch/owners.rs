//! How owners stand, as of now. Of those who want to know it of one owner at the same time, one reads for all who came
//! before it began: what it finds holds for a moment after each of them asked.

use std::sync::atomic::{AtomicU64, Ordering};

use events::OrganizationId;
use events::log::ReadError;
use tokio::sync::Mutex;

use super::turns::{Busy, Held, PATIENCE};
use crate::aggregate::Standing;
use crate::store::StoreError;

/// What this process knows of owners without asking, because it follows the log.
pub trait Active: Send + Sync + 'static {
    /// That the organization is active, by knowledge that was complete moments ago and holds the event at this
    /// sequence. What is not known so is read.
    fn is_active(&self, organization: OrganizationId, at_least: u64) -> bool;
}

/// Of a process that follows nothing.
pub struct Nobody;

impl Active for Nobody {
    fn is_active(&self, _: OrganizationId, _: u64) -> bool {
        false
    }
}

#[derive(Default)]
pub struct Owners {
    asked: Held<OrganizationId, Asked>,
    /// Where the newest change of an organization is that was made here.
    changed: AtomicU64,
}

/// Those who ask for one owner.
#[derive(Default)]
struct Asked {
    /// How many have come.
    came: AtomicU64,
    last: Mutex<Last>,
}

/// What was read last.
#[derive(Default)]
struct Last {
    /// How many had come when it began.
    covers: u64,
    found: Option<Result<Standing, Failed>>,
}

/// Why it is not known, for everybody who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    Busy,
    NotBootstrapped,
    Unavailable(String),
}

impl Owners {
    /// An organization was changed here.
    pub fn change(&self, at: u64) {
        self.changed.fetch_max(at, Ordering::Relaxed);
    }

    /// What is known without asking must hold this, so that whoever changed an organization here meets the change.
    pub fn changed(&self) -> u64 {
        self.changed.load(Ordering::Relaxed)
    }

    /// What `reading` finds, by this call's or by another's that began after this call did.
    pub async fn standing(
        &self,
        organization: OrganizationId,
        reading: impl Future<Output = Result<Standing, Failed>>,
    ) -> Result<Standing, Failed> {
        let asked = self.asked.get(organization);
        let own = asked.came.fetch_add(1, Ordering::SeqCst) + 1;
        let waited = tokio::time::timeout(PATIENCE, asked.last.lock()).await;
        let mut last = waited.map_err(|_| Failed::Busy)?;
        if let Some(found) = last.found.as_ref().filter(|_| last.covers >= own) {
            return found.clone();
        }
        let covers = asked.came.load(Ordering::SeqCst);
        let found = reading.await;
        *last = Last { covers, found: Some(found.clone()) };
        found
    }
}

impl From<Busy> for Failed {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Read(ReadError::NotBootstrapped) => Self::NotBootstrapped,
            StoreError::Read(ReadError::Unavailable(_) | ReadError::ForeignLog(_))
            | StoreError::Append(_)
            | StoreError::SlugTaken(_)
            | StoreError::Closed(_)
            | StoreError::WrongSubject(_)
            | StoreError::Metadata(_)
            | StoreError::Unreadable(_)
            | StoreError::Sign(_) => Self::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;
    use crate::testing::uuid;

    #[tokio::test]
    async fn one_reads_for_all_who_came_before_it_began_and_for_nobody_later() {
        let (owners, reads) = (Arc::new(Owners::default()), Arc::new(AtomicU64::new(0)));
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let id = OrganizationId::new(uuid(1));
        let ask = {
            let (owners, reads) = (Arc::clone(&owners), Arc::clone(&reads));
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            move || {
                let (owners, reads) = (Arc::clone(&owners), Arc::clone(&reads));
                let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
                async move {
                    let reading = async {
                        let number = reads.fetch_add(1, Ordering::SeqCst);
                        begun.notify_one();
                        go_on.notified().await;
                        if number == 0 { Ok(Standing::Active) } else { Ok(Standing::Suspended) }
                    };
                    owners.standing(id, reading).await
                }
            }
        };
        let mut first = JoinSet::new();
        first.spawn(ask());
        begun.notified().await;
        // These came while it was read: what it finds may be from before they asked.
        let mut later = JoinSet::new();
        (0..10).for_each(|_| drop(later.spawn(ask())));
        while owners.asked.get(id).came.load(Ordering::SeqCst) < 11 {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        assert_eq!(first.join_next().await.unwrap().unwrap(), Ok(Standing::Active));
        go_on.notify_one();
        while let Some(found) = later.join_next().await {
            assert_eq!(found.unwrap(), Ok(Standing::Suspended));
        }
        assert_eq!(reads.load(Ordering::SeqCst), 2);
    }
}
